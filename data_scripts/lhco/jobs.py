"""What is generated: QCD dijets in two windows of the dijet mass, and W' -> XY in several kinds."""

from dataclasses import dataclass, replace

REGION = (3.3, 3.7)  # TeV: the signal region of the benchmark
RANGE = (3.0, 4.5)  # TeV: with some 250,000 events outside the region for 120,000 inside
ALL = (0.0, 13.0)


@dataclass(frozen=True, eq=False)
class Job:
    """One kind of event in one window of the dijet mass.

    Arguments:
        name: Tells its events and seeds apart from those of other jobs.
        lines: Pythia settings.
        events: Events a chunk takes from Pythia, after the early veto if there is one.
        window: Of the dijet mass, in TeV.
        veto: Drop events early that cannot reach the window.
    """

    name: str
    lines: tuple[str, ...]
    events: int
    window: tuple[float, float] = ALL
    veto: bool = False


# Half the time of a shower goes into emissions between 0.5 GeV, the default end, and 1 GeV.
SHOWER = ("TimeShower:pTmin=1.0",)
QCD = ("HardQCD:all=on", "PhaseSpace:pTHatMin=900.", "PhaseSpace:mHatMin=2200.", *SHOWER)
QUARKS = "1 2 3 4"


def dijets(name, window):
    return Job(name, QCD, 5_000, window, veto=True)


def two_prong(name, resonance, x, y):
    """W' -> X Y with X -> q qbar and Y -> q qbar': Pythia's W' -> Z W at other masses, so that both are polarised."""
    bosons = []
    for code, m in ((23, x), (24, y)):
        bosons += [f"{code}:m0={m:g}", f"{code}:mWidth={m / 100:g}", f"{code}:doForceWidth=on"]
        bosons += [f"{code}:mMin={0.8 * m:g}", f"{code}:mMax={1.2 * m:g}", f"{code}:onMode=off"]
        bosons += [f"{code}:onIfAny={QUARKS}"]
    lines = (*_w_prime(resonance), "Wprime:coup2WZ=1.", "34:onMode=off", "34:onIfMatch=23 24", *bosons, *SHOWER)
    return Job(name, lines, 10_000)


def three_prong(name, resonance, x, y):
    """W' -> X Y with X and Y to three quarks each, spread evenly over phase space."""
    lines = (
        *_w_prime(resonance),
        f"9000001:all=X Xbar 1 0 0 {x:g} {x / 100:g} {0.8 * x:g} {1.2 * x:g} 0.",
        "9000001:isResonance=on",
        "9000001:addChannel=1 0.5 101 2 1 3",
        "9000001:addChannel=1 0.5 101 4 1 3",
        f"9000002:all=Y+ Y- 1 3 0 {y:g} {y / 100:g} {0.8 * y:g} {1.2 * y:g} 0.",
        "9000002:isResonance=on",
        "9000002:addChannel=1 0.5 101 2 2 1",
        "9000002:addChannel=1 0.5 101 4 2 3",
        "34:oneChannel=1 1.0 103 9000001 9000002",
        *SHOWER,
    )
    return Job(name, lines, 10_000)


def _w_prime(m):
    width = ("34:mWidth=100.", "34:doForceWidth=on", f"34:mMin={m - 500:g}", f"34:mMax={m + 500:g}")
    return "NewGaugeBoson:ffbar2Wprime=on", f"34:m0={m:g}", *width


def with_interactions(job, events):
    """A small run of a job with multiple interactions of the protons, to see what they change."""
    return replace(job, name=f"{job.name}-mpi", lines=(*job.lines, "PartonLevel:MPI=on"), events=events)


BACKGROUND, TEST, EXTRA = (
    dijets("background", RANGE),
    dijets("background-test", REGION),
    dijets("background-extra", REGION),
)
SIGNAL = two_prong("signal", 3500, 500, 100)
# What becomes a sample of its own, with its number of chunks: a chunk is half a minute of work.
SAMPLES = {
    BACKGROUND: 95,
    TEST: 41,
    EXTRA: 41,
    SIGNAL: 5,
    three_prong("signal-threeprong", 3500, 500, 100): 3,
    two_prong("signal-300-300", 3500, 300, 300): 3,
}
STUDIES = {with_interactions(TEST, 1_500): 1, with_interactions(SIGNAL, 1_200): 1}


def items(only=""):
    """All pieces of work, or those of the jobs that have `only` in their name."""
    jobs = SAMPLES | STUDIES
    return [(job, chunk) for job, chunks in jobs.items() if only in job.name for chunk in range(chunks)]
