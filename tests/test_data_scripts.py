"""The generator of the darkmachines sample; needs its own environment (`make data`), else skipped."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="the generator's environment (.venv-generate) is not this one")
pytest.importorskip("fastjet", reason="the generator's environment (.venv-generate) is not this one")

from data_scripts import dimuon, lhco, pythia
from data_scripts.darkmachines import assembly, background, blind, candidates, generate, items
from data_scripts.darkmachines.job import Job
from data_scripts.darkmachines.processes import PROCESSES, W_LEPTONIC, Z_LIGHT
from data_scripts.lhco import blackbox
from dmlib import channels, compute


def small(process, channels, events, pt_hat=(0.0, np.inf), lines=(), **options):
    options = {"role": "test" if channels else ""} | options
    return Job(process, PROCESSES[process].lines + lines, channels, events, pt_hat, **options)


def test_same_seed_same_bytes():
    job = small("ttbar", ("2b",), 40, lines=W_LEPTONIC)
    one, two, other = (generate.run((job, number)) for number in (0, 0, 1))
    assert one["generated"] == 40 and len(one["met"]) > 1
    assert all(np.array_equal(one[k], two[k]) for k in one)
    assert not np.array_equal(one["met"], other["met"])


def test_pieces_hold_all_events_and_names_are_unique():
    names = [(job.name, number) for job, number in items()]
    assert len(names) == len(set(names))
    for job in background.JOBS:
        pieces = [piece for piece, _ in job.pieces()]
        assert sum(piece.events for piece in pieces) == job.events
    longer = dataclasses.replace(job, events=job.events + job.chunk)
    assert [p.events for p, _ in longer.pieces()][: len(pieces) - 1] == [p.events for p in pieces][:-1]


def test_no_two_streams_of_the_embedded_samples_coincide():
    """Every seed that the three sets draw from: of pieces, of what is smeared or shuffled afterwards, of shares."""
    names = [f"darkmachines/{job.name}/{number}" for job, number in items()]
    names += [f"{blind.PHRASE}/{job.name}/{number}" for hidden in blind.SIGNALS for job, number in hidden.pieces()]
    names += [f"lhco/{job.name}/{chunk}" for job, chunk in [*lhco.items(), *blackbox.items()]]
    smeared = {job.name for job in lhco.jobs.SAMPLES} | {f"{blackbox.PHRASE}/{number}" for number in (1, 2)}
    names += [f"lhco/{name}/resolution" for name in smeared]
    chunks = [f"dimuon/{job.name}/{chunk}" for job, chunk in dimuon.items()]
    names += [*chunks, *(f"{name}/smearing" for name in chunks)]
    names += [f"dimuon/{name}/shuffle" for name in ("drell-yan-tail", "contact")]
    seeds = [pythia.seed(name) for name in [*names, blackbox.PHRASE]]
    seeds += [assembly.numbered(pythia.seed(blind.PHRASE), number) for number in range(len(channels.CHANNELS))]
    seeds += [assembly.numbered(20260100 + kind, number) for kind in range(1, 7) for number in range(200)]
    states = {tuple(compute.stream(seed).bit_generator.seed_seq.generate_state(4)) for seed in seeds}
    assert len(names) == len(set(names)) and len(states) == len(seeds) > 2_000


def test_numbered_seeds_draw_what_the_embedded_files_hold():
    for number in (0, 1, 77):
        seed = assembly.numbered(20260102, number)
        assert compute.stream(seed).random() == np.random.default_rng([20260102, number]).random()


def test_slices_of_a_process_and_channel_do_not_overlap():
    groups = {}
    for job in background.JOBS:
        for channel in job.channels or ("total",):
            groups.setdefault((job.process, job.variant, job.hard, job.role, channel), []).append(job.pt_hat)
    for edges in groups.values():
        edges.sort()
        assert all(low[1] <= high[0] for low, high in zip(edges[:-1], edges[1:], strict=True))


@pytest.mark.parametrize(
    "job",
    [
        small("ttbar", ("1", "3"), 100, (550, np.inf)),
        small("ttbar", ("2b",), 200, lines=W_LEPTONIC),
        small("ttbar", ("2a",), 250, lines=W_LEPTONIC, decays=10),
        small("njets", ("3",), 200, (900, np.inf), decays=10, hard="heavy"),
    ],
    ids=["hadronic", "leptonic", "third lepton", "multijet"],
)
def test_nothing_that_passes_is_cut_early(job, monkeypatch):
    """Every early cut is made to report its verdict instead; what passes in the end must have had none against it."""
    rejected, number = {}, -1
    if job.channels == ("2a",):  # where muons of b hadrons may pass, which are rarely isolated
        limits = candidates.detector.ACCEPTANCE
        monkeypatch.setitem(limits, 13, (*limits[13][:3], 3.0))

    def watched(function):
        def report(*arguments):
            nonlocal number
            verdict = function(*arguments)
            number += function is may_pass
            rejected[number] = rejected.get(number, False) or not verdict
            return True

        return report

    may_pass = candidates.may_pass
    monkeypatch.setattr(candidates, "may_pass", watched(may_pass))
    for name in ("may_have_met", "may_have_leptons"):
        monkeypatch.setattr(candidates.Hadrons, name, watched(getattr(candidates.Hadrons, name)))
    found = generate.run((job, 0))
    assert len(found["number"]) >= 10
    assert not any(rejected[n] for n in found["number"])


def test_decays_drawn_many_times_give_the_same_rate():
    """The share of decays that pass is an estimate of the same probability, with less noise."""
    rates = {}
    for times in (1, 8):
        found = generate.run((small("njets", ("3",), 150, (900, np.inf), decays=times, hard="heavy"), 0))
        passing = found["share"] / times
        rates[times] = passing.sum() / 150, np.sqrt((passing**2).sum()) / 150
        assert len(np.unique(found["number"])) == len(found["number"]), "two events share their partons"
    (one, error_one), (many, error_many) = rates[1], rates[8]
    assert abs(one - many) < 4 * np.hypot(error_one, error_many)
    assert error_many < error_one


def test_decay_is_drawn_as_often_where_nothing_decays_weakly():
    """An event without heavy hadrons counts in every draw, or its weight would be too small."""
    generator, _kept = generate._start(small("z_jets", (), 1, lines=Z_LIGHT), 7)
    for _ in range(50):
        generator.next()
        generator.forceHadronLevel()
        hadrons = candidates.Hadrons(generator.event)
        if not len(hadrons.weak):
            break
    assert not len(hadrons.weak)
    assert list(candidates._decays(generator, hadrons, 5)) == [[]] * 5


def test_job_without_channels_counts_every_event():
    """Those without any missing momentum too: they set the cross section within the cut on H_T."""
    found = generate.run((small("njets", (), 60, (900, np.inf)), 0))
    assert found["generated"] == 60 and found["above_600"] >= 57 and len(found["met"]) == 0


@pytest.mark.parametrize(
    ("process", "pt_hat", "two", "share"),
    [("njets", (900, np.inf), ("heavy", "light"), 0.2), ("ttbar", (200, 350), ("above250", "below250"), 0.15)],
)
def test_two_classes_of_hard_processes_share_the_cross_section(process, pt_hat, two, share):
    sigma = {}
    for hard in ("", *two):
        sigma[hard] = generate.run((small(process, (), 60, pt_hat, hard=hard), 0))["sigma"]
    assert sigma[two[0]] + sigma[two[1]] == pytest.approx(sigma[""], rel=0.25)
    assert sigma[two[0]] < share * sigma[""]


def test_radiation_above_a_scale_is_there():
    above, below = (generate.run((small("ttbar", (), 60, (0, 100), hard=h), 0)) for h in ("above300", "below300"))
    assert above["above_600"] > 30 > 15 > below["above_600"]


def test_unweighted_background_keeps_the_distribution():
    rng = np.random.default_rng(3)
    met = rng.exponential(100, 20_000)
    weight = np.where(met > 200, 0.1, 1.0)  # a tail with ten times the events
    columns = {"id": np.arange(20_000), "met": met, "weight": weight, "counts": np.zeros(20_000, int)}
    sample = assembly.unweighted(columns, np.random.default_rng(4))
    assert np.ptp(sample["weight"]) == 0 and sample["weight"].sum() == pytest.approx(weight.sum())
    assert len(np.unique(sample["id"])) == len(sample["id"])
    expected = weight[met > 200].sum() / weight.sum()
    assert (sample["met"] > 200).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / len(sample["id"])))


def test_unit_loses_the_stated_share():
    weight = np.random.default_rng(5).lognormal(0, 1, 5_000)
    unit = assembly._unit(weight)
    assert np.clip(weight - unit, 0, None).sum() == pytest.approx(assembly.OVERWEIGHT * weight.sum())
    assert assembly._unit(np.full(5, 2.0)) == pytest.approx(2.0, rel=2 * assembly.OVERWEIGHT)
