"""The generator of the darkmachines sample; needs its own environment (`make data`), else skipped."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("pythia8mc", reason="the generator's environment (.venv-generate) is not this one")
pytest.importorskip("fastjet", reason="the generator's environment (.venv-generate) is not this one")

from data_scripts import dimuon, lhco, pythia
from data_scripts.darkmachines import assembly, background, blind, generate, items, weak
from data_scripts.darkmachines.job import KEPT, Job
from data_scripts.darkmachines.processes import PROCESSES, W_LEPTONIC
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
    ("job", "name", "least"),
    [
        (small("ttbar", ("1", "3"), 150, (550, np.inf)), "_visible_pt", 0.8 * 600),
        (small("njets", ("3",), 200, (900, np.inf), decays=4, responses=3), "_visible_pt", 0.8 * 600),
        (small("ttbar", ("2a",), 300, lines=W_LEPTONIC, decays=10), "leptons_at_most", 3),
    ],
    ids=["hadronic", "multijet", "third lepton"],
)
def test_nothing_that_passes_is_cut_early(job, name, least, monkeypatch):
    """Every early cut is made to let all pass and tells what it cut on; what passes in the end must have had enough."""
    if name == "leptons_at_most":  # muons of b hadrons may pass then, which are rarely isolated
        limits = generate.detector.ACCEPTANCE
        monkeypatch.setitem(limits, 13, (*limits[13][:3], 3.0))
    owner = generate if name == "_visible_pt" else weak
    cut, values = getattr(owner, name), []

    def watched(*arguments):
        values.extend(cut(*arguments))
        return np.full(arguments[-1], 1e9)

    monkeypatch.setattr(owner, name, watched)
    found = generate.run((job, 0))
    assert len(values) == job.events and len(found["number"]) >= 10
    assert min(np.array(values)[found["number"]]) >= least


@pytest.mark.parametrize("draws", [(8, 1), (2, 6)], ids=["decays", "decays and responses"])
def test_drawn_many_times_the_rate_is_the_same(draws):
    """The share of draws that pass is an estimate of the same probability, with less noise."""
    rates = {}
    for decays, responses in ((1, 1), draws):
        job = small("njets", ("3",), 500, (900, np.inf), decays=decays, responses=responses, hard="heavy")
        found = generate.run((job, 0))
        passing = found["share"] / (decays * responses)
        rates[decays * responses] = passing.sum() / 500, np.sqrt((passing**2).sum()) / 500
        assert len(np.unique(found["number"])) == len(found["number"]), "two events share their partons"
    (one, error_one), (many, error_many) = rates.values()
    assert abs(one - many) < 4 * np.hypot(error_one, error_many)
    assert error_many < error_one


def test_an_event_is_kept_once_a_channel():
    found = generate.run((small("ttbar", ("1", "3"), 200, (550, np.inf), responses=4), 0))
    assert (found["passes"].sum(axis=1) == 1).all() and found["passes"].any(axis=0).all()
    for passes in found["passes"].T:
        assert len(np.unique(found["number"][passes])) == passes.sum()


def test_a_few_draws_are_kept_to_train_on():
    """They stand for as many as passed, and their ids tell that they share their partons."""
    found = {
        role: generate.run((small("ttbar", ("3",), 100, (550, np.inf), responses=20, role=role), 0))
        for role in ("test", "train")
    }
    passing = {role: np.bincount(f["number"], f["share"], 100) for role, f in found.items()}
    for share in passing.values():
        assert share.max() == 20
    assert np.bincount(found["train"]["number"]).max() == KEPT < 20
    many = assembly.Generated(3, small("ttbar", ("3",), 100, role="train"), [found["train"]])
    ids = many.columns["id"]
    assert len(np.unique(ids)) == len(ids)
    assert np.array_equal(np.unique(ids // assembly.DRAWS % 100_000), np.unique(found["train"]["number"]))


@pytest.fixture(scope="module")
def undecayed():
    generator, kept = generate._start(small("njets", (), 1, (300, 400), decays=2), 7)
    particles, n = generate._particles(generator, 40)
    return weak.Decays(generator, particles), particles, n, kept


def test_weak_decays_keep_the_momentum_of_each_event(undecayed):
    decays, particles, n, _kept = undecayed
    assert len(decays.hadrons) > n
    before = particles[particles.status > 0]
    one, two = (drawn[drawn.status > 0] for drawn in (decays.draw(), decays.draw()))
    assert len(one) != len(two)
    for drawn in (one, two):
        assert not np.isin(np.abs(drawn.id), weak.HADRONS).any() and (np.diff(drawn.event) >= 0).all()
        for name in ("px", "py", "pz", "e"):
            assert drawn.sum(n, name) == pytest.approx(before.sum(n, name), abs=1e-3)


def test_an_event_without_weak_hadrons_counts_in_every_draw(undecayed):
    """Or its weight would be too small."""
    decays, _particles, n, _kept = undecayed
    none = decays.of(np.arange(n) == 0)
    none.hadrons = none.hadrons[:0]
    assert len(none.draw()) == len(none.rest)


def test_job_without_channels_counts_every_event():
    """Those without any missing momentum too: they set the cross section within the cut on H_T."""
    found = generate.run((small("njets", (), 60, (900, np.inf)), 0))
    assert found["generated"] == 60 and found["above_600"] >= 57 and "met" not in found


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
    columns = {"id": np.arange(20_000) * assembly.DRAWS, "met": met, "weight": weight, "counts": np.zeros(20_000, int)}
    sample = assembly.unweighted(columns, np.random.default_rng(4))
    assert np.ptp(sample["weight"]) == 0 and sample["weight"].sum() == pytest.approx(weight.sum())
    assert len(np.unique(sample["id"])) == len(sample["id"])
    expected = weight[met > 200].sum() / weight.sum()
    assert (sample["met"] > 200).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / len(sample["id"])))


def test_unweighting_takes_several_draws_where_an_event_stands_for_many():
    """Two events of 6 draws each among many of one: none of theirs is lost, and they stay in one part."""
    n = 1_000
    ids = np.concatenate([np.arange(n) * assembly.DRAWS, *((n + i) * assembly.DRAWS + np.arange(6) for i in (0, 1))])
    columns = {"id": ids, "weight": np.ones(n + 12), "met": np.ones(n + 12), "counts": np.zeros(n + 12, int)}
    sample = assembly.unweighted(columns, np.random.default_rng(1))
    assert (sample["id"] >= n * assembly.DRAWS).sum() >= 11
    parts = assembly.shares(columns, "1")
    partons = [set((part["id"] // assembly.DRAWS).tolist()) for part in parts.values()]
    assert not (partons[0] & partons[1] or partons[0] & partons[2] or partons[1] & partons[2])
    for part in parts.values():
        assert part["weight"].sum() == pytest.approx(n + 12)


def test_unit_loses_the_stated_share():
    weight = np.random.default_rng(5).lognormal(0, 1, 5_000)
    unit = assembly._unit(weight)
    assert np.clip(weight - unit, 0, None).sum() == pytest.approx(assembly.OVERWEIGHT * weight.sum())
    assert assembly._unit(np.full(5, 2.0)) == pytest.approx(2.0, rel=2 * assembly.OVERWEIGHT)
