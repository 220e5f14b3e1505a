// Printing. The frame of the pages (attnviz/web/index_page/paper.js) or a board of its own marks the document and says so, and
// pictures are drawn anew before the browser takes the page: as wide as the paper, in the light theme, in fine pixels.

const MARK = "attnviz-paper"; // the class of the document, and the event that says that it changed
const SHARP = 4; // pixels of a canvas to each of a page's

export const onPaper = () => Boolean(globalThis.document?.documentElement?.classList?.contains(MARK));

export const pixelRatio = () => (onPaper() ? SHARP : globalThis.devicePixelRatio || 1);

// Draws before and after the page is printed; `element` has the class `paper` while it is.
export function whenPrinted(element, draw, signal) {
  addEventListener(MARK, () => {
    element.classList.toggle("paper", onPaper());
    draw();
  }, { signal });
}

// For a page without that frame.
export function watchPrinting() {
  for (const [name, on] of [["beforeprint", true], ["afterprint", false]]) {
    addEventListener(name, () => {
      document.documentElement.classList.toggle(MARK, on);
      dispatchEvent(new Event(MARK));
    });
  }
}
