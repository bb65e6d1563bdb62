"""How much of each Standard Model process is generated, and in which slices.

To train on: every slice with the luminosity that gives unweighted events of weight `UNIT` (see `assembly.unweighted`).
To test on: slices with weights small against the sample's, and smaller still where they feed the tails.
"""

import math

from .job import Job, decays
from .processes import PROCESSES, TAU_TO_LEPTON, TAUS_LEPTONIC, W_LEPTONIC, Z_CHARGED, Z_LEPTONIC, Z_LIGHT

INF = math.inf
PER_PB = 1e4  # events a pb in 10/fb
# The weight of an unweighted event: the channel's expectation in 10/fb (trial runs) over the events wanted, which are
# split in `assembly.shares`.
UNIT = {"1": 55_000 / 8_500, "2a": 490 / 9_900, "2b": 496_000 / 23_000, "3": 1_600_000 / 23_000}
SECONDS = 40  # of work in a chunk, about
W_LIGHT, W_TAU = decays(24, "11 13"), (*decays(24, "15"), *decays(15, "11 13"))
W_HADRONIC, Z_HADRONIC = decays(24, "1 2 3 4 5"), decays(23, "1 2 3 4 5")
Z_TAU = (*decays(23, "15"), *decays(15, "11 13"))


def _slice(
    process,
    channels,
    pt_hat,
    pb,
    test,
    most=1.0,
    draws=(1, 1),
    milliseconds=2,
    hard="",
    lines=(),
    branching=1.0,
    name="",
):
    """The two jobs of a slice.

    Arguments:
        pb: Cross section of the slice times K, measured in short runs: it sets how much is generated to train on,
            nothing else. (0: nothing.)
        test: Events to generate for the test sample.
        most: Sets how much is generated: so large a share of an event's draws may pass before it counts for more than
            `UNIT`. Where more do, several draws are kept (`Job.kept`).
        draws: How often weak decays are drawn, and how often the detector's response to each.
        milliseconds: Time an event.
    """
    unit = min(UNIT[c] for c in channels)
    common = (process, PROCESSES[process].lines + lines, channels)
    options = {"pt_hat": pt_hat, "variant": name, "branching": branching, "hard": hard}
    options |= {"decays": draws[0], "responses": draws[1], "chunk": int(SECONDS / milliseconds * 10) * 100}
    train = math.ceil(pb * PER_PB * most / unit / 100) * 100
    jobs = [Job(*common, test, role="test", **options), Job(*common, train, role="train", **options)]
    return [job for job in jobs if job.events]


def _total(process, *slices):
    """Jobs that only measure what share of a process has H_T beyond the challenge's cut."""
    return [Job(process, PROCESSES[process].lines, (), n, (low, high)) for low, high, n in slices]


def _njets(channels, pt_hat, pb, test, most, draws, hard=""):
    return _slice("njets", channels, pt_hat, 1.07 * pb, test, most, draws, 4, hard)


def _vjets(process, k, pt_hat, pb, test, hard=""):
    return _slice(process, ("1", "3"), pt_hat, k * pb, test, 0.8, (1, 2), hard=hard)


def _hadronic(process, k, pt_hat, pb, test):
    name = {"lines": W_HADRONIC if process == "w_jets" else Z_HADRONIC, "name": "-hadronic"}
    return _slice(process, ("1", "3"), pt_hat, k * pb, test, 0.15, (1, 10), **name)


def _w(*arguments, **options):
    return _vjets("w_jets", 2.9, *arguments, **options)


def _z(*arguments, **options):
    return _vjets("z_jets", 2.7, *arguments, **options)


def _ttbar(pt_hat, pb, test, milliseconds=2, hard=""):
    return _slice("ttbar", ("1", "3"), pt_hat, 1.03 * pb, test, 0.8, (1, 2), milliseconds, hard)


def _dileptonic(pt_hat, pb, test, milliseconds=2, hard=""):
    lines = W_LEPTONIC
    return _slice("ttbar", ("2b",), pt_hat, 1.03 * pb, test, 1.0, (1, 2), milliseconds, hard, lines)


def _ll(flavour, pt_hat, pb, test, hard=""):
    name = {"lines": decays(23, {"ee": "11", "mumu": "13"}[flavour]), "name": f"-{flavour}"}
    return _slice("z_jets", ("2b",), pt_hat, 2.7 * pb, test, draws=(1, 4), milliseconds=1, hard=hard, **name)


