"""Generates the embedded samples: `python -m data_scripts [set ...]` (see `--help`).

Pieces that are done are kept in `_generated/`; a stopped or killed run goes on where it was. With DMLIB_SCHEDULER the
pieces run on a Dask cluster.
"""

import argparse
import importlib
from pathlib import Path

from dmlib import compute

SETS = ("darkmachines", "lhco", "dimuon")


def main():
    parser = argparse.ArgumentParser(prog="python -m data_scripts", description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="set", help=f"{', '.join(SETS)}; all of them by default")
    parser.add_argument("--only", default="", help="generate what has this in its name, and assemble nothing")
    parser.add_argument("--workers", type=int, help="processes, each with one thread; default all cores")
    arguments = parser.parse_args()
    if unknown := set(arguments.sets) - set(SETS):
        parser.error(f"no set {', '.join(sorted(unknown))}; expected some of {', '.join(SETS)}")
    for name in arguments.sets or SETS:
        made = importlib.import_module(f"data_scripts.{name}")
        items = made.items(arguments.only)
        print(f"{name}: {len(items)} pieces")
        store = f"_generated/{name}"
        results = compute.map(made.run, items, store=store, workers=arguments.workers, progress=True)
        if not arguments.only:
            made.assemble(items, results, Path("dmlib/data") / name)


if __name__ == "__main__":
    main()
