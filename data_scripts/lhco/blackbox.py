"""The black box: if you want to open it by yourself, do not read on.

It is sealed by agreement: what is hidden in it, and all seeds, come from a hash of `PHRASE`, so that nothing of it
stands anywhere in words; it is generated outside `make data`, by `python -m data_scripts.lhco.blackbox`; and its
labels are read by the scorer alone.
"""

import base64
import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from data_scripts import files, pythia
from dmlib import compute

from . import generate, jobs, resolution

PHRASE = "seven herons asleep on the old weir, and one awake"
CHUNKS = 25
HALF_WINDOW = 0.2  # TeV, around the resonance


def _number(name, low, high, step):
    """A number between two others, known to the phrase alone."""
    digest = hashlib.sha256(f"{PHRASE}/{name}".encode()).digest()
    return low + round(int.from_bytes(digest[:8], "big") / 2**64 * (high - low) / step) * step


def items():
    """Pieces of work, with names that tell nothing."""
    signal = jobs.two_prong(
        "", _number("resonance", 3400, 3950, 10), _number("x", 200, 650, 5), _number("y", 70, 190, 5)
    )
    background = jobs.dijets("", jobs.RANGE)
    hidden = [
        dataclasses.replace(job, name=hashlib.sha256(f"{PHRASE}/{kind}".encode()).hexdigest())
        for kind, job in (("background", background), ("signal", signal))
    ]
    return [(hidden[0], chunk) for chunk in range(CHUNKS)] + [(hidden[1], 0)]


def assemble(results, folder):
    """Writes `<folder>/blackbox.parquet`, its row in `<folder>/card.json`, and `<folder>/blackbox-truth.json`."""
    background = resolution.smeared(np.concatenate([result["features"] for result in results[:-1]]), f"{PHRASE}/1")
    signal = resolution.smeared(results[-1]["features"], f"{PHRASE}/2")
    signal = signal[signal["m_jj"].between(*jobs.RANGE)]
    resonance = _number("resonance", 3400, 3950, 10) / 1000
    near = [np.abs(x["m_jj"] - resonance) < HALF_WINDOW for x in (background, signal)]
    # Events in the window before any cut: S = z sqrt(B).
    z = _number("significance", 1.2, 1.8, 0.1)
    signal = signal[: np.searchsorted(np.cumsum(near[1]), z * np.sqrt(near[0].sum())) + 1]
    order = compute.stream(pythia.seed(PHRASE)).permutation(len(background) + len(signal))
    events = pd.concat([background, signal]).iloc[order]
    row = {"file": "blackbox.parquet", **files.write_table(events, folder / "blackbox.parquet")}
    card = json.loads((folder / "card.json").read_text())
    card["samples"]["blackbox"] = row | {"m_jj_tev": list(jobs.RANGE)}
    files.write_card(card, folder / "card.json")
    truth = {
        "resonance_tev": resonance,
        "x_gev": _number("x", 200, 650, 5),
        "y_gev": _number("y", 70, 190, 5),
        "signal_events": len(signal),
        "window_tev": [resonance - HALF_WINDOW, resonance + HALF_WINDOW],
        "signal_over_root_background_in_window": z,
    }
    sealed = {
        "note": "sealed by agreement; base64 of packed bits and of a JSON text; dmlib.challenge.blind_score reads it",
        "events": len(events),
        "labels": base64.b64encode(np.packbits(order >= len(background)).tobytes()).decode(),
        "truth": base64.b64encode(json.dumps(truth).encode()).decode(),
    }
    (folder / "blackbox-truth.json").write_text(json.dumps(sealed, indent=1) + "\n")


def main():
    results = compute.map(generate.run, items(), store="_generated/lhco-blackbox", progress=True)
    assemble(results, Path("dmlib/data/lhco"))


if __name__ == "__main__":
    main()
