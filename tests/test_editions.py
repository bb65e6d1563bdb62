"""The student edition of every chapter runs from top to bottom with its exercises unsolved."""

import nbformat
import pytest

from tools.convert import sources
from tools.editions import student_edition
from tools.notebooks import execute, read


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)
def test_student_edition_runs_with_its_exercises_unsolved(source):
    """In an empty folder; every check of an answer says what is still to fill."""
    nb = student_edition(read(source))
    asked = [cell for cell in nb.cells if "check-answer" in cell.metadata.get("tags", [])]
    assert nbformat.validate(nb) is None
    execute(nb)
    for cell in asked:
        assert cell.outputs[0].text.startswith("Still to fill: ")
