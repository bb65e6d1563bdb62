"""The challenge: a channel's events with its signals, figures of merit of a score on them, and the blind sets."""

from .blind import blind_score
from .data import Channel, channel

__all__ = ["Channel", "blind_score", "channel"]