def _tautau(pt_hat, pb, test):
    # Pythia's cross section knows nothing of the branching ratios of the tau.
    name = {"lines": TAUS_LEPTONIC, "name": "-tautau", "branching": TAU_TO_LEPTON**2}
    return _slice("z_jets", ("2b",), pt_hat, 2.7 * pb, test, draws=(1, 2), milliseconds=4, **name)


def _dibosons(process, k, pt_hat, pb, test, hard=""):
    """Bosons to electrons and muons for channel 2a; those to taus are apart, since all their taus are leptonic."""
    lines = Z_LIGHT + (W_LIGHT if process == "zw" else ())
    return _slice(process, ("2a",), pt_hat, k * pb, test, 1.0, (1, 2), 1, hard, lines, name="-light")


def _zw_taus(name, lines, taus, pb, test):
    branching = TAU_TO_LEPTON**taus
    return _slice("zw", ("2a",), (0, INF), 1.33 * pb, test, 1.0, (1, 2), 7, "", lines, branching, name)


def _ttbar_trilepton(pt_hat, pb, test, hard=""):
    # The third lepton comes from a b or c hadron. One of a photon in the shower is rarer, but no decay drawn again
    # makes it more frequent: like ttbarGam it is left out.
    lines = (*W_LEPTONIC, "TimeShower:QEDshowerByGamma=off")
    return _slice("ttbar", ("2a",), pt_hat, 1.03 * pb, test, 0.009, (40, 2), 9, hard, lines)


