"""Sphinx directive that renders a sample's metadata card (JSON) as tables, so that no number is typed into a page.

```{sample-card} ../dmlib/data/darkmachines/card.json
:only: train_processes
:fold: Background
```

With `:fold:` the tables are folded, under that title and how many rows and events they hold. What matters most of a set
of samples is in the one table of `{sample-facts} path`.
"""

import json
from itertools import groupby
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx_design.shared import create_component

# Headings for known columns; any other key is shown with its underscores as blanks.
HEADINGS = {
    "sigma_generator_pb": "σ generator [pb]",
    "sigma_challenge_pb": "σ challenge [pb]",
    "k_factor": "K",
    "events_generated": "generated",
    "events_passing": "passing",
    "events_kept": "kept",
    "test_effective": "test, effective",
    "test_effective_tail": "test, effective past the cut",
    "expected_10fb": "expected in 10/fb",
    "expected_10fb_challenge": "expected in 10/fb, challenge",
    "expected_10fb_before": "expected in 10/fb, earlier sample",
    "train_partons": "train, parton-level events",
    "expected_10fb_here": "expected in 10/fb, here",
    "ess": "effective events",
    "luminosity_fb": "luminosity [1/fb]",
    "m_jj_tev": "m_jj [TeV]",
    "sigma_pb": "σ [pb]",
    "quantiles_public": "public",
    "quantiles_here": "here",
    "quantiles_genuine": "genuine",
    "balance_GeV": "half-width of the balance [GeV]",
    "KS_distance": "Kolmogorov-Smirnov distance",
    "KS_p_value": "its p-value",
    "sigma_error_pb": "error [pb]",
    "hard_mass_GeV": "mass of the hard process [GeV]",
    "zprime": "Z'",
    "drell_yan_accepted_pb": "Drell-Yan within the acceptance [pb]",
    "m_zprime": "mass of the Z' [GeV]",
    "window_GeV": "window [GeV]",
    "m_ll_GeV": "m_ll [GeV]",
    "here_over_published": "ratio",
    "table_2": "share of events within a mass window (Table 2)",
    "table_3_alpha": "alpha: share of events in a bin without contact interaction (Table 3)",
    "table_3_beta": "beta: what is linear in c_W (Table 3)",
    "table_3_gamma": "gamma: what is quadratic in c_W (Table 3)",
    "published_c_w_over_ours": "published c_W over ours",
    "other_efficiencies": "efficiencies of cuts, beside section 5",
}


def heading(key: str) -> str:
    return HEADINGS.get(key, key.replace("_", " "))


