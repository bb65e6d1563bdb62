"""No two streams of a stored study coincide: all its items are run with tiny samples and trainings, and every stream
that is started on the way is noted.
"""

import importlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from dmlib import challenge, compute, samples, training
from tools import studies
from tools.studies import challenge as entries
from tools.studies import claims, genuine, nplm_benchmarks, nplm_dimuon, outliers, published, resonant_methods, shares

LOAD = samples.load


class Stump(HistGradientBoostingClassifier):
    """Boosted trees that grow none, and look at the first feature."""

    def fit(self, x, y, sample_weight=None):
        return self

    def predict_proba(self, x):
        return np.column_stack([1 - x[:, 0], x[:, 0]])


class Ledger:
    """Notes the streams that are started: by which item, and whether the study means several to share it."""

    def __init__(self, monkeypatch, study):
        self.study, self.item = study, None
        self.uses: dict[tuple, Counter] = {}
        self.shared_seeds, self.problems, self._stream = set(), [], compute.stream
        for place in ("dmlib.compute.stream", "dmlib.compute.streams.stream"):
            monkeypatch.setattr(place, self.stream)
        monkeypatch.setattr("dmlib.compute.seed", self.seed)

    def stream(self, seed, *path):
        generator = self._stream(seed, *path)
        if generator is not seed:
            self._note(generator, seed, path)
        return generator

    def seed(self, seed, *path):
        value = int(self.stream(seed, *path).integers(2**32))
        if self._is_shared(seed, path):
            self.shared_seeds.add(value)
        return value

    def _is_shared(self, seed, path):
        return (path and path[0] in self.study.shared) or seed in self.shared_seeds

    def _note(self, generator, seed, path):
        state = tuple(generator.bit_generator.seed_seq.generate_state(4))
        uses = self.uses.setdefault(state, Counter())
        uses[self.item] += 1
        if uses[self.item] > 1 or (len(uses) > 1 and not self._is_shared(seed, path)):
            self.problems.append(f"{(seed, *path)} in {list(uses)}")

    def run(self):
        """Runs the whole study, and returns the number of streams."""
        for function, items in self.study.parts.items():
            for item in items:
                self.item = f"{function.__name__}: {item}"
                function(item)
        assert not self.problems, "\n".join(self.problems[:10])
        return len(self.uses)


@pytest.fixture
def tiny(monkeypatch):
    """Machines and networks that draw what they start from, and stop there."""
    train, fit_network, load = importlib.import_module("dmlib.nplm.train"), training.fit, samples.load

    def untrained(self, toys, starts):
        t = np.ones(len(toys))
        return train.Trained([toy.number for toy in toys], t, starts[0], np.zeros(len(toys), bool), {0: t}, {0: t})

    def one_step(module, loss, data, validation=None, *, recipe, weight=None, **options):
        few = recipe.replace(epochs=1, batch_size=20, keep=1, patience=None)
        data, validation = ([t[:20] for t in group] if group is not None else None for group in (data, validation))
        return fit_network(
            module, loss, data, validation, recipe=few, weight=None if weight is None else weight[:20], **options
        )

    monkeypatch.setattr(train.Trainer, "train", untrained)
    monkeypatch.setattr(training, "fit", one_step)
    monkeypatch.setattr("dmlib.models.classifiers.HistGradientBoostingClassifier", Stump)

    def few_rows(name, **options):
        return load(name, **options).iloc[:: 1 if "signal" in name else 40]

    monkeypatch.setattr(samples, "load", few_rows)


def ledger(monkeypatch, module, **settings):
    for name, value in settings.items():
        monkeypatch.setattr(module, name, value)
    return Ledger(monkeypatch, module.STUDY)


def test_every_study_is_looked_at():
    looked = {name.removeprefix("test_") for name in globals()}
    assert set(studies.names()) <= looked


def test_a_collision_is_seen(monkeypatch):
    def work(item):
        compute.stream(1, "pool")
        if item == "twice":
            compute.stream(1, "pool")
        compute.stream(compute.seed(1, "pool", "seed"), "order")
        compute.stream(1, "toys", 0 if item == "again" else item)

    def study(items):
        return Ledger(monkeypatch, studies.Study("a", "make a", {work: items}, {}, shared=("pool",)))

    assert study([0, 1]).run() == 5
    monkeypatch.undo()
    with pytest.raises(AssertionError, match="'pool'"):
        study([0, "twice"]).run()
    monkeypatch.undo()
    with pytest.raises(AssertionError, match="'toys', 0"):
        study([0, "again"]).run()


