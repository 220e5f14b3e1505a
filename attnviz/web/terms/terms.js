// Key words in place: a tap on a term, Enter, the pointer or the focus shows its meaning beside it, without leaving the page.
//
// Terms are links to the glossary, in our texts and in the board's. One listener handles them all: a click or Enter opens the card
// and moves the focus into it; the pointer and the focus only preview it. It closes with Escape, its button, a press elsewhere,
// and when the term is gone. The server adds a call of `start` with the meanings.

const TERM = 'a[href^="glossary?term="]';
const QUOTED = "[data-testid=stTooltipContent], #attnviz-term"; // a help text has the sentence already
const GAP = 8; // pixels between a term and its card
const EDGE = 12; // pixels between the card and the edge of the window
const OPENS = 350; // milliseconds that the pointer rests on a term before its card opens
const CLOSES = 250; // milliseconds in which the pointer may move from the term to the card
const MARKS = 150; // milliseconds after a change of the page in which new terms become buttons

// The id of the term that a link leads to.
export const idOf = (href) => new URLSearchParams(href.slice(href.indexOf("?"))).get("term");

// The address of a term in the glossary that keeps what the open page shows.
export function addressOf(id, search) {
  const params = new URLSearchParams(search);
  params.set("term", id);
  return `glossary?${params}`;
}

// Where a card of this size goes: below the term if there is room, else above it, always inside the window under its `header`.
export function placeOf(term, card, room) {
  const below = term.bottom + GAP;
  const above = term.top - GAP - card.height;
  const lowest = room.height - EDGE - card.height;
  const top = below <= lowest ? below : above >= room.header ? above : Math.max(room.header, lowest);
  return { left: Math.max(EDGE, Math.min(term.left, room.width - EDGE - card.width)), top };
}

export function start(meanings) {
  const $ = (id) => document.getElementById(id);
  const card = $("attnviz-term");
  const [more, close] = [card.querySelector("a"), card.querySelector("button")];
  let term = null; // whose meaning is shown
  let pressed = false; // opened by a click or a key, not by the pointer or the focus alone
  let timer = 0;
  let returning = false; // the focus returns to where it was before the card opened

  function termAt(event) {
    const found = event.composedPath().find((one) => one instanceof Element && one.matches(TERM));
    return found && idOf(found.getAttribute("href")) in meanings && !found.closest(QUOTED) ? found : null;
  }

  const isInside = (event) => event.composedPath().includes(card);

  function mark(root = document) {
    for (const one of root.querySelectorAll(`${TERM}:not([role])`)) {
      if (one.closest(QUOTED)) continue;
      one.setAttribute("role", "button");
      one.setAttribute("aria-haspopup", "dialog");
      one.setAttribute("aria-expanded", "false");
    }
  }

  function open(wanted, hold) {
    clearTimeout(timer);
    if (!wanted.isConnected) return;
    if (term !== wanted) hide();
    term = wanted;
    pressed ||= hold;
    const id = idOf(term.getAttribute("href"));
    $("attnviz-term-name").textContent = meanings[id].name;
    $("attnviz-term-meaning").textContent = meanings[id].short;
    more.href = addressOf(id, location.search);
    term.setAttribute("aria-expanded", pressed);
    term.setAttribute("aria-describedby", "attnviz-term-meaning");
    if (!card.matches(":popover-open")) card.showPopover();
    place();
    if (hold) card.focus({ preventScroll: true });
  }

  function place() {
    if (!term) return;
    const [line] = term.getClientRects();
    if (!line || line.bottom < 0 || line.top > innerHeight) return hide();
    const header = ($("attnviz-frame")?.offsetHeight ?? 0) + EDGE;
    const { left, top } = placeOf(line, { width: card.offsetWidth, height: card.offsetHeight }, { width: innerWidth, height: innerHeight, header });
    Object.assign(card.style, { left: `${left}px`, top: `${top}px` });
  }

  function hide({ focus = false } = {}) {
    clearTimeout(timer);
    if (!term) return;
    const closed = term;
    term = null;
    pressed = false;
    closed.setAttribute("aria-expanded", "false");
    closed.removeAttribute("aria-describedby");
    returning = true;
    card.hidePopover(); // the browser itself gives the focus back to what had it before
    if (focus && closed.isConnected) closed.focus({ preventScroll: true });
    returning = false;
  }

  const later = (act, wait) => {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  };

  addEventListener(
    "click",
    (event) => {
      const found = termAt(event);
      if (!found || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (pressed && term === found) hide({ focus: true });
      else open(found, true);
    },
    true,
  );
  addEventListener("pointerdown", (event) => term && !isInside(event) && termAt(event) !== term && hide(), true);
  addEventListener(
    "keydown",
    (event) => {
      const found = termAt(event);
      if (found && event.key === " ") found.click();
      else if (term && event.key === "Escape") hide({ focus: pressed });
      else if (isInside(event) && event.key === "Tab" && leaves(event)) hide({ focus: true });
      else return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );
  // Whether Tab would leave the card, which stands at the end of the document: the focus goes back to the text instead.
  const leaves = ({ shiftKey }) => document.activeElement === (shiftKey ? card : close);

  addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") return;
    const found = termAt(event);
    if (found && !pressed) later(() => open(found, false), OPENS);
    else if (isInside(event)) clearTimeout(timer);
    else if (!pressed) later(hide, CLOSES);
  });
  addEventListener("focusin", (event) => {
    if (returning || isInside(event)) return;
    const found = termAt(event);
    if (found?.matches(":focus-visible")) later(() => open(found, false), 0); // not while another panel closes and gives the focus back
    else if (term && found !== term) hide();
  });
  addEventListener("scroll", (event) => event.target !== card && place(), { capture: true, passive: true });
  addEventListener("resize", place);
  close.addEventListener("click", () => hide({ focus: true }));

  let marking = 0;
  new MutationObserver(() => {
    marking ||= setTimeout(() => {
      marking = 0;
      mark();
      if (term && !term.isConnected) hide();
    }, MARKS);
  }).observe(document.body, { childList: true, subtree: true });
  mark();
}
