// Escape closes the tip of a glossary term, until the pointer or the keyboard comes to the next thing.
const tips = document.documentElement.classList;
document.addEventListener("keydown", (event) => event.key === "Escape" && tips.add("tips-closed"));
for (const kind of ["focusin", "mouseover"]) document.addEventListener(kind, () => tips.remove("tips-closed"));
