"""The checks of arguments: what passes comes back in one form, what does not is named with what was expected."""

import re

import awkward as ak
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmlib import _check

MASKED = np.ma.masked_array([1.0, 2.0], [False, True])
UNMASKED = np.ma.masked_array([1.0, 2.0], [False, False])
NO_NUMBERS = ["three", ["a", "b"], [1j], [[1], [2, 3]], [object()], [10**400], np.array(["2026-01-01"], "M8[D]")]


@pytest.mark.parametrize(
    "values", [[1, 2], (1, 2), range(1, 3), np.array([1, 2], np.float32), UNMASKED, [UNMASKED[0], 2], ak.Array([1, 2])]
)
def test_numbers_of_every_kind_are_floats(values):
    assert _check.numbers(values, "x").dtype == float
    assert _check.numbers(values, "x").tolist() == [1.0, 2.0]
    assert type(_check.numbers(values, "x")) is np.ndarray


def test_tables_and_single_numbers_are_numbers():
    assert _check.numbers(pd.DataFrame({"a": [1], "b": [True]}), "x").tolist() == [[1.0, 1.0]]
    assert _check.numbers(3, "x").shape == ()


def test_floats_are_not_copied():
    x = np.ones(3)
    assert _check.numbers(x, "x") is x


@pytest.mark.parametrize("values", NO_NUMBERS)
def test_what_is_no_number_is_refused(values):
    with pytest.raises(ValueError, match="x: expected numbers, not"):
        _check.numbers(values, "x")


@pytest.mark.parametrize("values", [MASKED, [MASKED, MASKED], [1.0, np.ma.masked], np.ma.masked], ids=repr)
def test_masks_are_never_dropped(values):
    for check in (_check.numbers, _check.column, _check.shares):
        with pytest.raises(ValueError, match=r"x holds masked values: leave them out with \.compressed\(\)"):
            check(values, "x")


def test_missing_entries_are_refused():
    with pytest.raises(ValueError, match="x: expected numbers"):
        _check.numbers(ak.Array([1, None]), "x")
    with pytest.raises(ValueError, match="x: the number of event 1 is nan; expected a finite number"):
        _check.column(pd.Series([1, None], dtype="Int64"), "x")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([[1.0, 2.0], [1.0, np.nan]], "x: feature 1 of event 1 is nan; expected a finite number"),
        ([0.0, np.inf, np.nan], r"x: 2 of 3 values \(the first at index 1\) are not finite"),
        ([[[0.0, np.nan]]], r"\(the first at index 0, 0, 1\)"),
        (np.nan, "x: 1 of 1 values are not finite"),
    ],
)
def test_values_that_are_not_finite_are_placed(array, message):
    with pytest.raises(ValueError, match=message):
        _check.finite(np.asarray(array), "x")


def test_features():
    assert _check.feature_array([[1, 2]]).shape == (1, 2)
    for bad, message in (
        ([1.0, 2.0], r"x: expected features .* not \(2,\); write x\[:, None\] for one feature"),
        (np.empty((0, 2)), r"at least one event, shape \(n, d\), not \(0, 2\)"),
        (np.empty((2, 0)), r"not \(2, 0\)"),
        (np.ma.masked_array([[1.0]], [[True]]), "x holds masked values"),
    ):
        with pytest.raises(ValueError, match=message):
            _check.feature_array(bad)
    with pytest.raises(ValueError, match="background has 2 features: expected 3, as the centres have"):
        _check.feature_array([[1, 2]], 3, "background", "as the centres have")


def test_one_number_an_event():
    assert _check.column([], "y", 0).shape == (0,)
    assert _check.masses([3.5, 3.6], 2).tolist() == [3.5, 3.6]
    for bad, n, message in (
        ([1.0], 2, r"m: expected one mass for each of the 2 events, not an array of shape \(1,\)"),
        ([[1.0, 2.0]], 2, r"not an array of shape \(1, 2\)"),
        ([1.0], 0, "for each of the 0 events"),
        ([1.0, np.nan], 2, "m: the mass of event 1 is nan; expected a finite number"),
    ):
        with pytest.raises(ValueError, match=message):
            _check.masses(bad, n)
    with pytest.raises(ValueError, match="y: expected one number for each event, and at least one event"):
        _check.column([], "y")


