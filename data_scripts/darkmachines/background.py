"""How much of each Standard Model process is generated, and in which slices.

To train on: every slice with the luminosity that gives unweighted events of weight `UNIT` (accept-reject in
`assembly`). To test on: slices with weights small against the sample's, and smaller still where they feed the tails.
"""

import math

from .job import Job
from .processes import PROCESSES, TAU_TO_LEPTON, TAUS_LEPTONIC, W_LEPTONIC, Z_CHARGED, Z_LEPTONIC, Z_LIGHT

INF = math.inf
PER_PB = 1e4  # events a pb in 10/fb
# The weight of an unweighted event: the channel's expectation in 10/fb over the events wanted, which are shared out in
# `assembly.shares`.
UNIT = {"1": 56_000 / 9_800, "2a": 538 / 9_800, "2b": 122_000 / 24_000, "3": 780_000 / 24_000}
SECONDS = 40  # of work in a chunk, about


def _slice(
    process, channels, pt_hat, pb, test, decays=(1, 1), milliseconds=4, hard="", lines=(), branching=1.0, name=""
):
    """The two jobs of a slice.

    Arguments:
        pb: Cross section of the slice times K, measured in short runs: it sets how much is generated, nothing else.
        test: Events to generate for the test sample.
        decays: How often weak decays are drawn, and how many of these may pass in one event.
        milliseconds: Time an event.
    """
    times, most = decays
    unit = min(UNIT[c] for c in channels)
    common = (process, PROCESSES[process].lines + lines, channels)
    options = {"pt_hat": pt_hat, "variant": name, "branching": branching, "decays": times, "hard": hard}
    options["chunk"] = int(SECONDS / milliseconds * 10) * 100
    train = math.ceil(pb * PER_PB * most / times / unit / 100) * 100
    return [Job(*common, test, role="test", **options), Job(*common, train, role="train", **options)]


def _total(process, *slices):
    """Jobs that only measure what share of a process has H_T beyond the challenge's cut."""
    return [Job(process, PROCESSES[process].lines, (), n, (low, high)) for low, high, n in slices]


def _njets(channel, pt_hat, pb, test, decays, milliseconds, hard=""):
    return _slice("njets", (channel,), pt_hat, 1.06 * pb, test, decays, milliseconds, hard)


def _vjets(process, pt_hat, pb, test, milliseconds=4):
    return _slice(process, ("1", "3"), pt_hat, 9 * pb, test, milliseconds=milliseconds)


def _ll(pt_hat, pb, test, decays, milliseconds=2):
    name = {"lines": Z_LIGHT, "name": "-ee-mumu"}
    return _slice("z_jets", ("2b",), pt_hat, 9 * pb, test, decays, milliseconds, **name)


def _tautau(pt_hat, pb, test, milliseconds=4):
    # Pythia's cross section knows nothing of the branching ratios of the tau.
    name = {"lines": TAUS_LEPTONIC, "name": "-tautau", "branching": TAU_TO_LEPTON**2}
    return _slice("z_jets", ("2b",), pt_hat, 9 * pb, test, milliseconds=milliseconds, **name)


def _dibosons(process, channels, lines, scale, *slices):
    return [j for row in slices for j in _slice(process, channels, row[0], scale * row[1], row[2], lines=lines)]


