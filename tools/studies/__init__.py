"""The studies that take hours: `python -m tools.studies <names>` computes them and keeps them in dmlib/data/results.

A study is a module here that defines `STUDY`; nothing else lists it. What is done is kept in _generated/tables as it
comes, so that a stopped study goes on where it was.
"""

import importlib
import json
import os
import pkgutil
import platform
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import pandas as pd

from dmlib import compute
from tools.convert import ROOT

FOLDER = ROOT / "dmlib" / "data" / "results"
STORE = ROOT / "_generated" / "tables"
Tables = dict[str, list[dict]]  # name of a table to some of its rows


@dataclass(frozen=True)
class Study:
    """What a study computes, and how its tables are kept.

    Arguments:
        name: Of the study; its tables' names begin with it, or are it.
        command: How a reader computes it anew.
        parts: Functions from an item to rows of tables, and for each the items, all that the rows depend on.
        settings: To be kept beside the tables.
        shared: First names of the paths of random streams that several items have in common on purpose; all others are
            an item's own (tests/test_streams.py).
        needs: Name of an environment variable without which nothing is computed.
    """

    name: str
    command: str
    parts: dict[Callable[[Any], Tables], list]
    settings: dict
    shared: tuple[str, ...] = field(default=(), kw_only=True)
    needs: str = field(default="", kw_only=True)

    def compute(self) -> None:
        """Computes what is missing, and writes the tables."""
        if self.needs and not os.environ.get(self.needs):
            print(f"{self.name}: {self.needs} is not set; its tables stay as they are")
            return
        tables, seconds = defaultdict(list), 0.0
        for function, items in self.parts.items():
            for found in compute.map(partial(_timed, function), items, store=STORE / self.name, progress=True):
                seconds += found["seconds"]
                for name, rows in found["tables"].items():
                    tables[name] += rows
        self.write(tables, seconds)

    def write(self, tables: Tables, seconds: float) -> None:
        """Writes each table as CSV, and `<name>.json` with where they come from."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, rows in tables.items():
            pd.DataFrame(rows).to_csv(FOLDER / f"{name}.csv", index=False, float_format="%.4g")
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        provenance = {
            "command": self.command,
            "tables": sorted(tables),
            "date": datetime.now(UTC).date().isoformat(),
            "commit": commit.stdout.strip(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "versions": {name: version(name) for name in ("numpy", "scikit-learn", "torch", "zuko")},
            "python": platform.python_version(),
            "core_hours": float(f"{seconds / 3600:.2g}"),
            "settings": self.settings,
        }
        (FOLDER / f"{self.name}.json").write_text(json.dumps(provenance, indent=1) + "\n")


def _timed(function: Callable[[Any], Tables], item: Any) -> dict:
    import torch

    torch.set_num_threads(1)
    start = time.process_time()
    return {"tables": function(item), "seconds": time.process_time() - start}


def load(name: str) -> Study:
    """Returns the study of a module.

    Raises:
        SystemExit: There is no such study; the message lists those that there are.
    """
    if name not in names():
        raise SystemExit(f"no study {name!r}; there are: {', '.join(names())}")
    return importlib.import_module(f"{__name__}.{name}").STUDY


def names() -> list[str]:
    """Returns the modules that are studies."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return [m for m in modules if m != "__main__" and hasattr(importlib.import_module(f"{__name__}.{m}"), "STUDY")]
