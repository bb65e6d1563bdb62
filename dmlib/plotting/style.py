"""One style for the course: colours, and matplotlib's defaults."""

from __future__ import annotations

import sys

import matplotlib as mpl
from cycler import cycler

# Okabe and Ito's palette: eight colours that eyes with colour-vision deficiency tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
SIGNAL = "#D55E00"
BACKGROUND = "#0072B2"
GREY = "#8A8A8A"

# A process keeps its colour from figure to figure.
PROCESS_COLOURS = {
    "njets": "#56B4E9",
    "ttbar": "#E69F00",
    "w_jets": "#009E73",
    "z_jets": "#0072B2",
    "zw": "#CC79A7",
    "zz": "#F0E442",
    "ww": "#7F5FA8",
    "single_top": "#A0522D",
    "ttbarHiggs": "#4D4D4D",
}

OBJECT_STYLE = {
    "j": ("jet", "#56B4E9"),
    "b": ("b-jet", "#0072B2"),
    "e-": ("electron", "#009E73"),
    "e+": ("positron", "#009E73"),
    "m-": ("muon", "#CC79A7"),
    "m+": ("antimuon", "#CC79A7"),
    "g": ("photon", "#E69F00"),
}


def use_style() -> None:
    """Sets matplotlib's defaults for the course: white figures, readable on a phone and from the last row.

    In a notebook, figures come with twice the pixels in each direction and are shown at the size they had, so that they
    are sharp on good screens.

    Example:
        >>> from dmlib import plotting
        >>> plotting.use_style()
    """
    mpl.rc("axes", grid=True, prop_cycle=cycler(color=COLOURS))
    mpl.rc("axes.spines", right=False, top=False)
    mpl.rc("figure", dpi=100, facecolor="white", figsize=(6.4, 3.8))
    mpl.rc("figure.constrained_layout", use=True)
    mpl.rc("font", size=12)
    mpl.rc("grid", alpha=0.25)
    mpl.rc("legend", frameon=False)
    mpl.rc("lines", linewidth=1.8)
    mpl.rc("savefig", facecolor="white")
    # Only where a notebook shows figures itself; a plain process has not loaded IPython, and needs nothing of it.
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None and "inline" in mpl.get_backend():
        from matplotlib_inline.config import InlineBackend

        InlineBackend.instance(parent=shell).figure_formats = {"retina"}
