"""Generates the embedded sample: `python -m data_scripts.darkmachines` (see `--help`).

Chunks that are done are kept in `_generated/`; a stopped or killed run goes on where it was. With DMLIB_SCHEDULER the
chunks run on a Dask cluster.
"""

import argparse

from dmlib import compute

from . import assemble, generate, processes

STORE = "_generated/darkmachines"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="generate this process or signal alone, and assemble nothing")
    parser.add_argument("--workers", type=int, help="processes, each with one thread; default all cores")
    arguments = parser.parse_args()
    jobs = [job for job in processes.BACKGROUND + processes.SIGNALS if arguments.only in job.process]
    items = [(job, chunk) for job in jobs for chunk in range(-(-job.events // generate.CHUNK))]
    results = compute.map(generate.run, items, store=STORE, workers=arguments.workers, progress=True)
    if not arguments.only:
        chunks = {job: [r for (j, _), r in zip(items, results, strict=True) if j is job] for job in jobs}
        assemble.assemble(chunks, "dmlib/data/darkmachines")


if __name__ == "__main__":
    main()