TOTALS = [
    *_total("njets", (200, 300, 16_000), (300, 400, 5_000), (400, 600, 3_000), (600, 900, 1_000), (900, INF, 500)),
    *_total("w_jets", (20, 100, 20_000), (100, 200, 5_000), (200, INF, 1_000)),
    *_total("z_jets", (20, 100, 20_000), (100, 200, 5_000), (200, INF, 1_000)),
    *(j for p in ("ttbar", "single_top", "ww", "zw", "zz", "ttbarHiggs") for j in _total(p, (0, INF, 1_000))),
]
C13 = ("1", "3")
JOBS = [
    *TOTALS,
    # Channels 1 and 3. To train on, the lowest slices are generated with hard radiation only: without, trial runs found
    # a few per cent of what they found with it.
    *_w((200, 300), 0, 25_000),
    *_w((200, 300), 10.7, 0, "above80"),
    *_w((300, 450), 7.0, 12_000),
    *_w((450, 700), 1.2, 12_000),
    *_w((700, INF), 0.14, 15_000),
    *_z((200, 300), 0, 12_000),
    *_z((200, 300), 4.4, 0, "above80"),
    *_z((300, 450), 2.8, 6_000),
    *_z((450, 700), 0.51, 6_000),
    *_z((700, INF), 0.059, 8_000),
    *_hadronic("w_jets", 2.9, (200, 400), 85.2, 20_000),
    *_hadronic("w_jets", 2.9, (400, INF), 4.9, 5_000),
    *_hadronic("z_jets", 2.7, (200, 400), 38.9, 6_000),
    *_hadronic("z_jets", 2.7, (400, INF), 2.2, 4_000),
    # The tails of top pairs are radiation.
    *_ttbar((0, 100), 46, 0, 3, "above100"),
    *_ttbar((0, 100), 0, 40_000, hard="below400"),
    *_ttbar((0, 100), 0, 5_000, 20, "above400"),
    *_ttbar((100, 200), 50, 0, 3, "above100"),
    *_ttbar((100, 200), 0, 40_000, hard="below400"),
    *_ttbar((100, 200), 0, 20_000, 10, "above400"),
    *_ttbar((200, 350), 59, 0),
    *_ttbar((200, 350), 0, 15_000, hard="below400"),
    *_ttbar((200, 350), 0, 14_000, 6, "above400"),
    *_ttbar((350, 550), 7.4, 0),
    *_ttbar((350, 550), 0, 12_000, hard="below400"),
    *_ttbar((350, 550), 0, 6_000, 5, "above400"),
    *_ttbar((550, INF), 0.87, 15_000),
    *_slice("single_top", C13, (200, INF), 1.6 * 6.0, 8_000, draws=(1, 2)),
    # Most multijets to train channel 1 on pass channel 3 as well as those for it; only the lowest slices are apart.
    *_njets(C13, (300, 400), 535, 30_000, 0.06, (8, 6), "heavy"),
    *_njets(C13, (300, 400), 6_150, 120_000, 0.019, (8, 6), "light"),
    *_njets(C13, (400, 600), 140, 15_000, 0.075, (8, 6), "heavy"),
    *_njets(C13, (400, 600), 1_680, 80_000, 0.045, (8, 6), "light"),
    *_njets(C13, (600, 900), 210, 80_000, 0.075, (8, 6)),
    *_njets(C13, (900, INF), 20.4, 90_000, 0.2, (8, 6)),
    *_njets(("3",), (200, 300), 4_240, 30_000, 0.2, (3, 3), "heavy"),
    *_njets(("3",), (200, 300), 0, 80_000, 0.2, (6, 5), "light"),
    *_njets(("3",), (200, 300), 20_200, 0, 0.065, (6, 5), "light-above80"),
    *_njets(("3",), (150, 200), 16_200, 40_000, 0.032, (6, 5), "above130"),
    *_njets(("1",), (200, 300), 2_330, 50_000, 0.018, (10, 6), "above200"),
    # Channels 2a and 2b.
    *_ll("mumu", (20, 50), 0, 40_000),
    *_ll("mumu", (20, 50), 60, 0, "above40"),
    *_ll("mumu", (50, 100), 98.8, 25_000),
    *_ll("mumu", (100, 200), 19.7, 12_000),
    *_ll("mumu", (200, 400), 2.0, 8_000),
    *_ll("mumu", (400, INF), 0.12, 8_000),
    *_ll("ee", (50, 100), 98.8, 20_000),
    *_ll("ee", (100, 200), 19.7, 8_000),
    *_ll("ee", (200, INF), 2.1, 6_000),
    *_tautau((50, 100), 12.1, 10_000),
    *_tautau((100, 200), 2.5, 6_000),
    *_tautau((200, INF), 0.26, 8_000),
    *_dileptonic((0, 200), 48.5, 0),
    *_dileptonic((0, 200), 0, 15_000, hard="below250"),
    *_dileptonic((0, 200), 0, 8_000, 6, "above250"),
    *_dileptonic((200, 350), 6.4, 0),
    *_dileptonic((200, 350), 0, 12_000, hard="below250"),
    *_dileptonic((200, 350), 0, 4_000, 5, "above250"),
    *_dileptonic((350, INF), 0.92, 10_000, 3),
    *_slice("ww", ("2b",), (0, INF), 1.25 * 6.8, 6_000, draws=(1, 2), lines=W_LEPTONIC),
    *_slice("zw", ("2b",), (0, INF), 1.33 * 0.77, 3_000, draws=(1, 2), lines=Z_CHARGED + W_LEPTONIC),
    *_slice("zz", ("2b",), (0, INF), 0.93, 3_000, draws=(1, 2), lines=Z_LEPTONIC),
    *_dibosons("zw", 1.33, (0, 80), 0.276, 100_000),
    *_dibosons("zw", 1.33, (80, 200), 0.061, 0),
    *_dibosons("zw", 1.33, (80, 200), 0, 8_000, "below250"),
    *_dibosons("zw", 1.33, (80, 200), 0, 3_000, "above250"),
    *_dibosons("zw", 1.33, (200, INF), 0.0048, 6_000),
    *_zw_taus("-tau", (*Z_LIGHT, *W_TAU), 1, 0.06, 30_000),
    *_zw_taus("-ditau", (*W_LIGHT, *Z_TAU), 2, 0.021, 2_000),
    *_dibosons("zz", 1.02, (0, 80), 0.04, 20_000),
    *_dibosons("zz", 1.02, (80, INF), 0.01, 6_000),
    *_slice("ttbarHiggs", ("2a",), (0, INF), 1.31 * 0.031, 5_000, lines=W_LEPTONIC, milliseconds=4),
    *_ttbar_trilepton((0, INF), 54.3, 0),
    *_ttbar_trilepton((0, 350), 0, 30_000),
    *_ttbar_trilepton((350, INF), 0, 3_000),
]  # fmt: skip
