"""The Pythia runs of the sample, as values."""

from dataclasses import dataclass

DRELL_YAN = ("WeakSingleBoson:ffbar2gmZ=on", "23:onMode=off", "23:onIfAny=13")
# Edges in the mass of the hard process, GeV: the tail has as many events as the peak. Nothing below 50 is measured
# above 60, where the samples start, nor anything below 110 above 120, where the tail does.
EDGES = (50, 110, 200, 400, 800, 1600, None)
# The Z' has the Z's couplings (Pythia's defaults), the Z's width scaled with the mass, decays to muons, and comes
# alone, without photon, Z and their interference. Its far tail depends on what is left out, so it ends 15 widths off.
MASSES = (200, 300, 600)
WIDTHS = 15


@dataclass(frozen=True, eq=False)  # a job is itself
class Job:
    """One Pythia run.

    Arguments:
        name: What the seeds are made of.
        lines: Pythia settings.
        events: Events to generate in a chunk.
        contact: Compute the dependence on the contact interaction; for Drell-Yan only.
    """

    name: str
    lines: tuple[str, ...]
    events: int
    contact: bool = False


def _slices(name, edges, contact):
    return [
        Job(f"{name}-{low}", (*DRELL_YAN, *mass_range(low, high)), 20_000, contact)
        for low, high in zip(edges[:-1], edges[1:], strict=True)
    ]


def _z_prime(mass):
    width = 2.4952 * mass / 91.1876
    lines = (
        "NewGaugeBoson:ffbar2gmZZprime=on",
        "Zprime:gmZmode=3",
        f"32:m0={mass}",
        f"32:mWidth={width:.4f}",
        "32:doForceWidth=on",
        "32:onMode=off",
        "32:onIfAny=13",
        *mass_range(round(mass - WIDTHS * width), round(mass + WIDTHS * width)),
    )
    return Job(f"zprime-{mass}", lines, 20_000)


def mass_range(low, high):
    """Settings that keep the hard process within masses in GeV; None for no upper end."""
    return (f"PhaseSpace:mHatMin={low}", f"PhaseSpace:mHatMax={high or -1}")


FULL = Job("drell-yan", (*DRELL_YAN, *mass_range(EDGES[0], None)), 100_000)
TAIL = _slices("drell-yan-tail", EDGES[1:], contact=False)
CONTACT = _slices("contact", EDGES, contact=True)
Z_PRIME = [_z_prime(mass) for mass in MASSES]
# Chunks of each.
CHUNKS = {
    FULL: 27,
    **dict(zip(TAIL, (3, 2, 1, 1, 1), strict=True)),
    **dict(zip(CONTACT, (3, 3, 2, 1, 1, 1), strict=True)),
    **dict.fromkeys(Z_PRIME, 2),
}


def items(only=""):
    """The chunks of every job whose name holds `only`."""
    return [(job, chunk) for job, chunks in CHUNKS.items() if only in job.name for chunk in range(chunks)]
