/* The order of search results: a chapter named by what is looked for, other chapters, the API, the cards of the data. */
var Scorer = {
  score: ([docname, title, anchor, , score]) => {
    if (docname.startsWith("book/api")) return score - 5;
    if (docname === "book/data") return score - 8;
    const query = document.querySelector('input[name="q"]').value.trim().toLowerCase();  // typed, or from the address
    if (!query || anchor || !docname.startsWith("notebooks/")) return score;
    const name = title.toLowerCase().replace(/^\d+ /, "");
    if (name.startsWith(query)) return score + 200;
    return score + (` ${name}`.includes(` ${query}`) ? 100 : 0);
  },
  /* Sphinx's own values: the file replaces all of them. */
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