TOTALS = [
    *_total("njets", (200, 300, 16_000), (300, 400, 5_000), (400, 600, 3_000), (600, 900, 1_000), (900, INF, 500)),
    *_total("w_jets", (20, 100, 20_000), (100, 200, 5_000), (200, INF, 1_000)),
    *_total("z_jets", (20, 100, 20_000), (100, 200, 5_000), (200, INF, 1_000)),
    *(j for p in ("ttbar", "single_top", "ww", "zw", "zz", "ttbarHiggs") for j in _total(p, (0, INF, 1_000))),
]
JOBS = [
    *TOTALS,
    # Channels 1 and 3. Below these slices trial runs found less than one per cent of either channel, but for njets.
    *_vjets("w_jets", (200, 300), 35.1, 60_000, 3),
    *_vjets("w_jets", (300, 450), 7.05, 20_000, 6),
    *_vjets("w_jets", (450, 700), 1.18, 20_000, 7),
    *_vjets("w_jets", (700, INF), 0.17, 30_000, 8),
    *_vjets("z_jets", (200, 300), 14.3, 25_000, 3),
    *_vjets("z_jets", (300, 450), 2.9, 10_000, 5),
    *_vjets("z_jets", (450, 700), 0.5, 10_000, 6),
    *_vjets("z_jets", (700, INF), 0.073, 16_000, 7),
    *_slice("ttbar", ("1", "3"), (0, 100), 1.07 * 232, 45_000, milliseconds=3),
    *_slice("ttbar", ("1", "3"), (100, 200), 1.07 * 207, 45_000),
    *_slice("ttbar", ("1", "3"), (200, 350), 1.07 * 61, 30_000, milliseconds=7),
    *_slice("ttbar", ("1", "3"), (350, 550), 1.07 * 9.0, 20_000, milliseconds=8),
    *_slice("ttbar", ("1", "3"), (550, INF), 1.07 * 1.5, 30_000, milliseconds=8),
    *_slice("single_top", ("1", "3"), (80, 200), 1.6 * 48.6, 14_000, milliseconds=3),
    *_slice("single_top", ("1", "3"), (200, INF), 1.6 * 6.0, 8_000),
    *_njets("3", (300, 400), 533, 15_000, (5, 3), 5, "heavy"),
    *_njets("3", (300, 400), 6_020, 30_000, (30, 5), 4, "light"),
    *_njets("3", (400, 600), 149, 20_000, (2, 2), 6, "heavy"),
    *_njets("3", (400, 600), 1_670, 30_000, (10, 3), 4, "light"),
    *_njets("3", (600, 900), 213, 40_000, (3, 2), 5),
    *_njets("3", (900, INF), 19.7, 20_000, (2, 2), 6),
    *_njets("1", (300, 400), 533, 20_000, (20, 4), 5, "heavy"),
    *_njets("1", (300, 400), 6_020, 46_000, (100, 5), 4, "light"),
    *_njets("1", (400, 600), 149, 20_000, (10, 3), 5, "heavy"),
    *_njets("1", (400, 600), 1_670, 26_000, (50, 4), 4, "light"),
    *_njets("1", (600, 900), 213, 30_000, (10, 3), 5),
    *_njets("1", (900, INF), 19.7, 30_000, (8, 3), 6),
    # Channels 2a and 2b.
    *_ll((50, 100), 195, 40_000, (30, 3)),
    *_ll((100, 200), 39.5, 15_000, (10, 2)),
    *_ll((200, INF), 4.2, 10_000, (5, 2)),
    *_tautau((50, 100), 12.1, 20_000),
    *_tautau((100, 200), 2.5, 10_000, 6),
    *_tautau((200, INF), 0.24, 5_000, 7),
    *_slice("ttbar", ("2b",), (0, 200), 1.07 * 48.5, 20_000, lines=W_LEPTONIC),
    *_slice("ttbar", ("2b",), (200, 350), 1.07 * 6.6, 20_000, lines=W_LEPTONIC, milliseconds=6),
    *_slice("ttbar", ("2b",), (350, INF), 1.07 * 1.2, 15_000, lines=W_LEPTONIC, milliseconds=6),
    *_dibosons(
        "ww", ("2b",), W_LEPTONIC, 1.3, ((0, 80), 5.6, 8_000), ((80, 200), 1.0, 5_000), ((200, INF), 0.08, 5_000)
    ),
    *_dibosons(
        "zw", ("2a", "2b"), Z_CHARGED + W_LEPTONIC, 1.4,
        ((0, 80), 0.614, 30_000), ((80, 200), 0.135, 15_000), ((200, INF), 0.012, 8_000),
    ),
    *_dibosons(
        "zz", ("2a", "2b"), Z_LEPTONIC, 1.0,
        ((0, 80), 0.733, 25_000), ((80, 200), 0.17, 10_000), ((200, INF), 0.013, 4_000),
    ),
    *_slice("ttbarHiggs", ("2a",), (0, INF), 1.3 * 0.037, 3_000, lines=W_LEPTONIC, milliseconds=8),
    *_slice("ttbar", ("2a",), (0, INF), 1.07 * 54.3, 21_000, (100, 2), 50, lines=W_LEPTONIC),
]  # fmt: skip
