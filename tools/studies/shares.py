"""`make resonant`, too: the share of signal that R-ANODE finds in toys, some to calibrate with, some to judge by."""

from dataclasses import asdict

import numpy as np

from dmlib import compute, resonant
from dmlib.models import Flow
from dmlib.training import Recipe
from tools import studies
from tools.studies import resonant_toys as toys

SEED = 0
EVENTS, LARGEST = 8_400, 0.08
CALIBRATION, JUDGED = range(200), range(200, 300)
SIGNAL, START = {"kind": "rqs", "transforms": 1, "hidden": (32,)}, 0.03
RECIPE = Recipe(epochs=20, batch_size=256, learning_rate=1e-2, anneal=True, validation=0.2, clip=10)
SETTINGS = {"signal": SIGNAL, "start": START, "recipe": asdict(RECIPE), "events": EVENTS}


def toy(number: int) -> studies.Tables:
    """A signal of any share, anywhere: the centre of its two features and how much there is are drawn too."""
    rng = compute.stream(SEED, "toy", number)
    share, centre = rng.uniform(0, LARGEST), rng.uniform(-2, 2, 2)
    n = rng.poisson(EVENTS)
    n_signal = rng.binomial(n, share)
    (xb, mb), (xs, ms) = toys.background(n - n_signal, rng, toys.REGION), toys.signal(n_signal, rng)
    x, m = np.concatenate([xb, xs + (centre - toys.MEAN)]), np.concatenate([mb, ms])
    method = resonant.RANODE(
        signal=Flow(**SIGNAL, recipe=RECIPE), start=START, random_state=compute.seed(SEED, "fit", number)
    )
    method.fit(x, m, region=toys.REGION, outer=toys.Exact())
    use = "calibration" if number in CALIBRATION else "judged"
    row = {"seed": number, "use": use, "true": share, "found": method.w_, "x1": centre[0], "x2": centre[1]}
    return {"shares": [row]}


STUDY = studies.Study("shares", "make resonant", {toy: [*CALIBRATION, *JUDGED]}, SETTINGS)
