"""How samples are written: the same table gives the same bytes, rounded as far as it says."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_scripts import files

FRAME = pd.DataFrame({"x": np.random.default_rng(1).normal(size=500), "y": np.arange(500.0)})


@given(st.floats(1e-30, 1e30), st.integers(3, 22), st.sampled_from([1, -1]))
def test_rounding_keeps_so_many_bits(value, bits, sign):
    (result,) = files.rounded(np.array([sign * value]), bits)
    assert result == pytest.approx(sign * value, rel=2.0 ** -(bits + 1) * 1.01)
    assert not result.view(np.uint32) & ((1 << (23 - bits)) - 1)


def test_table_is_written_the_same_way_twice(tmp_path):
    one, two = (files.write_table(FRAME, tmp_path / name, bits=10) for name in ("a/x.parquet", "b/x.parquet"))
    assert one == two and one["events"] == 500
    assert np.allclose(pd.read_parquet(tmp_path / "a/x.parquet"), FRAME, rtol=2**-10)


def test_card_has_four_figures(tmp_path):
    files.write_card({"rows": [{"sigma": 1.23456789, "n": 123456, "ok": True}]}, tmp_path / "card.json")
    assert json.loads((tmp_path / "card.json").read_text()) == {"rows": [{"sigma": 1.235, "n": 123456, "ok": True}]}
