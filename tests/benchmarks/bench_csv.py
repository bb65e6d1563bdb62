"""The CSV reader beside a Python split loop, its memory beside the file, and the stream to Parquet.

`python -m tests.benchmarks csv` prints the figures and exits with 1 where one misses its target.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from dmlib import events
from tests.benchmarks import Row

CODES = {name: code for code, name in enumerate(events.KINDS)}


def split_loop(path: Path) -> list[np.ndarray]:
    """The columns of a clean file by `str.split` and `float`: what one writes first."""
    ids, processes, weight, met, met_phi, counts = [], [], [], [], [], []
    kind, E, pt, eta, phi = [], [], [], [], []
    with open(path) as lines:
        for line in lines:
            fields = line.rstrip(";\n").split(";")
            ids.append(int(fields[0]))
            processes.append(fields[1])
            weight.append(float(fields[2]))
            met.append(float(fields[3]) / 1000)
            met_phi.append(float(fields[4]))
            counts.append(len(fields) - 5)
            for entry in fields[5:]:
                code, *momentum = entry.split(",")
                kind.append(CODES[code])
                E.append(float(momentum[0]) / 1000)
                pt.append(float(momentum[1]) / 1000)
                eta.append(float(momentum[2]))
                phi.append(float(momentum[3]))
    floats = [np.array(column, np.float32) for column in (weight, met, met_phi, E, pt, eta, phi)]
    return [np.array(ids), np.array(processes, object), np.array(counts), np.array(kind, np.int8), *floats]


def write_sample(path: Path, n: int) -> None:
    """Writes random events with the lengths of lines and numbers of genuine files: six digits, 1 to 8 objects."""
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 9, n)
    m = int(counts.sum())

    def six_digits(values: np.ndarray) -> np.ndarray:
        scale = 10.0 ** (5 - np.floor(np.log10(np.abs(values))))
        return np.round(values * scale) / scale

    pt, eta = six_digits(20 + rng.exponential(150, m)), six_digits(rng.normal(0, 1.3, m))
    sample = events.from_columns(
        id=np.full(n, 354),
        process=np.full(n, "monojet_Zp2000.0_DM_50.0"),
        weight=np.full(n, 2.44336e-05),
        met=six_digits(rng.exponential(200, n)),
        met_phi=six_digits(rng.uniform(-np.pi, np.pi, n)),
        counts=counts,
        kind=rng.choice(len(events.KINDS), m, p=[0.7, 0.1, 0.05, 0.05, 0.04, 0.04, 0.02]),
        E=six_digits(pt * np.cosh(eta)),
        pt=pt,
        eta=eta,
        phi=six_digits(rng.uniform(-np.pi, np.pi, m)),
    )
    events.write_csv(sample, path)


def peak_memory(small: Path, large: Path) -> int:
    """Bytes that `read_csv` adds at its peak to a process that has loaded (and once used) all modules."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_csv", small, large]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]).stdout)


def _in_new_process(small: str, large: str) -> None:
    events.read_csv(small)
    before, _ = _memory()  # not the peak until here, as imports are greedy for a moment: the stricter measure
    sample = events.read_csv(large)
    print(_memory()[1] - before if len(sample) else None)


def _memory() -> tuple[int, int]:
    """Bytes in use now, and at the peak."""
    status = Path("/proc/self/status")
    if status.exists():  # here ru_maxrss starts from the peak of the parent process
        lines = dict(line.split(":") for line in status.read_text().splitlines())
        return tuple(int(lines[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak, peak


def _median(function, *arguments, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def measure() -> list[Row]:
    """Measures on a file of 105 MB (memory, Parquet) and one of 10 MB (speed)."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.csv"), Path(folder, "large.csv")
        write_sample(small, 46_000)
        large.write_bytes(small.read_bytes() * 10)
        megabytes = small.stat().st_size / 1e6
        events.read_csv(small)  # compiles, or loads what was compiled
        assert np.array_equal(
            np.concatenate(events.read_csv(small).objects.pt.tolist(), dtype=np.float32), split_loop(small)[8]
        )
        # One after the other, so that both see the same machine.
        pairs = [(_median(split_loop, small, repeats=1), _median(events.read_csv, small, repeats=5)) for _ in range(5)]
        loop, reader = np.median(pairs, axis=0)
        stream = _median(events.csv_to_parquet, large, Path(folder, "large.parquet"), repeats=1)
        memory = peak_memory(small, large) / large.stat().st_size
        return [
            Row("CSV to columns beside a Python split loop", loop / reader, ">=", 15),
            Row("CSV to columns, speed", megabytes / reader, unit="MB/s"),
            Row("CSV to columns, peak memory beside the file", memory, "<=", 1.2),
            Row("CSV to Parquet in a stream, speed", megabytes * 10 / stream, unit="MB/s"),
        ]


if __name__ == "__main__":
    _in_new_process(*sys.argv[1:])
