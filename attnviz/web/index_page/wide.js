// Tables and formulas that are wider than a narrow screen scroll within themselves (frame.css): only these are marked, and can be
// reached by the Tab key, so that arrow keys scroll them.
(() => {
  const NARROW = matchMedia("(max-width: 899px)");
  const FOUND = "[data-testid=stMarkdownContainer] :is(table, .katex-display)";
  const BEYOND = 3; // pixels: an index is drawn a little beyond its formula, and that is no reason to scroll
  const PAUSE = 200; // milliseconds from a change of the page to the next look
  let waiting = 0;

  function mark() {
    waiting = 0;
    for (const one of document.querySelectorAll(FOUND)) {
      const over = [one.scrollWidth - one.clientWidth, one.offsetWidth - one.parentElement.clientWidth, one.getBoundingClientRect().right - innerWidth];
      const wide = NARROW.matches && Math.max(...over) > BEYOND;
      one.toggleAttribute("data-wide", wide);
      if (wide) one.tabIndex = 0;
      else one.removeAttribute("tabindex");
    }
  }

  const look = () => (waiting ||= setTimeout(mark, PAUSE));
  NARROW.addEventListener("change", look);
  addEventListener("resize", () => NARROW.matches && look());
  document.addEventListener("DOMContentLoaded", () =>
    new MutationObserver(() => NARROW.matches && look()).observe(document.body, { childList: true, subtree: true }),
  );
})();
