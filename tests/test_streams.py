"""No two streams of a stored study coincide: all its items are run with their trainings left out, and every stream that
is started on the way is noted.
"""

import importlib
from collections import Counter

import numpy as np
import pytest

from dmlib import compute
from tools.studies import nplm_benchmarks


class Ledger:
    """Notes the streams that are started: of which item, and whether the study means it to be shared by several."""

    def __init__(self, monkeypatch, shared):
        self.shared, self.item = set(shared), None
        self.uses, self.shared_seeds, self.problems = {}, set(), []
        self._stream = compute.stream
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
        return bool(path and path[0] in self.shared) or seed in self.shared_seeds

    def _note(self, generator, seed, path):
        state = tuple(generator.bit_generator.seed_seq.generate_state(4))
        uses = self.uses.setdefault(state, Counter())
        uses[self.item] += 1
        if uses[self.item] > 1 or (len(uses) > 1 and not self._is_shared(seed, path)):
            self.problems.append(f"{(seed, *path)} in {list(uses)}")

    def run(self, function, items):
        for item in items:
            self.item = f"{function.__name__}: {item}"
            function(item)
        self.item = None
        assert not self.problems, "\n".join(self.problems[:10])
        return len(self.uses)


@pytest.fixture
def untrained(monkeypatch):
    """Machines that draw what they start from, and stop there."""
    fit, train = (importlib.import_module(f"dmlib.nplm.{name}") for name in ("fit", "train"))

    def nothing(self, numbers, references, data, cells, starts):
        t = np.ones(len(data))
        return train.Trained(numbers, t, starts[0], np.zeros(len(data), bool), {0: t})

    monkeypatch.setattr(train.Trainer, "train", nothing)
    monkeypatch.setattr(fit, "squeeze", lambda *_: None)


def test_a_collision_is_seen(monkeypatch):
    ledger = Ledger(monkeypatch, ("pool",))

    def study(item):
        compute.stream(1, "pool")
        compute.stream(compute.seed(1, "pool"), "order") if item == "shared" else compute.stream(1, "toys", item)

    with pytest.raises(AssertionError, match="pool"):  # started twice in one item
        ledger.run(study, ["shared"])
    ledger.problems.clear()
    assert ledger.run(study, [0, 1]) == 4
    with pytest.raises(AssertionError, match="toys"):
        ledger.run(lambda item: compute.stream(1, "toys", 0), [2])


def test_nplm_benchmarks(monkeypatch, untrained):
    problems = nplm_benchmarks.PROBLEMS.items()
    small = {name: p._replace(expected=p.expected // 500, added=p.added and 1) for name, p in problems}
    monkeypatch.setattr(nplm_benchmarks, "PROBLEMS", small)
    monkeypatch.setattr(nplm_benchmarks, "_ideal", lambda name, toys: np.zeros(len(toys)))
    monkeypatch.setattr(nplm_benchmarks, "SMALL", 1)
    ledger = Ledger(monkeypatch, nplm_benchmarks.SHARED)
    for name, items in nplm_benchmarks.items().items():
        ledger.run(getattr(nplm_benchmarks, name), items)
    assert len(ledger.uses) > 20_000
