"""The challenge: a channel's events with its signals, figures of merit of a score on them, and the blind sets."""

from .blind import blind_score
from .data import Channel, channel
from .entry import make_entry
from .scores import audit, rank, read_scores, total_improvement

__all__ = ["Channel", "audit", "blind_score", "channel", "make_entry", "rank", "read_scores", "total_improvement"]
