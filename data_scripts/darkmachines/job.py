"""One Pythia run of the sample, as a value."""

import math
from dataclasses import dataclass, replace

KEPT = 12  # draws of one event to train on


@dataclass(frozen=True, eq=False)  # spectra are no hashable values; a job is itself
class Job:
    """One Pythia run: a process in one slice of its transverse momentum, for the channels it is kept for.

    Arguments:
        process: Name in the sample.
        lines: Pythia settings.
        channels: Channels that keep events of this job; none for a job that only measures a cross section.
        events: Events to generate.
        pt_hat: Slice of the hard process's transverse momentum in GeV.
        variant: Tells apart jobs of one process and slice that force different decays.
        branching: Ratio of forced decays that Pythia's cross section does not carry.
        spectrum: Arguments of `slha.write`, for SUSY.
        decays: How often the weak decays of an event are drawn.
        responses: How often the detector's response is drawn to each.
        hard: "heavy" for hard processes with a b or c quark only, "light" for the others; "above400" for events with
            radiation harder than 400 GeV from the hard process, "below400" for the others; "light-above80"; all by
            default.
        role: "train" or "test" for background.
        chunk: Events in one piece of the work.
    """

    process: str
    lines: tuple[str, ...]
    channels: tuple[str, ...]
    events: int
    pt_hat: tuple[float, float] = (0.0, math.inf)
    variant: str = ""
    branching: float = 1.0
    spectrum: tuple = ()
    decays: int = 1
    responses: int = 1
    hard: str = ""
    role: str = ""
    chunk: int = 5_000

    @property
    def kept(self):
        """How many draws of an event are kept in a channel, at most."""
        return KEPT if self.role == "train" else 1

    @property
    def name(self):
        low, high = self.pt_hat
        parts = (self.process + self.variant, "".join(self.channels) or "total", f"{low:.0f}-{high:.0f}")
        return "-".join(filter(None, (*parts, self.hard, self.role)))

    def pieces(self):
        """The job in pieces of `chunk` events, each with its number; more events add pieces at the end."""
        sizes = [min(self.chunk, self.events - start) for start in range(0, self.events, self.chunk)]
        return [(replace(self, events=n, chunk=n), number) for number, n in enumerate(sizes)]


def decays(particle, *products):
    """Settings that let a particle decay only where one of the products takes part."""
    return (f"{particle}:onMode=off", f"{particle}:onIfAny={' '.join(products)}")
