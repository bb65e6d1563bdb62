"""The embedded Dark Machines sample: Pythia 8 events, a fast detector, the four channels."""

from . import background, signals
from .assembly import assemble
from .generate import run

__all__ = ["assemble", "items", "run"]


def items(only=""):
    """The pieces of all jobs whose process has `only` in its name; the quick ones first."""
    jobs = [*background.JOBS, *signals.TEST, *signals.MIXTURE]
    jobs.sort(key=lambda job: job.role == "train")
    return [piece for job in jobs if only in job.process for piece in job.pieces()]
