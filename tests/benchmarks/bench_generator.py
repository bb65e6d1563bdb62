"""Events a second from Pythia through the fast detector to the channels, on one core."""

import dataclasses
import time

from data_scripts.darkmachines import background, generate, signals

from . import Row

EVENTS = 4_000


def _rate(job) -> float:
    generate.generate(dataclasses.replace(job, events=50), 1)  # compiles
    start = time.perf_counter()
    generate.generate(dataclasses.replace(job, events=EVENTS), 2)
    return EVENTS / (time.perf_counter() - start)


def measure() -> list[Row]:
    """Measures a signal, and multijets whose decays and responses are drawn many times."""
    jobs = {job.name: job for job in (*signals.TEST, *background.JOBS)}
    return [
        Row(f"{what}, generated and measured", _rate(jobs[name]), ">=", least, "events/s")
        for what, name, least in (
            ("monojet", "monojet_Zp2000.0_DM_50.0-13-150-inf", 300),
            ("multijets, 48 draws", "njets-13-400-600-light-train", 100),
        )
    ]
