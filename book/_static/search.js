/* Search, where Sphinx's own falls short: results while one types, definitions of terms, and no network from a file. */
const onSearchPage = location.pathname.endsWith("/search.html");
const fromFile = location.protocol === "file:";

// Excerpts are cut from the pages, one request a result: worth it on the search page, and not possible from a file.
DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = onSearchPage && !fromFile;

// Elsewhere the index comes when somebody is about to search; a query that is earlier waits for it.
document.getElementById("pst-search-dialog")?.addEventListener(
  "focusin",
  () => Search.hasIndex() || Search.loadIndex(`${document.documentElement.dataset.content_root}searchindex.js`),
  { once: true },
);

const { performSearch, _performSearch, makeSearchSummary } = Search;

// How many there are is said aloud too.
Search.performSearch = (query) => {
  performSearch(query);
  Search.status.setAttribute("role", "status");
  if (onSearchPage && fromFile)
    Search.status.insertAdjacentHTML(
      "beforebegin",
      "<p>The book was opened as a file, so that there are no excerpts; <code>make serve</code> shows it with them.</p>",
    );
};

// A term of the glossary goes by its name, and shows its definition.
const isTerm = (anchor) => anchor.startsWith("#term-");
const termName = (id) => {
  const entries = Object.entries(Search._index.indexentries); // in lower case
  const entry = entries.find(([, places]) => places.some((place) => place[1] === id));
  const letters = id.slice("term-".length); // in the term's case, but with a hyphen for whatever is no letter
  return [...(entry?.[0] ?? letters)].map((char, i) => (letters[i]?.toLowerCase() === char ? letters[i] : char)).join("");
};
Search._performSearch = (...query) =>
  _performSearch(...query).map(([page, title, anchor, ...rest]) => [
    page,
    isTerm(anchor) ? `${termName(anchor.slice(1))} (glossary)` : title,
    anchor,
    ...rest,
  ]);
Search.makeSearchSummary = (html, keywords, anchor) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  if (!isTerm(anchor)) {
    page.querySelectorAll("#jb-print-docs-body, article h1").forEach((title) => title.remove()); // the link has it
    return makeSearchSummary(page.documentElement.outerHTML, keywords, anchor);
  }
  let entry = page.getElementById(anchor.slice(1));
  while (entry && entry.tagName !== "DD") entry = entry.nextElementSibling; // several terms may share a definition
  const summary = document.createElement("p");
  summary.className = "context";
  summary.textContent = entry?.textContent.trim() ?? "";
  return summary;
};
