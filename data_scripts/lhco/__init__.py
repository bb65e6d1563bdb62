"""The LHC Olympics sample: QCD dijets and W' -> XY, a simple detector, five features."""

from .assembly import assemble
from .generate import run
from .jobs import items

__all__ = ["assemble", "items", "run"]
