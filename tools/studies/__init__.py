"""The studies that take hours: `python -m tools.studies <names>` computes them and keeps them in dmlib/data/results.

What is done is kept in _generated/tables as it comes, so that a stopped study goes on where it was.
"""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version

import pandas as pd

from tools.convert import ROOT

FOLDER = ROOT / "dmlib" / "data" / "results"
STORE = ROOT / "_generated" / "tables"


def write(study: str, command: str, tables: dict[str, list[dict]], settings: dict, seconds: float) -> None:
    """Writes each table as CSV, and `<study>.json` with where they come from."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(FOLDER / f"{name}.csv", index=False, float_format="%.4g")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    provenance = {
        "command": command,
        "tables": sorted(tables),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version(name) for name in ("numpy", "scikit-learn", "torch", "zuko")},
        "python": platform.python_version(),
        "core_hours": round(seconds / 3600, 2),
        "settings": settings,
    }
    (FOLDER / f"{study}.json").write_text(json.dumps(provenance, indent=1) + "\n")
