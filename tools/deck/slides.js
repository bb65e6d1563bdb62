/* Makes what a slide shows fit the stage, before reveal.js starts: figures take the room that is left, and where text
   still needs more, its letters become smaller, step by step. */
window.FitSlides = () => ({
  id: "fit-slides",
  async init(deck) {
    const { width, height } = deck.getConfig();
    const SMALLEST = 0.7, STEP = 0.03;  // of letters
    const READABLE = [680, 430], LEAST = [400, 300];  // width and height of a figure, one of which it keeps

    if (document.readyState != "complete") await new Promise((done) => window.addEventListener("load", done));
    if (window.MathJax?.startup?.promise) await MathJax.startup.promise;
    await document.fonts.ready;

    const excess = (slide) => Math.max(slide.scrollHeight - height, slide.scrollWidth > width + 1 ? 1 : 0);

    function shrink(slide, figures, [narrowest, lowest]) {
      for (const figure of figures) {
        const box = figure.getBoundingClientRect();
        const more = (slide.scrollHeight - height) / figures.length;
        const least = Math.min(box.height, lowest, (narrowest * box.height) / box.width);
        if (more > 0) figure.style.height = `${Math.max(least, box.height - more)}px`;
      }
    }

    function fit(slide) {
      const figures = [...slide.querySelectorAll(".cell_output :is(img, svg)")].filter((figure) => !figure.closest("svg svg"));
      for (const figure of figures) {
        const box = figure.getBoundingClientRect();
        const ratio = figure.naturalWidth ? figure.naturalHeight / figure.naturalWidth : box.height / box.width;
        figure.style.height = `${Math.min(540, figure.parentElement.clientWidth * ratio)}px`;
      }
      shrink(slide, figures, READABLE);
      const letters = parseFloat(getComputedStyle(slide).fontSize);
      for (let scale = 1; excess(slide) > 0 && scale > SMALLEST; ) {
        scale -= STEP;
        slide.style.fontSize = `${letters * scale}px`;
        slide.dataset.scale = scale.toFixed(2);
      }
      shrink(slide, figures, LEAST);
    }

    const reveal = deck.getRevealElement();
    reveal.classList.add("measuring");
    const answers = [...reveal.querySelectorAll("details:not([open])")];
    for (const answer of answers) answer.open = true; // they have to fit, too
    for (const slide of reveal.querySelectorAll(".slides > section > section")) fit(slide);
    for (const answer of answers) answer.open = false;
    reveal.classList.remove("measuring");
  },
});
