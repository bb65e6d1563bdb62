"""Tables as readers see them: what is written, how it is rounded, and what a screen reader and a terminal get."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmlib import plotting
from dmlib.plotting.cells import cell, with_error


class Parsed(HTMLParser):
    """The rows of an HTML table, each a list of (tag, attributes, text); every tag must be closed in its order."""

    def __init__(self, html):
        super().__init__()
        self.open, self.rows, self.caption = [], [], None
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append([tag, dict(attributes), ""])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "caption" in self.open:
            self.caption = data
        elif {"th", "td"} & set(self.open):
            self.rows[-1][-1][2] += data

    def texts(self):
        return [[text for _, _, text in row] for row in self.rows]


def parsed(*args, **kwargs):
    return Parsed(plotting.table(*args, **kwargs).html)


MERITS = pd.DataFrame(
    {"max SIC": [12.068, 1.0312], "error": [0.76, 0.0041], "published": [10.2, np.nan]},
    index=pd.Index(["CATHODE", "CWoLa"], name="method"),
)


def test_one_row_of_headings_with_units_and_errors_merged():
    shown = parsed(MERITS, 1, errors={"max SIC": "error"}, units={"published": "TeV"}, missing="not published")
    assert shown.texts() == [
        ["method", "max SIC", "published [TeV]"],
        ["CATHODE", "12.1 ± 0.8", "10.2"],
        ["CWoLa", "1.031 ± 0.004", "not published"],
    ]
    assert MERITS.loc["CATHODE", "max SIC"] == 12.068  # the frame is left as it is


def test_screen_readers_get_scopes_and_every_renderer_the_alignment():
    head, *body = parsed(MERITS).rows
    assert {attributes["scope"] for _, attributes, _ in head} == {"col"}
    for row in body:
        assert row[0][:2] == ["th", {"scope": "row", "style": "text-align: left"}]
        assert all(tag == "td" and attributes["style"] == "text-align: right" for tag, attributes, _ in row[1:])


def test_an_index_that_only_numbers_is_left_out_and_a_nameless_one_has_no_empty_heading():
    frame = pd.DataFrame({"Z": [1.0, 2.5]})
    assert parsed(frame).texts() == [["Z"], ["1.00"], ["2.50"]]
    assert parsed(frame[::-1]).texts()[1] == ["1", "2.50"]
    head = parsed(frame.set_index(pd.Index(["a", "b"]))).rows[0]
    assert [tag for tag, _, _ in head] == ["td", "th"] and head[0][2] == ""


def test_groups_of_columns_span_their_columns():
    columns = pd.MultiIndex.from_product([["adam", "newton"], ["mean", "max"]])
    frame = pd.DataFrame([[1.5, 2.5, 3.5, 4.5]], index=pd.Index(["bump"], name="problem"), columns=columns)
    top, below, row = parsed(frame, {"mean": 1, ("newton", "max"): 0}).rows
    assert [(text, attributes.get("colspan")) for _, attributes, text in top[1:]] == [("adam", "2"), ("newton", "2")]
    assert top[0][1]["rowspan"] == "2" and {a["scope"] for _, a, _ in top[1:]} == {"colgroup"}
    assert [text for _, _, text in below] == ["mean", "max"] * 2
    assert [text for _, _, text in row] == ["bump", "1.5", "2.50", "3.5", "4"]


def test_a_group_of_one_column_needs_no_second_row():
    columns = pd.MultiIndex.from_product([["measured", "true"], ["value", "error"]])
    frame = pd.DataFrame([[4.6267, 0.1399, 5.733, 0.147]], columns=columns)
    assert parsed(frame, errors={"value": "error"}).texts() == [["measured", "true"], ["4.63 ± 0.14", "5.73 ± 0.15"]]


def test_the_name_of_the_columns_stands_above_them():
    frame = pd.DataFrame([[0.5, 0.25]], pd.Index(["1"], name="of channel"), pd.Index(["1", "2a"], name="passes"))
    assert parsed(frame).texts() == [["of channel", "passes"], ["1", "2a"], ["1", "0.50", "0.25"]]


def test_labels_of_several_rows_are_said_once():
    index = pd.MultiIndex.from_tuples([("a", 10), ("a", 20), ("b", 10)], names=["events", "N(S)"])
    shown = plotting.table(pd.Series([0.5, 1.5, 2.5], index, name="Z"), 1)
    rows = Parsed(shown.html).rows
    assert rows[1][0][1] == {"scope": "rowgroup", "rowspan": "2", "style": "text-align: left"}
    assert [[text for _, _, text in row] for row in rows[1:]] == [["a", "10", "0.5"], ["20", "1.5"], ["b", "10", "2.5"]]
    assert shown.text.splitlines()[1:] == ["a         10  0.5", "          20  1.5", "b         10  2.5"]


def test_text_for_terminals_is_aligned():
    columns = pd.MultiIndex.from_product([["a group", "of two"], ["x", "y"]])
    frame = pd.DataFrame([[1, 20, 3, 4]], pd.Index(["first"], name="name"), columns)
    assert repr(plotting.table(frame, caption="Numbers")).splitlines() == [
        "Numbers",
        "       a group  of two",
        "name   x   y  x  y",
        "first  1  20  3  4",
    ]


def test_fractions_among_the_labels_stand_below_each_other():
    index = pd.MultiIndex.from_tuples(
        [(3.5, 1_000, "a"), (4.0, 20, "b"), (-0.25, 3, np.nan)], names=["from", "n", "of"]
    )
    assert parsed(pd.Series([1, 2, 3], index, name="x")).texts()[1:] == [
        ["3.50", "1,000", "a", "1"],
        ["4.00", "20", "b", "2"],
        ["−0.25", "3", "", "3"],
    ]
    assert [row[0] for row in parsed(pd.Series([1, 2], [1e-7, 0.5], name="x")).texts()[1:]] == ["1 × 10⁻⁷", "0.5"]


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (10007.8616, 0, "10,008"),
        (10007, 2, "10,007"),
        (-0.0, 2, "0.00"),
        (-0.004, 2, "0.00"),
        (-0.5, 1, "−0.5"),
        (True, 2, "yes"),
        (np.False_, 2, "no"),
        (np.inf, 2, "∞"),
        (-np.inf, 2, "−∞"),
        (np.nan, 2, "gone"),
        (None, 2, "gone"),
        (pd.NA, 2, "gone"),
        (pd.NaT, 2, "gone"),
        (0.123, ".1%", "12.3%"),
        (0.0, ".1%", "0.0%"),
        (1e-10, ".0e", "1 × 10⁻¹⁰"),
        (9.94e-1, ".2e", "9.94 × 10⁻¹"),
        (2.5e12, ".1e", "2.5 × 10¹²"),
        ("w_jets", 2, "w_jets"),
        (np.float32(81.4), 1, "81.4"),
        (np.int64(1234), 2, "1,234"),
    ],
)
def test_cells(value, digits, expected):
    assert cell(value, digits, "gone") == expected


@pytest.mark.parametrize(
    "text", ["331927", "-1.44969", "4.63 ± 0.14", "< 0.01", "12.3%", "50 %", "1 × 10⁻¹⁰", "1e-4", "∞"]
)
def test_written_numbers_stand_to_the_right(text):
    assert parsed(pd.Series([text, None], name="x")).rows[1][0][1]["style"] == "text-align: right"


@pytest.mark.parametrize("text", ["2b", "1 against 0", "", "two", "H_T", "3 < 4"])
def test_words_stand_to_the_left(text):
    assert parsed(pd.Series([text, 1.0], name="x")).rows[1][0][1]["style"] == "text-align: left"


def test_too_small_numbers_are_bounds_where_nothing_is_negative():
    assert parsed(pd.Series([0.0, 0.004, 0.5], name="p")).texts()[1:] == [["0.00"], ["< 0.01"], ["0.50"]]
    assert parsed(pd.Series([-0.3, 0.004], name="Z")).texts()[1:] == [["−0.30"], ["0.00"]]


def test_whole_numbers_have_no_decimals_unless_asked():
    frame = pd.DataFrame({"toys": [300.0, 1000.0, np.nan], "Z": [1.0, 2.0, 3.0]})
    assert parsed(frame, {"Z": 1}).texts()[1:] == [["300", "1.0"], ["1,000", "2.0"], ["n/a", "3.0"]]


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        (0.827, 0.119, "0.83 ± 0.12"),  # the examples of the Particle Data Group
        (0.827, 0.367, "0.8 ± 0.4"),
        (0.827, 0.354, "0.83 ± 0.35"),
        (0.827, 0.355, "0.8 ± 0.4"),
        (14.674, 0.964, "14.7 ± 1.0"),
        (1234.5, 120.0, "1,234 ± 120"),
        (1.0, 0.0, "1.00 ± 0.00"),
        (3.24, np.nan, "3.24"),
        (np.nan, 0.1, "n/a"),
        (-0.001, 0.05, "0.00 ± 0.05"),
        (2, 1, "2.0 ± 1.0"),
        (2.0, np.inf, "2.00 ± ∞"),
    ],
)
def test_errors_round_their_values(value, error, expected):
    assert with_error(value, error, 2, "n/a") == expected
    assert plotting.with_errors(value, error) == expected
    series = plotting.with_errors(pd.Series([value], ["a"], name="Z"), [error])
    assert series.name == "Z" and series.to_dict() == {"a": expected}


def test_names_replace_labels_and_texts_and_hostile_ones_are_harmless():
    frame = pd.DataFrame({"process": ["w_jets", "<b>"], "cost in $": ["$5", "$m_{jj}$ & $"]})
    table = plotting.table(frame, names=plotting.PROCESS_NAMES | {"process": "made of"})
    assert "<b>" not in table.html and "W + jets" in table.html and "made of" in table.html
    assert re.findall(r"\\\((.*?)\\\)", table.html) == ["m_{jj}"]
    outside = re.sub(r'<span class="math">.*?</span>', "", table.html)
    assert outside.count("$") == outside.count("<span>$</span>") == 3
    assert "$m_{jj}$ & $" in table.text


def test_every_background_has_its_name():
    published = {
        "njets",
        "w_jets",
        "gam_jets",
        "z_jets",
        "ttbar",
        "single_top",
        "single_topbar",
        "ww",
        "wtop",
        "wtopbar",
    }
    published |= {"2gam", "Wgam", "zw", "Zgam", "zz", "single_higgs", "ttbarGam", "ttbarZ", "ttbarHiggs", "atop"}
    published |= {"ttbarW", "atopbar", "ztop", "ztopbar", "4top", "ttbarWW"}
    assert set(plotting.PROCESS_NAMES) == published and len(published) == 26
    assert len(set(plotting.PROCESS_NAMES.values())) == 26
    assert set(plotting.PROCESS_COLOURS) <= published


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2],), "frame: expected a pandas DataFrame with columns, or a Series, not list"),
        ((pd.DataFrame(index=[1]),), "frame: expected a pandas DataFrame with columns"),
        ((MERITS, {"max_SIC": 2}), "digits: there is no column 'max_SIC'; .* Did you mean 'max SIC'"),
        ((MERITS, -1), "digits=-1: expected a whole number of 0 or more"),
        ((MERITS, 16), "digits=16: expected 15 at most"),
        ((MERITS, "much"), "digits='much': expected a number, or a format of one"),
        ((MERITS, 1.5), "digits=1.5: expected a whole number"),
    ],
)
def test_what_cannot_be_shown_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.table(*arguments)


@pytest.mark.parametrize("argument", ["errors", "units"])
def test_unknown_columns_are_named(argument):
    with pytest.raises(ValueError, match=f"{argument}: there is no column 'sigma'"):
        plotting.table(MERITS, **{argument: {"sigma": "error"}})
    with pytest.raises(ValueError, match="errors: expected one for each of the 2 values, not 1"):
        plotting.with_errors(MERITS["max SIC"], [1.0])


numbers = st.one_of(st.floats(), st.integers(-(10**17), 10**17), st.booleans(), st.none(), st.text(max_size=4))
columns = st.text(min_size=1, max_size=3)


@given(
    st.integers(0, 4).flatmap(lambda n: st.dictionaries(columns, st.lists(numbers, min_size=n, max_size=n), min_size=1))
)
def test_any_frame_gives_a_table_without_nan_and_negative_zero(data):
    frame = pd.DataFrame({key: pd.Series(values, dtype=object) for key, values in data.items()})
    table = plotting.table(frame, 3)
    rows = Parsed(table.html).texts()
    assert len(rows) == len(frame) + 1 and {len(row) for row in rows} == {len(frame.columns)}
    for column, values in enumerate(data.values()):
        for row, value in zip(rows[1:], values, strict=True):
            text = row[column]
            if isinstance(value, str):
                continue
            assert text.lower() != "nan" and not re.fullmatch(r"[-−][0.,]+", text)
            if isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value):
                plain = text.replace(",", "").replace("−", "-").removeprefix("< ")
                assert abs(float(plain) - value) <= 0.001 + 1e-12 * abs(value)


def test_errors_find_their_column_by_its_name():
    frame = pd.DataFrame({"AUC": [0.7], "AUC error": [0.01], "max SI": [1.0]})
    assert parsed(frame).texts() == [["AUC", "max SI"], ["0.700 ± 0.010", "1"]]
    assert parsed(frame, errors={}).texts()[0] == ["AUC", "AUC error", "max SI"]


@given(st.floats(-1e9, 1e9), st.floats(1e-9, 1e9))
def test_a_value_is_rounded_by_its_error(value, error):
    """To half of the last digit, which is that of an error of two digits up to 3.54, of one beyond; at least whole."""
    shown, _, shown_error = plotting.with_errors(value, error).replace("−", "-").replace(",", "").partition(" ± ")
    last = 10.0 ** -len(shown_error.partition(".")[2])
    assert abs(float(shown_error) - error) <= last / 2 + 1e-12 * error
    assert abs(float(shown) - value) <= last / 2 + 1e-12 * (abs(value) + error)
    assert last <= max(0.283 * error, 1.0)
