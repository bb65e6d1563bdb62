"""The generator of the embedded sample; needs its own environment (`make data`), else skipped."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="the generator's environment (.venv-generate) is not this one")
pytest.importorskip("fastjet", reason="the generator's environment (.venv-generate) is not this one")

from data_scripts.darkmachines import generate, processes


def test_same_seed_same_bytes():
    job = dataclasses.replace(processes.SIGNALS[0], events=200)
    one, two = generate.run((job, 0)), generate.run((job, 0))
    assert one["generated"] == 200 and len(one["met"]) > 5
    assert all(np.array_equal(one[k], two[k]) for k in one)
    assert not np.array_equal(generate.run((dataclasses.replace(job, events=5_200), 1))["met"], one["met"])


def test_job_names_are_unique():
    names = [job.name for job in processes.BACKGROUND + processes.SIGNALS]
    assert len(names) == len(set(names))


def test_slices_of_a_process_and_channel_do_not_overlap():
    for process in processes.PROCESSES:
        for channel in ("1", "2a", "2b", "3"):
            jobs = [j for j in processes.BACKGROUND if j.process == process and channel in j.channels]
            for variant in {j.variant for j in jobs}:
                edges = sorted(j.pt_hat for j in jobs if j.variant == variant)
                assert all(low[1] == high[0] for low, high in zip(edges[:-1], edges[1:], strict=True))
