"""How much of each Standard Model process is generated, and in which slices.

To train on: every slice with the luminosity that gives unweighted events of weight `UNIT` (accept-reject in
`assembly`). To test on: slices with weights small against the sample's, and smaller still where they feed the tails.
"""

import math

from .job import Job
from .processes import PROCESSES, TAU_TO_LEPTON, TAUS_LEPTONIC, W_LEPTONIC, Z_CHARGED, Z_LEPTONIC, Z_LIGHT

INF = math.inf
PER_PB = 1e4  # events a pb in 10/fb
# The weight of an unweighted event: the channel's expectation in 10/fb over the events wanted, which are split in
# `assembly.shares`.
UNIT = {"1": 54_300 / 9_500, "2a": 546 / 9_500, "2b": 115_000 / 23_800, "3": 627_000 / 23_800}
SECONDS = 40  # of work in a chunk, about


def _slice(
    process, channels, pt_hat, pb, test, decays=(1, 1), milliseconds=4, hard="", lines=(), branching=1.0, name=""
):
    """The two jobs of a slice.

    Arguments:
        pb: Cross section of the slice times K, measured in short runs: it sets how much is generated to train on,
            nothing else. (0: nothing.)
        test: Events to generate for the test sample.
        decays: How often weak decays are drawn, and how many of these may pass in one event before it counts for more
            than `UNIT`: where more do, a little weight is lost (`assembly.OVERWEIGHT`).
        milliseconds: Time an event.
    """
    times, most = decays
    unit = min(UNIT[c] for c in channels)
    common = (process, PROCESSES[process].lines + lines, channels)
    options = {"pt_hat": pt_hat, "variant": name, "branching": branching, "decays": times, "hard": hard}
    options["chunk"] = int(SECONDS / milliseconds * 10) * 100
    train = math.ceil(pb * PER_PB * most / times / unit / 100) * 100
    jobs = [Job(*common, test, role="test", **options), Job(*common, train, role="train", **options)]
    return [job for job in jobs if job.events]


def _total(process, *slices):
    """Jobs that only measure what share of a process has H_T beyond the challenge's cut."""
    return [Job(process, PROCESSES[process].lines, (), n, (low, high)) for low, high, n in slices]


def _njets(channel, pt_hat, pb, test, decays, milliseconds, hard=""):
    return _slice("njets", (channel,), pt_hat, 1.06 * pb, test, decays, milliseconds, hard)


def _vjets(process, pt_hat, pb, test, milliseconds=4, hard=""):
    return _slice(process, ("1", "3"), pt_hat, 9 * pb, test, milliseconds=milliseconds, hard=hard)


def _ttbar(pt_hat, pb, test, milliseconds, hard=""):
    return _slice("ttbar", ("1", "3"), pt_hat, 1.07 * pb, test, milliseconds=milliseconds, hard=hard)


def _dileptonic(pt_hat, pb, test, milliseconds=4, hard=""):
    return _slice("ttbar", ("2b",), pt_hat, 1.07 * pb, test, milliseconds=milliseconds, hard=hard, lines=W_LEPTONIC)


def _ll(pt_hat, pb, test, decays, milliseconds=2):
    name = {"lines": Z_LIGHT, "name": "-ee-mumu"}
    return _slice("z_jets", ("2b",), pt_hat, 9 * pb, test, decays, milliseconds, **name)


def _tautau(pt_hat, pb, test, milliseconds=4):
    # Pythia's cross section knows nothing of the branching ratios of the tau.
    name = {"lines": TAUS_LEPTONIC, "name": "-tautau", "branching": TAU_TO_LEPTON**2}
    return _slice("z_jets", ("2b",), pt_hat, 9 * pb, test, milliseconds=milliseconds, **name)


def _ww(pt_hat, pb, test):
    return _slice("ww", ("2b",), pt_hat, 1.3 * pb, test, lines=W_LEPTONIC)


def _zw(pt_hat, pb, test, milliseconds=4, hard=""):
    lines = Z_CHARGED + W_LEPTONIC
    return _slice("zw", ("2a", "2b"), pt_hat, 1.4 * pb, test, milliseconds=milliseconds, hard=hard, lines=lines)


def _zz(pt_hat, pb, test, milliseconds=4, hard=""):
    return _slice("zz", ("2a", "2b"), pt_hat, pb, test, milliseconds=milliseconds, hard=hard, lines=Z_LEPTONIC)


def _ttbar_trilepton(pt_hat, pb, test, hard=""):
    # The third lepton comes from a b or c hadron. One of a photon in the shower is rarer, but no decay drawn again
    # makes it more frequent: like ttbarGam it is left out.
    lines = (*W_LEPTONIC, "TimeShower:QEDshowerByGamma=off")
    return _slice("ttbar", ("2a",), pt_hat, 1.07 * pb, test, (100, 1), 25, hard, lines)


