"""Hooks that let Pythia go on with the events of one class only; its cross section follows."""

import re

import pythia8mc


class Class(pythia8mc.UserHooks):
    """Lets pass events of one class.

    Most missing momentum of multijets comes from the few hard processes with a heavy quark, and the tails of slices of
    low transverse momentum are the few events with hard radiation: both are found cheaply by themselves. The shower is
    stopped at the scale asked for.

    Arguments:
        flavour: "heavy" for hard processes with a b or c quark, "light" for the others, none for all.
        side: "above" for events with radiation harder than `scale` from the hard process, "below" for the others, none
            for all.
        scale: In GeV.
    """

    def __init__(self, flavour=None, side=None, scale=None):
        super().__init__()
        self.flavour, self.side, self.scale = flavour, side, float(scale or 0)

    def canVetoProcessLevel(self):
        return bool(self.flavour)

    def doVetoProcessLevel(self, process):
        heavy = any(process.at(i).idAbs() in (4, 5) for i in range(3, process.size()))
        return heavy != (self.flavour == "heavy")

    def canVetoPT(self):
        return bool(self.side)

    def scaleVetoPT(self):
        return self.scale

    def doVetoPT(self, position, event):
        # 0: nothing was radiated above the scale; 4 and 5: showers of the decay products, which do not count.
        return position < 4 and (position == 0) == (self.side == "above")


def of(job):
    """The hook that picks the job's events; None where it takes all."""
    return Class(*re.fullmatch(r"(heavy|light)?-?(?:(above|below)(\d+))?", job.hard).groups()) if job.hard else None
