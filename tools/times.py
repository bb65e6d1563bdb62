"""How long chapters take to run, kept in `book/times.json` for the table on the page for teachers.

Counted are seconds of a processor core: a chapter runs on one thread, so that it takes as long where nothing else runs,
and what else goes on here hardly counts.
"""

import json
from pathlib import Path

import psutil
from nbclient import NotebookClient
from nbformat import NotebookNode

TIMES = Path("book/times.json")


def meter(client: NotebookClient) -> None:
    """Has a client write into the metadata of every cell that it runs how many seconds of a core the cell took."""
    started: dict[int, float] = {}

    def start(cell: NotebookNode, cell_index: int) -> None:
        started[cell_index] = _used(client)

    def end(cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
        cell.metadata.setdefault("execution", {})["core_seconds"] = _used(client) - started[cell_index]

    client.on_cell_execute, client.on_cell_executed = start, end


def _used(client: NotebookClient) -> float:
    """Returns the seconds of a core that the kernel and the processes under it have used so far."""
    kernel = psutil.Process(client.km.provisioner.pid)
    return sum(sum(process.cpu_times()[:4]) for process in [kernel, *kernel.children(recursive=True)])


def record(source: Path, nb: NotebookNode, root: Path) -> None:
    """Keeps the seconds of a chapter's fresh run, of all of it and of its longest cell.

    Arguments:
        source: The chapter's `.py`.
        nb: Its notebook, run by a client with a meter.
        root: The folder of the book.
    """
    took = [cell.metadata["execution"]["core_seconds"] for cell in nb.cells if "execution" in cell.metadata]
    path = root / TIMES
    times = json.loads(path.read_text()) if path.exists() else {}
    times[source.stem] = {"seconds": round(sum(took)), "longest": round(max(took, default=0))}
    path.parent.mkdir(exist_ok=True)
    lines = (f"{json.dumps(name)}: {json.dumps(times[name])}" for name in sorted(times))
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