TOTALS = [
    *_total("njets", (200, 300, 16_000), (300, 400, 5_000), (400, 600, 3_000), (600, 900, 1_000), (900, INF, 500)),
    *_total("w_jets", (20, 100, 20_000), (100, 200, 5_000), (200, INF, 1_000)),
    *_total("z_jets", (20, 100, 20_000), (100, 200, 5_000), (200, INF, 1_000)),
    *(j for p in ("ttbar", "single_top", "ww", "zw", "zz", "ttbarHiggs") for j in _total(p, (0, INF, 1_000))),
]
JOBS = [
    *TOTALS,
    # Channels 1 and 3. Below these slices trial runs found less than one per cent of either channel, but for njets.
    # To train on, the lowest slices are generated with hard radiation only: without, trial runs found nothing.
    *_vjets("w_jets", (200, 300), 0, 60_000, 3),
    *_vjets("w_jets", (200, 300), 10.7, 0, 4, "above80"),
    *_vjets("w_jets", (300, 450), 7.05, 20_000, 6),
    *_vjets("w_jets", (450, 700), 1.18, 20_000, 7),
    *_vjets("w_jets", (700, INF), 0.17, 30_000, 8),
    *_vjets("z_jets", (200, 300), 0, 25_000, 3),
    *_vjets("z_jets", (200, 300), 4.33, 0, 4, "above80"),
    *_vjets("z_jets", (300, 450), 2.9, 10_000, 5),
    *_vjets("z_jets", (450, 700), 0.5, 10_000, 6),
    *_vjets("z_jets", (700, INF), 0.073, 16_000, 7),
    # The tails of top pairs are radiation.
    *_ttbar((0, 100), 46, 0, 5, "above100"),
    *_ttbar((0, 100), 0, 50_000, 3, "below400"),
    *_ttbar((0, 100), 0, 8_000, 30, "above400"),
    *_ttbar((100, 200), 50, 0, 5, "above100"),
    *_ttbar((100, 200), 0, 45_000, 5, "below400"),
    *_ttbar((100, 200), 0, 16_000, 20, "above400"),
    *_ttbar((200, 350), 57, 0, 7),
    *_ttbar((200, 350), 0, 30_000, 7, "below400"),
    *_ttbar((200, 350), 0, 10_000, 15, "above400"),
    *_ttbar((350, 550), 7.1, 20_000, 8),
    *_ttbar((550, INF), 0.86, 30_000, 8),
    *_slice("single_top", ("1", "3"), (200, INF), 1.6 * 6.0, 8_000),
    *_njets("3", (300, 400), 543, 15_000, (5, 2.6), 5, "heavy"),
    *_njets("3", (300, 400), 6_110, 30_000, (30, 6), 4, "light"),
    *_njets("3", (400, 600), 140, 20_000, (2, 2), 6, "heavy"),
    *_njets("3", (400, 600), 1_670, 30_000, (10, 3), 4, "light"),
    *_njets("3", (600, 900), 213, 40_000, (3, 3), 5),
    *_njets("3", (900, INF), 20.6, 20_000, (2, 2), 6),
    *_njets("1", (300, 400), 540, 20_000, (20, 3), 5, "heavy"),
    *_njets("1", (300, 400), 6_110, 70_000, (100, 4), 4, "light"),
    *_njets("1", (400, 600), 140, 20_000, (10, 3), 5, "heavy"),
    *_njets("1", (400, 600), 1_670, 46_000, (50, 4), 4, "light"),
    *_njets("1", (600, 900), 213, 30_000, (10, 2), 5),
    *_njets("1", (900, INF), 20.6, 46_200, (8, 2), 6),
    # Channels 2a and 2b.
    *_ll((50, 100), 197, 40_000, (30, 0.5)),
    *_ll((100, 200), 39.5, 15_000, (10, 2.4)),
    *_ll((200, 400), 3.9, 10_000, (5, 2)),
    *_ll((400, INF), 0.3, 8_000, (5, 2)),
    *_tautau((50, 100), 12.1, 20_000),
    *_tautau((100, 200), 2.5, 10_000, 6),
    *_tautau((200, INF), 0.26, 25_000, 7),
    *_dileptonic((0, 200), 48.5, 0),
    *_dileptonic((0, 200), 0, 20_000, hard="below250"),
    *_dileptonic((0, 200), 0, 16_000, 10, "above250"),
    *_dileptonic((200, 350), 6.4, 0, 6),
    *_dileptonic((200, 350), 0, 20_000, 6, "below250"),
    *_dileptonic((200, 350), 0, 6_000, 8, "above250"),
    *_dileptonic((350, INF), 0.92, 15_000, 6),
    *_ww((0, 80), 5.6, 8_000),
    *_ww((80, 200), 1.0, 5_000),
    *_ww((200, INF), 0.08, 5_000),
    *_zw((0, 80), 0.614, 0),
    *_zw((0, 80), 0, 30_000, hard="below250"),
    *_zw((0, 80), 0, 6_000, 10, "above250"),
    *_zw((80, 200), 0.135, 0),
    *_zw((80, 200), 0, 15_000, hard="below250"),
    *_zw((80, 200), 0, 5_000, 8, "above250"),
    *_zw((200, INF), 0.0105, 8_000),
    *_zz((0, 80), 0.733, 0),
    *_zz((0, 80), 0, 25_000, hard="below250"),
    *_zz((0, 80), 0, 4_000, 10, "above250"),
    *_zz((80, 200), 0.17, 0),
    *_zz((80, 200), 0, 10_000, hard="below250"),
    *_zz((80, 200), 0, 4_000, 8, "above250"),
    *_zz((200, INF), 0.013, 4_000),
    *_slice("ttbarHiggs", ("2a",), (0, INF), 1.3 * 0.031, 15_000, lines=W_LEPTONIC, milliseconds=8),
    *_ttbar_trilepton((0, INF), 54.3, 0),
    *_ttbar_trilepton((0, 350), 0, 21_000, "below250"),
    *_ttbar_trilepton((0, 350), 0, 5_000, "above250"),
    *_ttbar_trilepton((350, INF), 0, 3_000),
]  # fmt: skip
