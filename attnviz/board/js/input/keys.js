// The keyboard, on a component and, if nothing has the focus, on its page.

export const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

// `answer(event, active)` returns whether it handled a key; `active` is the element with the focus inside `root`, or null.
export function listenToKeys(on, root, answer, escape) {
  const listen = (event, inside) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const active = inside ? event.composedPath()[0] : null;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(active?.tagName ?? "")) {
      if (event.key === "Escape" && escape()) event.preventDefault();
      return event.stopPropagation();
    }
    const known = answer(event, active);
    if (known) event.preventDefault();
    // Streamlit has single-letter shortcuts: R runs the page again, C clears its caches.
    if (inside && (known || event.key.length === 1)) event.stopPropagation();
  };
  on(root, "keydown", (event) => listen(event, true));
  on(document, "keydown", (event) => event.target === document.body && listen(event, false));
}
