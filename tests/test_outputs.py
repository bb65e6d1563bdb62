"""Figures as the notebooks keep them: sharp, light, the same bytes every time."""

import base64
import io

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from dmlib import plotting
from tools.outputs import PNG, ROUNDING, keep_pictures, same_picture, tidy


def encoded(image) -> str:
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def decoded(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def kept(picture: str, **metadata) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell()
    cell.outputs = [nbformat.v4.new_output("display_data", {PNG: picture}, metadata=metadata)]
    return tidy(nbformat.v4.new_notebook(cells=[cell])).cells[0].outputs[0]


@pytest.fixture
def picture():
    """A figure with many blends: points of a map of colours, lines and letters."""
    plotting.use_style()
    rng = np.random.default_rng(1)
    figure, ax = plt.subplots()
    ax.scatter(*rng.normal(size=(2, 2_000)), c=rng.random(2_000), s=4, cmap="cividis")
    ax.plot([0, 1], [0, 1], label="line")
    ax.legend()
    file = io.BytesIO()
    figure.savefig(file, dpi=200)
    plt.close(figure)
    return base64.b64encode(file.getvalue()).decode()


def test_a_palette_saves_half_the_bytes_and_no_eye_sees_it(picture):
    new = kept(picture).data[PNG]
    assert decoded(new).mode == "P" and decoded(new).size == decoded(picture).size
    assert len(new) < 0.5 * len(picture)
    before, after = (np.asarray(decoded(p).convert("RGB"), dtype=int) for p in (picture, new))
    assert np.abs(before - after).max() <= ROUNDING / 2 and np.abs(before - after).mean() < 1
    assert (after[(before == 255).all(axis=2)] == 255).all(), "white stays white"


def test_the_same_figure_gives_the_same_bytes_and_a_rounding_error_the_same_picture(picture):
    assert kept(picture).data[PNG] == kept(picture).data[PNG]
    pixels = np.asarray(decoded(picture).convert("RGB"), dtype=int)
    noise = np.random.default_rng(2).integers(-1, 2, pixels.shape) * (pixels[..., :1] < 250)  # the page stays white
    almost = encoded(Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)))
    assert same_picture(kept(picture).data[PNG], kept(almost).data[PNG])
    old = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(id="a")])
    new = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(id="a")])
    old.cells[0].outputs, new.cells[0].outputs = [kept(picture)], [kept(almost)]
    assert keep_pictures(new, old).cells[0].outputs[0].data[PNG] == kept(picture).data[PNG]


def test_any_picture_gets_a_palette():
    """Few colours, a smooth map of colours, and more than any palette holds."""
    few = np.stack(np.meshgrid(*[np.arange(0, 256, 51, dtype=np.uint8)] * 3), axis=-1).reshape(1, -1, 3)
    smooth = (plt.get_cmap("cividis")(np.linspace(0, 1, 1_000))[None, :, :3] * 255).astype(np.uint8)
    many = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for colours, most in ((few, 4), (smooth, 4), (many, 255)):
        new = decoded(kept(encoded(Image.fromarray(colours))).data[PNG])
        assert new.mode == "P" and new.size == colours.shape[1::-1]
        assert np.abs(np.asarray(new.convert("RGB"), dtype=int) - colours).max() <= most


def test_what_is_transparent_becomes_white():
    picture = encoded(Image.new("RGBA", (8, 8), (0, 0, 0, 0)))
    assert decoded(kept(picture).data[PNG]).convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_only_the_width_of_a_figure_is_kept():
    picture = encoded(Image.new("RGB", (8, 8)))
    assert kept(picture, **{PNG: {"width": 4, "height": 4}, "run": "today"}).metadata == {PNG: {"width": 4}}
    assert kept(picture, run="today").metadata == {}


def test_a_notebook_draws_twice_the_pixels_and_says_how_wide_to_show_them(tmp_path):
    cell = nbformat.v4.new_code_cell("import dmlib\nimport matplotlib.pyplot as plt\ndmlib.start()\nplt.plot([1, 2]);")
    nb = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(nb, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    output = tidy(nb).cells[0].outputs[-1]
    width = decoded(output.data[PNG]).width
    assert 1200 < width < 1400 and output.metadata == {PNG: {"width": width // 2}}
