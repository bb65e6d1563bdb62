"""Outputs as they are kept: without times, terminal noise and file metadata, and stable from run to run."""

import base64
import io

import nbformat
import numpy as np
from nbformat import NotebookNode
from PIL import Image

PNG = "image/png"
# Of 255: what another processor or font renderer, and the choice of the palette that follows it, may change in a pixel
# without changing the figure.
ROUNDING = 24
COLOURS = 256


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Returns the outputs with the pieces of one stream joined, however the kernel happened to flush them."""
    kept: list[NotebookNode] = []
    streams: dict[str, NotebookNode] = {}
    for output in outputs:
        if output.output_type != "stream":
            streams = {}
        elif output.name in streams:
            streams[output.name].text += output.text
            continue
        else:
            streams[output.name] = output
        kept.append(output)
    return kept


def _png(encoded: str) -> str:
    """Returns a PNG written anew: its 256 most telling colours, without date and software.

    Figures have few colours and the blends at the edges of lines. No pixel changes visibly (by 8 of 255 at the most in
    the course's figures), and one of twice the resolution weighs less than one of single resolution in full colour.
    """
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    if image.mode in ("RGBA", "LA", "P"):  # what is transparent shows the white page
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    image = image.convert("RGB")
    image.info.clear()
    image = image.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _size(metadata: NotebookNode) -> dict:
    """Returns of an output's metadata the width at which its figure is shown, half of what a sharp one holds."""
    width = metadata.get(PNG, {}).get("width")
    return {PNG: {"width": width}} if width else {}  # the height follows; with both a narrow page would distort it


def tidy(nb: NotebookNode) -> NotebookNode:
    """Strips in place what differs from run to run, and returns the notebook."""
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        cell.outputs = _joined(cell.outputs)
        for output in cell.outputs:
            output.pop("transient", None)
            if "data" in output:
                output.metadata = nbformat.from_dict(_size(output.metadata))
                if PNG in output.data:
                    output.data[PNG] = _png(output.data[PNG])
    return nb


def same_picture(first: str, second: str) -> bool:
    """Says whether two encoded PNGs show the same, up to rounding in single pixels."""
    a, b = (Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB") for encoded in (first, second))
    if a.size != b.size:
        return False
    return int(np.abs(np.asarray(a, dtype=np.int16) - np.asarray(b, dtype=np.int16)).max()) <= ROUNDING


def keep_pictures(new: NotebookNode, old: NotebookNode) -> NotebookNode:
    """Puts the stored bytes of every figure that did not change back into a fresh run, in place."""
    stored = {cell.id: cell for cell in old.cells if cell.cell_type == "code"}
    for cell in new.cells:
        if cell.cell_type != "code" or cell.id not in stored:
            continue
        for output, before in zip(cell.outputs, stored[cell.id].outputs, strict=False):
            pictures = [o.get("data", {}).get(PNG) for o in (output, before)]
            if all(pictures) and same_picture(*pictures):
                output.data[PNG] = pictures[1]
    return new
