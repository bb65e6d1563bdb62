"""The challenge: a channel's events with its signals, figures of merit of a score on them, score files, the blind sets.

`CUTS` are the scores to hold every other against: missing momentum, H_T, the sum of all momenta, the number of objects.
"""

from .blind import blind_score
from .data import CUTS, Channel, channel, medians
from .entry import make_entry
from .scores import audit, paper_table, rank, read_scores, total_improvement

__all__ = [
    "CUTS",
    "Channel",
    "audit",
    "blind_score",
    "channel",
    "make_entry",
    "medians",
    "paper_table",
    "rank",
    "read_scores",
    "total_improvement",
]
