"""The dimuon sample: Drell-Yan muon pairs, a Z' in them, a contact interaction."""

from .assembly import assemble
from .generate import run
from .jobs import items

__all__ = ["assemble", "items", "run"]
