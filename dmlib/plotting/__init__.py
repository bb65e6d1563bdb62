"""One style for the course, the figures that come back in many chapters, and tables that are ready to be read.

`PROCESS_NAMES` has the 26 backgrounds of the Dark Machines challenge in words, `COLOURS` the palette of the course, and
`PROCESS_COLOURS` the colour that a process keeps from figure to figure.
"""

from .detectors import by_signal, losses, pairs, scores
from .figures import event_display, scatter, sic, stacked
from .names import PROCESS_NAMES, SIGNAL_NAMES
from .style import BACKGROUND, COLOURS, GREY, OBJECT_STYLE, PROCESS_COLOURS, SIGNAL, use_style
from .tables import Table, table, with_errors

__all__ = [
    "BACKGROUND",
    "COLOURS",
    "GREY",
    "OBJECT_STYLE",
    "PROCESS_COLOURS",
    "PROCESS_NAMES",
    "SIGNAL",
    "SIGNAL_NAMES",
    "Table",
    "by_signal",
    "event_display",
    "losses",
    "pairs",
    "scatter",
    "scores",
    "sic",
    "stacked",
    "table",
    "use_style",
    "with_errors",
]
