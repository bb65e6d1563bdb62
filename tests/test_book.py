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
    """Every page that _toc.yml lists, the sections under a chapter too."""

    def walk(entries):
        for entry in entries:
            yield entry["file"]
            yield from walk(entry.get("sections", []))

    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(name for part in toc["parts"] for name in walk(part["chapters"]))]


def chapter_titles() -> dict[str, str]:
    """File name of each chapter -> its number and title, as its source has it."""
    sources = sorted((ROOT / "notebooks").glob("*.py"))
    titles = {path.stem: re.search(r"^# # (.+)$", path.read_text(encoding="utf-8"), re.M)[1] for path in sources}
    return {name: f"{name[:2]} {title}" for name, title in titles.items()}


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
    prose = {path.relative_to(ROOT).with_suffix("").as_posix() for path in (ROOT / "book").rglob("*.md")}
    assert prose == {name for name in files if name.startswith("book/")}


def test_the_landing_page_links_every_chapter():
    linked = set(re.findall(r"\]\(\.\./(notebooks/[\w-]+)\)", (ROOT / "book" / "intro.md").read_text(encoding="utf-8")))
    assert linked == {name for name in toc_files() if name.startswith("notebooks/")}


def test_readme_and_landing_page_name_chapters_as_they_are():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    landing = (ROOT / "book" / "intro.md").read_text(encoding="utf-8")
    for name, title in chapter_titles().items():
        number, text = title.split(" ", 1)
        assert f"- [{title}](../notebooks/{name})" in landing, f"book/intro.md: {name} is not listed as {title!r}"
        assert f"| {number} | [{text}](notebooks/{name}.ipynb) |" in readme, f"README.md: no {name} as {title!r}"


@built
@pytest.mark.parametrize("name", chapter_titles())
def test_a_page_has_the_numbers_of_every_edition(name):
    page, chapter = pages()[HTML / "notebooks" / f"{name}.html"], int(name[:2])
    assert page.h1.find(string=True) == chapter_titles()[name]
    notebook = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    below = ["".join(c["source"]) for c in notebook["cells"] if "caption" in c["metadata"].get("tags", [])]
    plain = [re.match(r"\*\*(Figure [\d.]+)\.\*\*", text)[1] for text in below if text.startswith("**Figure")]
    assert [span.get_text(strip=True) for span in page.select("figcaption .caption-number")] == plain
    titles = [box.h3.find(string=True).strip() for box in page.select("section.exercise")]
    assert [t.split(":")[0] for t in titles] == [f"Exercise {chapter}.{n}" for n in range(1, len(titles) + 1)]
    assert titles and all(box.select_one("h3 .minutes") for box in page.select("section.exercise"))


def public_modules() -> set[str]:
    folder = ROOT / "dmlib"
    names = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return {"dmlib", *(f"dmlib.{name}" for name in names if not name.startswith("_"))}


def test_every_public_module_has_a_page_and_a_line_in_the_index():
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "book" / "api").glob("*.md")}
    assert set(pages) == {name.rsplit(".", 1)[-1] for name in public_modules()}
    for name in public_modules():
        text = pages[name.rsplit(".", 1)[-1]]
        assert text.startswith(f"# {name}\n")
        first, *below = re.findall(r"automodule:: (\S+)$", text, re.MULTILINE)
        assert first == name and all(other.startswith(f"{name}.") for other in below)
    index = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^   (dmlib(?:\.\w+)?)$", index, re.MULTILINE)) == public_modules()


@built
def test_a_module_page_opens_with_a_table_of_what_it_documents():
    aliases = {"dmlib.features.theories", "dmlib.models.ConditionalFlow"}  # other names of what the page has
    for name in public_modules():
        page = pages()[HTML / "book" / "api" / f"{name.rsplit('.', 1)[-1]}.html"]
        entries = [
            entry.dt for entry in page.select("dl.function, dl.class") if not entry.find_parent("dl", class_="class")
        ]
        documented = {entry["id"] for entry in entries} | (aliases & {tag["id"] for tag in page.select("dt[id]")})
        linked = {entry["id"] for entry in entries if entry.select('a[href*="_modules/"]')}
        assert linked and linked == documented - aliases, f"{name}: no source of {documented - aliases - linked}"
        rows = page.select("table.autosummary tr")
        assert {row.a["href"].removeprefix("#") for row in rows} == documented, name
        assert all(row.select("td")[1].get_text(strip=True) for row in rows), f"{name}: a name without a sentence"
    index = pages()[HTML / "book" / "api.html"].select("table.autosummary tr")
    assert {row.a.get_text() for row in index} == public_modules()


@built
def test_cards_are_folded_and_the_facts_are_not():
    page = pages()[HTML / "book" / "data.html"]
    folds = page.select("article details.card-fold")
    assert len(folds) >= 10 and not any(fold.has_attr("open") for fold in folds)
    assert all(re.search(r": \d+ (rows|entries)", fold.summary.get_text()) for fold in folds)
    facts = page.select("article table.sample-facts")
    assert len(facts) == 3
    for table in facts:
        assert not table.find_parent("details")
        assert {"events", "generator", "licence"} <= {head.get_text(strip=True) for head in table.select("th")}


@built
def test_pages_describe_themselves():
    """For search engines and messengers: a sentence of its own for every page."""
    described = {}
    for name in toc_files():
        page = pages()[HTML / f"{name}.html"]
        (tag,) = page.select('head meta[name="description"]')
        described[name] = tag["content"]
        assert page.select_one('head meta[property="og:description"]')["content"] == tag["content"]
        assert page.select_one('head meta[property="og:title"]')["content"] and len(tag["content"]) > 30
    assert len(set(described.values())) == len(described)


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
    for name in ("book/intro", "book/setup"):
        text = pages()[HTML / f"{name}.html"].article.get_text()
        assert bool(re.search("Colab|Binder|rocket", text)) == bool(url), name
    assert ("git clone" in pages()[HTML / "book" / "setup.html"].article.get_text()) == bool(url)


def test_cited_keys_exist():
    keys = set(re.findall(r"@\w+\{([^,\s]+),", (ROOT / "book" / "references.bib").read_text(encoding="utf-8")))
    sources = {file: file.read_text(encoding="utf-8") for file in (ROOT / "book").rglob("*.md")}
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


def test_readme_cites_as_the_citation_file():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    entry = re.search(r"```bibtex\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)[1]
    fields = dict(re.findall(r"^ +(\w+) += \{+(.*?)\}+,?$", entry, re.M))
    assert fields["title"] == citation["title"] and fields["version"] == str(citation["version"])
    assert fields["author"] == " and ".join(author["name"] for author in citation["authors"])


@pytest.mark.slow
def test_readme_code_finds_the_anomaly():
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)[1]
    values = {}
    exec(code, values)
    assert values["bump"].z > 5  # seeds 15, 1 to 4: 6.2 to 8.4


def test_commands_that_are_named_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "book").glob("*.md")):
        named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= targets, f"{path.name}: no make {named - targets}"