def test_weights():
    assert _check.weights(None, 3, "w").tolist() == [1, 1, 1]
    assert _check.weights([0, 2], 2, "w").tolist() == [0, 2]
    for bad, message in (
        ([0.0, 0.0], "w are all zero"),
        ([1.0, -1.0], r"w: 1 of 2 values \(the first at index 1\) are negative"),
        ([1.0], "w: expected one weight for each of the 2 events"),
        ([1.0, np.inf], "w: the weight of event 1 is inf"),
        (MASKED, "w holds masked values"),
    ):
        with pytest.raises(ValueError, match=message):
            _check.weights(bad, 2, "w")


def test_regions():
    assert _check.region(None) == (-np.inf, np.inf)
    assert _check.region((3, np.inf)) == (3.0, np.inf)
    assert _check.region(np.array([3.3, 3.7]), bounded=True) == (3.3, 3.7)
    for bad in ((2, 1), (1, 1), (np.nan, 1), (1,), (1, 2, 3), 3.5, "ab", ("low", "high"), (None, 1)):
        with pytest.raises(ValueError, match=re.escape(f"region={bad!r}: expected (lower edge, upper edge)")):
            _check.region(bad)
    for unbounded in (None, (3, np.inf), (-np.inf, 3)):
        with pytest.raises(ValueError, match=r"expected finite numbers, \(lower edge, upper edge\)"):
            _check.region(unbounded, bounded=True)


NEVER_A_NUMBER = (None, "1", [1.0], MASKED, np.ma.masked, 1j, np.nan, np.inf, -np.inf, 10**400)


def test_single_numbers():
    for value in (2, 2.0, np.float32(2), np.int64(2), np.array(2)):
        assert _check.positive(value, "sigma") == _check.at_least(value, "sigma", 2) == 2.0
    assert _check.at_least(0, "sigma") == 0
    for bad in (*NEVER_A_NUMBER, 0, -1):
        with pytest.raises(ValueError, match="(?s)sigma=.*: expected a finite number above 0"):
            _check.positive(bad, "sigma")
    for bad in (*NEVER_A_NUMBER, 1.9):
        with pytest.raises(ValueError, match="(?s)sigma=.*: expected a finite number of 2 or more"):
            _check.at_least(bad, "sigma", 2)


def test_shares():
    assert _check.shares([[0, 1]], "p").tolist() == [[0.0, 1.0]]
    assert _check.share(0.2, "validation", zero=False, one=False) == 0.2
    for options, bad, message in (
        ({}, 1.1, "between 0 and 1"),
        ({}, np.nan, "between 0 and 1"),
        ({"zero": False}, 0, "above 0 and at most 1"),
        ({"one": False}, 1, "at least 0 and below 1"),
        ({"zero": False, "one": False}, 1, "above 0 and below 1"),
    ):
        with pytest.raises(ValueError, match=f"p: expected numbers {message}, not {bad}"):
            _check.share(bad, "p", **options)
        with pytest.raises(ValueError, match=f"p: expected numbers {message}"):
            _check.shares([0.5, bad], "p", **options)
    with pytest.raises(ValueError, match=r"p=\[0.5\]: expected a single number"):
        _check.share([0.5], "p")


def test_counts():
    for value in (3, np.int64(3), np.uint8(3), np.array(3)):
        assert _check.count(value, "epochs") == 3 and type(_check.count(value, "epochs")) is int
    assert _check.count(-3, "part", least=None) == -3
    for bad in (0, -1, 1.0, "1", None, True, np.True_, [1]):
        with pytest.raises(ValueError, match="epochs=.*: expected a whole number of 1 or more"):
            _check.count(bad, "epochs")


def test_choices():
    assert _check.choice("a", "kind", ("a", "b")) == "a"
    for bad in ("c", None, ["a"], np.nan):
        with pytest.raises(ValueError, match="kind=.*: expected 'a' or 'b'"):
            _check.choice(bad, "kind", ("a", "b"))
    with pytest.raises(ValueError, match="kind='d': expected one of a, b, c"):
        _check.choice("d", "kind", {"a": 1, "b": 2, "c": 3})


@given(st.text(max_size=8) | st.none() | st.integers())
def test_hints_name_only_what_is_there(name):
    names = ["resonant", "claims", "shares"]
    hint = _check.near(name, names)
    assert not hint or any(f"{known!r}" in hint for known in names)
    assert _check.near("resonnant", names) == " Did you mean 'resonant'?"
