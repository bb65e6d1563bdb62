"""Figures that a reader moves with a slider, in the notebook and in the built book, without a kernel or a network."""

from __future__ import annotations

import hashlib
import html
import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D

from dmlib import _check

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

__all__ = ["Slider", "slider"]

# Fixed, so that a figure gives the same bytes in every run. Letters as outlines: a reader's fonts are not ours. Not
# cropped, as the offsets are not. No default layout: matplotlib would give it, after saving, to a figure without one.
_SAVED: Any = {"svg.hashsalt": "dmlib", "svg.fonttype": "path", "svg.image_inline": True, "savefig.bbox": None}
_SAVED |= {"figure.autolayout": False, "figure.constrained_layout.use": False}
_MOVING = "moving-"  # begins the names of what moves in the SVG
_SVG_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))

# JupyterLab leaves the arrow keys to what lies in an element with data-lm-suppress-shortcuts. What is hidden has no
# `display` of its own, which would show it.
_PAGE = """<div id="{key}" data-lm-suppress-shortcuts="true">
{svg}
<div hidden>
<div style="display:flex;flex-wrap:wrap;align-items:center;gap:.2rem 1rem;max-width:{width}px;margin:.6rem 0">
<label for="{key}-range">{label}</label>
<input type="range" id="{key}-range" min="0" max="{last}" step="1" value="{start}" aria-valuetext="{now}" \
autocomplete="off" style="flex:1 1 12rem;min-width:0;height:1.75rem;margin:0 5px">
</div>
<div aria-live="polite">
<dl style="display:flex;flex-wrap:wrap;gap:.4rem 1.5rem;max-width:{width}px;margin:0;text-align:left">
{readout}
</dl>
</div>
</div>
<script>
{script}
</script>
</div>"""

_CELL = """<div><dt style="font-weight:normal;margin:0">{name}</dt><dd style="font-weight:bold;margin:0;\
min-width:{characters}ch;font-variant-numeric:tabular-nums">{value}</dd></div>"""

_SCRIPT = """(() => {
  "use strict";
  const root = document.getElementById("KEY");
  const {moves, rows} = DATA;
  const range = root.querySelector("input");
  const cells = root.querySelectorAll("dd");
  const parts = moves.map(([id]) => root.querySelector("#" + id));
  const show = () => {
    const stop = Number(range.value);
    moves.forEach(([, dx, dy], k) => parts[k].setAttribute("transform", `translate(${dx[stop]},${dy[stop]})`));
    rows[stop].forEach((text, k) => {
      if (cells[k].textContent !== text) cells[k].textContent = text;
    });
    range.setAttribute("aria-valuetext", rows[stop][0]);
  };
  range.addEventListener("input", show);
  show();
  range.parentElement.parentElement.hidden = false;
})();"""


@dataclass(frozen=True)
class Slider:
    """A figure with a slider, as `slider` returns it; a notebook shows it as the last value of a cell.

    Attributes:
        html: The figure as SVG, its slider and its readout, with the script that connects them. It needs nothing else;
            where scripts do not run, the figure stands still and the slider is not shown.
        png: The figure at the start, for where there is no HTML.
        title: What it is, in one line.
    """

    html: str
    png: bytes
    title: str

    def __repr__(self) -> str:
        return self.title

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": self.html, "image/png": self.png, "text/plain": self.title}


