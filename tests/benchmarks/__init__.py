"""Speeds that the course promises, measured as ratios in one run; see `make bench`."""

from typing import NamedTuple


class Row(NamedTuple):
    """One measured figure and its target.

    Arguments:
        what: What was measured.
        measured: The figure.
        sense: ">=" or "<=", how it compares with the target.
        target: What the course promises.
        unit: "x" for a ratio.
    """

    what: str
    measured: float
    sense: str
    target: float
    unit: str = "x"

    @property
    def ok(self) -> bool:
        """Whether the target is met; a NaN meets none."""
        return self.measured >= self.target if self.sense == ">=" else self.measured <= self.target

    def __str__(self) -> str:
        target = f"{self.sense} {self.target:g} {self.unit}"
        return f"{self.what:48} {self.measured:10.2f} {self.unit:1} {target:>12}  {'ok' if self.ok else 'MISSED'}"