def test_nplm_benchmarks(monkeypatch, tiny):
    problems = {
        name: problem._replace(expected=20, added=problem.added and 5)
        for name, problem in nplm_benchmarks.PROBLEMS.items()
    }
    monkeypatch.setattr(nplm_benchmarks, "_ideal", lambda name, toys: np.zeros(len(toys)))
    assert ledger(monkeypatch, nplm_benchmarks, PROBLEMS=problems, SMALL=1).run() > 20_000


def test_nplm_dimuon(monkeypatch, tiny):
    rng, n = np.random.default_rng(0), 6_000
    columns = {name: rng.normal(200, 30, n) for name in (*nplm_dimuon.FEATURES, "m_ll")}
    columns |= dict.fromkeys(("linear", "quadratic"), np.full(n, 1e-6))
    monkeypatch.setattr(nplm_dimuon, "_sample", lambda name: columns)
    small = {name: c._replace(expected=100, ratio=2) for name, c in nplm_dimuon.CONFIGURATIONS.items()}
    settings = {"EXPECTED": 100, "SMALL": 1, "CENTRES": 5, "CONFIGURATIONS": small}
    assert ledger(monkeypatch, nplm_dimuon, **settings).run() > 10_000


def test_claims(monkeypatch, tiny):
    x, m = np.random.default_rng(0).random((60, 4)), np.linspace(3, 4.5, 60)

    def toy_of(item):
        compute.stream(claims.SEED, "pool")
        return x, m

    assert ledger(monkeypatch, claims, toy_of=toy_of).run() > 10_000


def test_resonant_methods(monkeypatch, tiny):
    assert ledger(monkeypatch, resonant_methods, TOP=0.5).run() > 1_000


def test_shares(monkeypatch, tiny):
    assert ledger(monkeypatch, shares, EVENTS=200).run() > 1_000


def test_genuine(monkeypatch, tiny):
    events = np.random.default_rng(0).random((200, 6))
    events[:, -1] = np.arange(200) % 2
    monkeypatch.setenv("DMLIB_TEST_DATA", "somewhere")
    monkeypatch.setattr(np, "load", lambda path: events)
    assert ledger(monkeypatch, genuine).run() > 100


@pytest.fixture
def few_events(monkeypatch, tiny):
    """Channels with two signals of some fifty events."""
    monkeypatch.setattr(samples, "load", LOAD)
    whole = challenge.channel("2a")
    signals = {name: events[:50] for name, events in list(whole.signals.items())[:2]}

    def few(name):
        return challenge.Channel(name, whole.background[:200], whole.validation[:20], whole.test[:400], signals)

    monkeypatch.setattr(challenge, "channel", few)


def test_outliers(monkeypatch, few_events):
    assert ledger(monkeypatch, outliers).run() > 50


def test_challenge(monkeypatch, few_events):
    """Every model in one channel, and some in the others: all would take two minutes."""
    items = [item for k, item in enumerate(entries.items(False)) if item["channel"] == "1" or k % 9 == 0]
    parts = {entries.judge: items}
    assert ledger(monkeypatch, entries, STUDY=replace(entries.STUDY, parts=parts)).run() > 100


def test_published(monkeypatch, tmp_path):
    """It draws nothing, and keeps what the files say."""
    (tmp_path / "challenge-results").mkdir()
    lines = "Signal,Model,Chan,AUC,1e-2,1e-3,1e-4\ns,SimpleAE,1,0.8,0.1,0.05,0.03\ns,VAE_IAF,1,0.9,0.2,0.1,0.1\n"
    (tmp_path / "challenge-results" / "AE.csv").write_text(lines)
    monkeypatch.setenv("DMLIB_TEST_DATA", str(tmp_path))
    assert ledger(monkeypatch, published).run() == 0
    (row,) = published.extract(published.ITEMS[0])["published"]
    assert (row["channel"], row["auc"]) == ("1", 0.8) and row["max_si"] == pytest.approx(3)