def text(value: Any) -> str:
    """A number with four significant figures (integers whole, in groups of three); anything else as it is."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) >= 1000):
        return f"{int(value):,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(text, value))
    if isinstance(value, dict):
        return "; ".join(f"{heading(key)}: {text(item)}" for key, item in value.items())
    return str(value)


def cell(value: Any) -> nodes.entry:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return nodes.entry("", nodes.paragraph("", text(value)), classes=["text-right"] if number else [])


def bullets(items: dict[str, Any] | list[Any]) -> nodes.bullet_list:
    """A bullet list; of a mapping, each item starts with its key."""
    entries: list[tuple[Any, ...]]
    if isinstance(items, dict):
        entries = [("", nodes.strong("", name), nodes.Text(f": {text(item)}")) for name, item in items.items()]
    else:
        entries = [("", nodes.Text(text(item))) for item in items]
    return nodes.bullet_list("", *(nodes.list_item("", nodes.paragraph("", *entry)) for entry in entries))


def table(title: str, rows: list[dict[str, Any]]) -> list[nodes.Node]:
    """A table of records, one row each, columns in the order in which their keys first appear; notes follow below."""
    used = dict.fromkeys(key for row in rows for key, value in row.items() if value not in ("", None))
    columns = [key for key in used if key != "note"]
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in columns), cols=len(columns))
    head = nodes.row("", *(nodes.entry("", nodes.paragraph("", heading(key))) for key in columns))
    body = [nodes.row("", *(cell(row.get(key)) for key in columns)) for row in rows]
    group += [nodes.thead("", head), nodes.tbody("", *body)]
    notes = {str(row[columns[0]]): row["note"] for row in rows if row.get("note")}
    drawn = nodes.table("", nodes.title("", title), group, classes=["sample-card"])
    return [drawn, bullets(notes)] if notes else [drawn]


def render(key: str, value: Any) -> list[nodes.Node]:
    """Nodes of one entry of a card: records become tables (one a channel), lists and mappings bullets."""
    title = heading(key)[:1].upper() + heading(key)[1:]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        channels = {name: list(rows) for name, rows in groupby(value, key=lambda row: row.get("channel"))}
        if len(channels) in (1, len(value)):
            return table(title, value)
        drawn = []
        for name, rows in channels.items():
            drawn += table(
                f"{title}, channel {name}", [{k: v for k, v in row.items() if k != "channel"} for row in rows]
            )
        return drawn
    if isinstance(value, list):
        return [bullets(value)]
    if isinstance(value, dict):
        return [nodes.paragraph("", "", nodes.strong("", title)), bullets(value)]
    return [nodes.paragraph("", "", nodes.strong("", f"{title}: "), nodes.Text(text(value)))]


def sizes(card: dict[str, Any], keys: list[str]) -> str:
    """How much a fold holds, in one line: rows and events where there are tables, entries where there are none."""
    tables = [card[key] for key in keys if isinstance(card[key], list) and card[key] and isinstance(card[key][0], dict)]
    if not tables:
        entries = sum(len(card[key]) if isinstance(card[key], (dict, list)) else 1 for key in keys)
        return f"{entries} entries"
    rows = [row for drawn in tables for row in drawn]
    events = sum(row.get("events_kept", 0) for row in rows)
    return f"{len(rows)} rows" + (f", {events:,} events" if events else "")


def fold(title: str, size: str, content: list[nodes.Node]) -> nodes.container:
    """A closed dropdown of sphinx-design."""
    classes: dict[str, list[str]] = {
        "container_classes": ["sd-mb-3", "card-fold"],
        "title_classes": [],
        "body_classes": [],
    }
    drawn = create_component(
        "dropdown", opened=False, type="dropdown", has_title=True, icon=None, chevron=None, **classes
    )
    drawn += nodes.rubric("", "", nodes.Text(f"{title}: "), nodes.inline("", size, classes=["card-size"]))
    drawn += content
    return drawn


def facts(card: dict[str, Any]) -> dict[str, str]:
    """What a reader wants to know of a set before anything else."""
    samples = card["samples"]
    events = sum(sample["events"] for sample in samples.values())
    size = sum(sample["bytes"] for sample in samples.values()) / 1e6
    found = {"content": card["title"], "events": f"{events:,} in {len(samples)} samples, {size:.0f} MB"}
    if len(samples) <= 10:
        found["samples"] = "; ".join(f"{name}: {sample['events']:,}" for name, sample in samples.items())
    if "train_processes" in card:
        found["background"] = ", ".join(dict.fromkeys(row["process"] for row in card["train_processes"]))
    for key, name in (("signals", "signals"), ("mixture_signals", "signals to train on")):
        if key in card:
            found[name] = (
                f"{len({row['signal'] for row in card[key]})} in {len({r['channel'] for r in card[key]})} channels"
            )
    return found | {"generator": card["generator"], "licence": card["licence"].replace("CC-BY-", "CC BY ")}


class CardDirective(SphinxDirective):
    """A directive whose argument is the path of a card."""

    required_arguments = 1

    def card(self) -> dict[str, Any]:
        _, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(path)
        with open(path, encoding="utf-8") as file:
            return json.load(file)


class SampleFacts(CardDirective):
    """`{sample-facts} path` shows what a set holds, in one table."""

    def run(self) -> list[nodes.Node]:
        group = nodes.tgroup("", nodes.colspec(colwidth=1, stub=1), nodes.colspec(colwidth=4), cols=2)
        rows = [nodes.row("", cell(name), cell(value)) for name, value in facts(self.card()).items()]
        group += nodes.tbody("", *rows)
        return [nodes.table("", group, classes=["sample-card", "sample-facts"])]


class SampleCard(CardDirective):
    """`{sample-card} path` shows the whole card; `:only:` picks keys, `:except:` leaves some out, `:fold:` folds."""

    option_spec = {"only": directives.unchanged, "except": directives.unchanged, "fold": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        card = self.card()
        only = self.options.get("only", "").split() or list(card)
        left_out = self.options.get("except", "").split()
        missing = [key for key in only if key not in card]
        if missing:
            path = self.arguments[0]
            raise self.error(f"{path}: no {', '.join(missing)} in this card; it has {', '.join(card)}")
        keys = [key for key in only if key not in left_out]
        content = [node for key in keys for node in render(key, card[key])]
        title = self.options.get("fold")
        return [fold(title, sizes(card, keys), content)] if title else content


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("sample-card", SampleCard)
    app.add_directive("sample-facts", SampleFacts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
