"""What all tests share: one thread, no windows, repeatable property tests, the genuine files where they are."""

# ruff: noqa: E402 - numpy reads the number of threads when it is loaded
import os
import socket
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import hypothesis
import matplotlib
import pytest

matplotlib.use("Agg")
hypothesis.settings.register_profile("course", deadline=None, derandomize=True)
hypothesis.settings.load_profile("course")


# Files whose tests train models, generate events, wait for other programs or judge the executed chapters. `make check`
# leaves them out, with all else that is marked `slow`.
SLOW = {
    "test_browser.py",
    "test_data_scripts.py",
    "test_editions.py",
    "test_fast_detector.py",
    "test_machinery.py",
    "test_notebooks.py",
    "test_nplm_machine.py",
    "test_resonant_flows.py",
    "test_resonant_methods.py",
    "test_results.py",
    "test_signal_definitions.py",
    "test_streams.py",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of slow files, and puts the longest file first: what comes last runs on one core."""
    for item in items:
        if item.path.name in SLOW:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.path.name != "test_editions.py")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of genuine public files; without it the test is skipped."""
    folder = Path(os.environ.get("DMLIB_TEST_DATA") or "missing")
    if not folder.is_dir():
        pytest.skip("DMLIB_TEST_DATA does not name the folder of genuine public files")
    return folder


@pytest.fixture
def offline(monkeypatch):
    """A machine without network: the record's address is a closed port."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    monkeypatch.setattr("pooch.downloaders.doi_to_url", lambda doi, **_: "https://zenodo.org/records/42")
    monkeypatch.setattr("pooch.downloaders.ZenodoRepository.base_api_url", f"http://127.0.0.1:{port}/api/records")
