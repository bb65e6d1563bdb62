"""The built book: complete, closed in itself, and honest about what it lists. Reads _build/html; does not build it."""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

bs4 = pytest.importorskip("bs4", reason="needs beautifulsoup4, which comes with dmlib[book]")

ROOT = Path(__file__).parent.parent
HTML = ROOT / "_build" / "html"

built = pytest.mark.skipif(not (HTML / "index.html").exists(), reason="no _build/html: run `make book` first")


def toc_files() -> list[str]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *chapters]


@cache
def pages() -> dict[Path, "bs4.BeautifulSoup"]:
    files = [file for file in HTML.rglob("*.html") if "_static" not in file.parts]
    return {file: bs4.BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser") for file in files}


@cache
def anchors(file: Path) -> frozenset[str]:
    """Everything on a page that a link can point to."""
    return frozenset(tag.get("id") or tag.get("name") for tag in pages()[file].select("[id], a[name]"))


def is_external(address: str) -> bool:
    return bool(urlsplit(address).scheme or urlsplit(address).netloc) and not address.startswith("data:")


def test_toc_lists_what_exists_and_every_notebook():
    files = toc_files()
    for name in files:
        assert any((ROOT / f"{name}{suffix}").exists() for suffix in (".md", ".ipynb")), f"_toc.yml: no file {name}"
    notebooks = {f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert notebooks == {name for name in files if name.startswith("notebooks/")}
    prose = {f"book/{path.stem}" for path in (ROOT / "book").glob("*.md")}
    assert prose == {name for name in files if name.startswith("book/")}


def test_the_landing_page_links_every_chapter():
    linked = set(re.findall(r"\]\(\.\./(notebooks/[\w-]+)\)", (ROOT / "book" / "intro.md").read_text(encoding="utf-8")))
    assert linked == {name for name in toc_files() if name.startswith("notebooks/")}


def test_the_api_page_has_every_public_module():
    text = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    folder = ROOT / "dmlib"
    names = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    public = {"dmlib", *(f"dmlib.{name}" for name in names if not name.startswith("_"))}
    assert set(re.findall(r"automodule:: (dmlib(?:\.\w+)?)$", text, re.MULTILINE)) == public
    assert set(re.findall(r"^## (dmlib(?:\.\w+)?)$", text, re.MULTILINE)) == public


@built
def test_every_page_of_the_toc_is_built():
    for name in toc_files():
        assert (HTML / f"{name}.html").exists(), f"{name} is in _toc.yml and not in the built book"


@built
def test_no_broken_link_inside():
    broken = []
    for file, page in pages().items():
        for tag in page.select("a[href]"):
            address = tag["href"]
            if is_external(address) or address == "#":
                continue
            path, fragment = unquote(urlsplit(address).path), unquote(urlsplit(address).fragment)
            target = (file.parent / path).resolve() if path else file
            if not target.exists():
                broken.append(f"{file.relative_to(HTML)}: {address}")
            elif fragment and target in pages() and fragment not in anchors(target):
                broken.append(f"{file.relative_to(HTML)}: no anchor {address}")
    assert not broken, "\n".join(broken)


@built
def test_nothing_comes_from_elsewhere():
    """Scripts, styles, fonts and images lie in the book: it works on a train, and tells nobody who reads it."""
    foreign = []
    for file, page in pages().items():
        tags = page.select("script[src], img[src], iframe[src], source[src], audio[src], video[src], object[data]")
        tags += page.select('link[rel~="stylesheet"], link[rel~="preload"], link[rel~="icon"], link[rel~="preconnect"]')
        for tag in tags:
            address = tag.get("src") or tag.get("href") or tag.get("data")
            if is_external(address):
                foreign.append(f"{file.relative_to(HTML)}: {address}")
            elif not address.startswith("data:"):
                assert (file.parent / unquote(urlsplit(address).path)).resolve().exists(), f"{file}: no {address}"
    for style in HTML.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        urls = re.findall(r"""(?:url\(|@import )["']?(https?://[^)"']+)""", text)
        foreign += [f"{style.name}: {url}" for url in urls]
    assert not foreign, "\n".join(foreign)


@built
def test_every_image_has_alt_text():
    for file, page in pages().items():
        for image in page.select("article img"):
            assert (image.get("alt") or "").strip(), f"{file.relative_to(HTML)}: no alt text for {image.get('src')}"


@built
def test_mathjax_is_local_and_small():
    folder = HTML / "_static" / "mathjax"
    assert (folder / "tex-chtml.js").exists() and list(folder.rglob("*.woff"))
    assert sum(file.stat().st_size for file in folder.rglob("*")) < 5e6
    with_maths = [page for page in pages().values() if page.select(".math")]
    assert with_maths
    for page in with_maths:
        assert page.select('script[src*="mathjax/tex-chtml.js"]')


@built
def test_no_repository_means_no_buttons():
    """Buttons come from repository.url alone; empty, no page mentions a service that it could not use."""
    url = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]
    chapter = pages()[HTML / f"{next(name for name in toc_files() if name.startswith('notebooks/'))}.html"]
    services = [tag["href"] for tag in chapter.select("a[href]") if re.search("colab|mybinder", tag["href"])]
    assert bool(services) == bool(url)
    assert all(url.rstrip("/").rsplit("/", 1)[-1] in address for address in services)
    assert bool(chapter.select('script[type="text/x-thebe-config"]')) == bool(url)


def test_cited_keys_exist():
    keys = set(re.findall(r"@\w+\{([^,\s]+),", (ROOT / "book" / "references.bib").read_text(encoding="utf-8")))
    sources = {file: file.read_text(encoding="utf-8") for file in (ROOT / "book").glob("*.md")}
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        sources[file] = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    cited = 0
    for file, text in sources.items():
        for group in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text):
            for key in group.split(","):
                assert key.strip() in keys, f"{file.name}: {key} is not in references.bib"
                cited += 1
    assert cited


def test_every_reference_can_be_found():
    entries = re.split(r"\n(?=@)", (ROOT / "book" / "references.bib").read_text(encoding="utf-8"))[1:]
    for entry in entries:
        assert re.search(r"\b(doi|eprint) = \{", entry), f"neither DOI nor arXiv number: {entry.splitlines()[0]}"


def test_citation_file_agrees_with_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert str(citation["version"]) == re.search(r'^version = "(.+)"', project, re.M)[1]
    assert citation["cff-version"] == "1.2.0" and citation["authors"] and citation["title"]


def test_readme_says_how_and_points_to_what_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make book" in text and "make test" in text
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for address in re.findall(r"\]\(([^)#]+)", (ROOT / name).read_text(encoding="utf-8")):
            assert is_external(address) or (ROOT / address).exists(), f"{name}: no {address}"


def test_commands_that_are_named_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "book").glob("*.md")):
        named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= targets, f"{path.name}: no make {named - targets}"
