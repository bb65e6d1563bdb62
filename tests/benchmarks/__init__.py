"""Speeds that the course promises, measured as ratios in one run; see `make bench`."""

from typing import NamedTuple


class Row(NamedTuple):
    """One measured figure and its target.

    Arguments:
        what: What was measured.
        measured: The figure.
        sense: ">=" or "<=", how it compares with the target; "" where the course promises nothing.
        target: What the course promises.
        unit: "x" for a ratio.
    """

    what: str
    measured: float
    sense: str = ""
    target: float = 0.0
    unit: str = "x"

    @property
    def ok(self) -> bool:
        """Whether the target is met; a NaN meets none."""
        return {">=": self.measured >= self.target, "<=": self.measured <= self.target, "": True}[self.sense]

    def __str__(self) -> str:
        figure = f"{self.what:48} {self.measured:10.2f} {self.unit:4}"
        promise = f"{self.sense} {self.target:g} {self.unit}"
        return f"{figure} {promise:>12}  {'ok' if self.ok else 'MISSED'}" if self.sense else figure.rstrip()
