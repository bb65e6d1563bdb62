"""Outputs as they are kept: without times, terminal noise and file metadata, and stable from run to run."""

import base64
import io

import nbformat
import numpy as np
from nbformat import NotebookNode
from PIL import Image

PNG = "image/png"
LEVELS = (32, 18, 12)  # of each primary colour: the first that leave no more colours than a palette holds
ROUNDING = 24  # of 255, a step of LEVELS: what another processor or font renderer may change in a pixel of a figure


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


def _with_palette(image: Image.Image) -> Image.Image:
    """Returns a picture with at most 256 colours, each next to the one it had; a figure rarely needs more than 200.

    Each pixel is rounded by itself, by 12 of 255 at most, so that a small change of one leaves all others as they are.
    One of twice the resolution weighs less than one of single resolution in full colour.
    """
    for levels in LEVELS:
        steps = np.round(np.round(np.arange(256) * (levels - 1) / 255) * 255 / (levels - 1)).astype(np.uint8)
        rounded = Image.fromarray(steps[np.asarray(image)])
        if rounded.getcolors(256):
            return rounded.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def _png(encoded: str) -> str:
    """Returns a PNG written anew: smaller, without date and software."""
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    if image.mode != "RGB":  # what is transparent shows the white page
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
    image.info.clear()
    file = io.BytesIO()
    _with_palette(image).save(file, "PNG", optimize=True)
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
