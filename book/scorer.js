/* The order of search results: a chapter named by what is looked for comes first, chapters before the pages of the API. */
var Scorer = {
  score: ([docname, title, anchor, , score]) => {
    const query = (new URLSearchParams(location.search).get("q") || "").trim().toLowerCase();
    if (!docname.startsWith("notebooks/")) return score - (docname.startsWith("book/api") ? 5 : 0);
    const name = title.toLowerCase().replace(/^\d+ /, "");
    if (!query || anchor) return score;
    return score + (name.startsWith(query) ? 200 : name.includes(query) ? 100 : 0);
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