def slider(
    figure: Figure,
    moving: Mapping[Line2D, Mapping[str, ArrayLike]],
    readout: pd.DataFrame,
    *,
    alt: str,
    label: str = "cut",
    start: int = 0,
) -> Slider:
    """Makes a figure in which a slider moves lines and points, and shows numbers below.

    The figure is drawn once, and closed; its size and limits stay. The reader's browser does no more than to move what
    moves, so every number at every stop is one that you computed.

    Arguments:
        figure: A figure with one or more axes.
        moving: Artist -> its coordinates at each of the n stops, `{"x": ..., "y": ...}` or one of the two, each of
            shape (n,), in the units of its axes. An artist is what `ax.axvline` (x), `ax.axhline` (y) or `ax.plot` of
            one point gives. It is put where it belongs at the start.
        readout: One row a stop, one column for each number shown, formatted as the reader shall see it. The first
            column says where the slider is, and is read aloud with it.
        alt: What the figure shows, for those who do not see it.
        label: What the slider sets.
        start: Number of the stop at which it begins, from 0.

    Returns:
        What a notebook shows: HTML, or a still picture.

    Raises:
        ValueError: There are fewer than two stops, arrays differ in length, an artist is not in the figure, is none
            that can be moved, or would leave its axes; start is no stop, or a text is missing.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> import numpy as np
        >>> import pandas as pd
        >>> from dmlib import interactive
        >>> x = np.linspace(0, 2, 21)
        >>> figure, ax = plt.subplots()
        >>> curve = ax.plot(x, x**2)
        >>> (point,) = ax.plot(x[:1], x[:1] ** 2, "o")
        >>> readout = pd.DataFrame({"x": x, "square": x**2}).map("{:.2f}".format)
        >>> interactive.slider(figure, {point: {"x": x, "y": x**2}}, readout, alt="A parabola.", label="x", start=10)
        Figure with a slider: x, 21 stops from 0.00 to 2.00
    """
    rows = _rows(readout)
    if _check.count(start, "start", least=0) >= len(rows):
        raise ValueError(f"start={start}: expected a stop, from 0 to {len(rows) - 1}")
    for name, text in {"alt": alt, "label": label}.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{name}={text!r}: expected a text")
    if not moving:
        raise ValueError("moving: expected one artist or more that the slider moves")
    paths = {artist: _path(artist, stops, len(rows), figure) for artist, stops in moving.items()}
    for number, (artist, path) in enumerate(paths.items()):
        x, y = map(np.asarray, artist.get_data(orig=False))
        artist.set_data(np.full(len(x), path["x"][start]) if "x" in path else x,
                        np.full(len(y), path["y"][start]) if "y" in path else y)  # fmt: skip
        artist.set_gid(f"{_MOVING}{number}")
        artist.set_clip_on(False)  # the clip would move along
    png = io.BytesIO()
    with mpl.rc_context(_SAVED):
        svg = _svg(figure)
        moves = [[artist.get_gid(), *_offsets(artist, path, start, figure.dpi)] for artist, path in paths.items()]
        figure.savefig(png, format="png")
    width = round(figure.get_figwidth() * figure.dpi)
    plt.close(figure)  # or the notebook would show it once more
    title = f"Figure with a slider: {label}, {len(rows)} stops from {rows[0][0]} to {rows[-1][0]}"
    page = _page(svg, moves, rows, [str(name) for name in readout.columns], alt, label, start, width)
    return Slider(page, png.getvalue(), title)


def _rows(readout: pd.DataFrame) -> list[list[str]]:
    """The texts of the readout, stop by stop."""
    if not hasattr(readout, "itertuples") or not len(readout.columns):
        raise ValueError("readout: expected a table with one row for each stop, and one column or more")
    rows = [list(map(str, row)) for row in readout.itertuples(index=False)]
    if len(rows) < 2:
        raise ValueError(f"readout: expected two stops (rows) or more, not {len(rows)}")
    return rows


def _path(artist: Line2D, stops: Mapping[str, ArrayLike], n: int, figure: Figure) -> dict[str, np.ndarray]:
    """An artist's coordinates at the stops, where all fits."""
    if not isinstance(artist, Line2D):
        raise ValueError(f"moving: expected lines, as of ax.axvline or ax.plot, not {type(artist).__name__}")
    axes = artist.axes
    if axes is None or axes not in figure.axes or artist not in axes.lines:
        raise ValueError(f"moving: {artist} is not in the figure")
    if not stops or set(stops) - {"x", "y"}:
        raise ValueError(f"moving: {artist} needs coordinates 'x', 'y' or both, not {sorted(map(str, stops))}")
    path = {}
    for axis, values in stops.items():
        name = f"{axis} of {artist}"
        path[axis] = _check.finite(_check.numbers(values, name), name)
        if path[axis].shape != (n,):
            raise ValueError(
                f"{name}: expected one for each of the {n} stops, not an array of shape {path[axis].shape}"
            )
        # If two points of a line differ in a coordinate that moves, its shape would change on a logarithmic axis.
        if len(np.unique(artist.get_data(orig=False)["xy".index(axis)])) != 1:
            raise ValueError(f"{name}: a line whose points differ in {axis} cannot move along it")
        low, high = sorted(axes.get_xlim() if axis == "x" else axes.get_ylim())
        _check.refuse((path[axis] < low) | (path[axis] > high), name, f"lie outside its axes, {low:g} to {high:g}")
    if np.size(artist.get_xdata()) > 1 and not artist.get_transform().is_separable:
        raise ValueError(f"moving: {artist} has several points on axes that are not rectangular")
    return path


def _offsets(artist: Line2D, path: dict[str, np.ndarray], start: int, dpi: float) -> tuple[list[float], list[float]]:
    """How far right and down of the start the artist is at each stop, in points; the figure has been drawn."""
    x, y = (np.asarray(values, dtype=float) for values in artist.get_data(orig=False))
    columns = np.broadcast_arrays(path.get("x", x[:1]), path.get("y", y[:1]))
    at = artist.get_transform().transform(np.stack(columns, axis=1)) * 72 / dpi
    right, up = (at - at[start]).T
    return [round(float(dx), 2) + 0.0 for dx in right], [round(-float(dy), 2) + 0.0 for dy in up]


def _svg(figure: Figure) -> str:
    """The figure as an <svg> element for a page: light, without styles that would reach the rest of the page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata=_SVG_METADATA)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = text.replace("xlink:href=", "href=")
    # Names that nothing refers to go, the others become short.
    referred = dict.fromkeys(re.findall(r'(?:href="#|url\(#)([^")]*)', text))
    short = {name: str(number) for number, name in enumerate(referred)}
    text = re.sub(r'(href="#|url\(#)([^")]*)', lambda m: m[1] + short[m[2]], text)
    keep = short | {m: m for m in re.findall(rf' id="({_MOVING}\d+)"', text)}
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{keep[m[1]]}"' if m[1] in keep else "", text)
    # Two decimals of a point are finer than any screen; the outlines of letters are in units of a 64th of that.
    text = re.sub(r' (d|x|y)="[^"]*"', lambda m: re.sub(r"\d+\.\d{3,}", lambda n: f"{float(n[0]):.2f}", m[0]), text)
    text = re.sub(r' style="[^"]*"', lambda m: re.sub("([:;]) ", r"\1", m[0]), re.sub(r"\s+", " ", text))
    return re.sub(r"> (?=<)", ">", text).strip()


def _page(
    svg: str, moves: list, rows: list[list[str]], columns: list[str], alt: str, label: str, start: int, width: int
) -> str:
    content = json.dumps([svg, moves, rows, columns, alt, label, start])
    key = f"slider-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    # Names in the SVG are its own: another figure of the page may have letters and frames of the same names.
    svg = re.sub(r' id="', f' id="{key}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{key}-", svg)
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box, "matplotlib writes a viewBox"
    style = f"display:block;width:100%;max-width:{width}px;height:auto;background:#fff"
    # Round joins and flat ends, which matplotlib asks for in a style sheet that would hold for the whole page.
    root = f'<svg role="img" aria-label="{html.escape(alt)}" {box[0]} style="{style}" '
    svg = re.sub("^<svg[^>]*>", lambda _: root + 'stroke-linejoin="round" stroke-linecap="butt">', svg)
    moves = [[f"{key}-{name}", *offsets] for name, *offsets in moves]
    data = json.dumps({"moves": moves, "rows": rows}, separators=(",", ":")).replace("<", "\\u003c")
    cells = [
        _CELL.format(name=html.escape(name), value=html.escape(rows[start][i]), characters=max(len(r[i]) for r in rows))
        for i, name in enumerate(columns)
    ]
    page = _PAGE.format(
        key=key, svg=svg, width=width, label=html.escape(label), last=len(rows) - 1, start=start,
        now=html.escape(rows[start][0]), readout="\n".join(cells),
        script=_SCRIPT.replace("KEY", key).replace("DATA", data),
    )  # fmt: skip
    return page.encode("ascii", "xmlcharrefreplace").decode()  # right in any encoding of the page
