// Two minutes around the board: five stops on the real one. The card stands beside what it explains, never over it.
(() => {
  const STORAGE_KEY = "attnviz-tour"; // in the browser: the stop at which the tour was left, or that it was taken
  const TAKEN = "taken";
  const STOPS = [ // what it explains, a title, words, and other words where fingers tap a narrow screen
    [".lines", "The sentence", "This is what the model reads, word by word. Type another one into the field above and press Enter.", "This is what the model reads, word by word. You can type another one into the field at the top of the page."],
    [".lines, .readout-bar", "Point at a word", "Point at a word, or tap it: it turns orange, and the words that it looks at turn blue. The darker, the more.", "Tap a word: it turns orange, and the words that it looks at turn blue. The darker, the more."],
    [".left .overview", "All heads", "Every small picture is one head: a part of the model that looks in its own way. Click one; the arrow keys go on from there.", "Every small picture is one head: a part of the model that looks in its own way. Tap one to see it below."],
    [".right .stage", "One head", "The chosen head, twice: as a matrix, where each row is a word that looks, and as curves, where thickness is weight.", "The chosen head as curves, where thickness is weight. “Matrix” shows the same numbers as a table: each row is a word that looks."],
    [".right .pin", "Pin and compare", "Pin a head, choose another, pin that too: the page Compare shows them side by side, over several sentences and models.", "Pin a head, choose another, pin that too: the page Compare shows them together, over several sentences and models."],
  ];
  const WAITING = "The board is on its way. It opens here.";
  const GAP = 12; // pixels between the card and what it explains
  const EVERY = 200; // milliseconds between two looks at where that is
  const $ = (selector) => document.querySelector(selector);
  let [card, ring, at, timer, shown] = [null, null, 0, 0, null];

  const board = () => [...document.querySelectorAll(".st-key-board *")].find((one) => one.shadowRoot)?.shadowRoot;
  const onBoard = () => $("#attnviz-pages [aria-current]")?.dataset.page === "attention";
  const target = () => {
    const found = (onBoard() && board()?.querySelectorAll(STOPS[at][0])) || [];
    return found.length && found[0].getBoundingClientRect().height > 0 ? found[0] : null;
  };
  const area = () => {
    const boxes = [...board().querySelectorAll(STOPS[at][0])].map((one) => one.getBoundingClientRect());
    const [left, top] = ["left", "top"].map((side) => Math.min(...boxes.map((box) => box[side])));
    const [right, bottom] = ["right", "bottom"].map((side) => Math.max(...boxes.map((box) => box[side])));
    return { left, top, right, bottom };
  };

  function stored() {
    try {
      return localStorage.getItem(STORAGE_KEY);
    } catch {
      return null;
    }
  }

  function remembered() {
    const stop = Number(stored());
    return Number.isInteger(stop) && stop > 0 && stop < STOPS.length ? stop : 0;
  }

  function remember(stop) {
    try {
      localStorage.setItem(STORAGE_KEY, stop);
    } catch {
      // the browser stores nothing for this site: the tour begins at its first stop again
    }
    offer();
  }

  // What the links to the tour say: it is new, begun, or taken, and then offered again.
  function offer() {
    document.documentElement.dataset.tourState = stored() === TAKEN ? TAKEN : remembered() ? "begun" : "new";
  }

  function begin() {
    end();
    at = remembered();
    shown = null;
    if (!onBoard()) $("#attnviz-pages a[data-page=attention]").click();
    [card, ring] = [$("#attnviz-tour"), $("#attnviz-tour-ring")];
    card.hidden = false;
    timer = setInterval(place, EVERY);
    write();
    card.querySelector(".next").focus();
  }

  function go(stop) {
    if (stop < 0) return;
    if (stop === STOPS.length) {
      remember(TAKEN);
      return end();
    }
    at = stop;
    remember(at);
    write();
  }

  function end() {
    clearInterval(timer);
    for (const one of [card, ring]) if (one) one.hidden = true;
    card = ring = null;
  }

  function write() {
    const found = target();
    const [, title, text, tapped] = STOPS[at];
    card.setAttribute("aria-label", `Tour, stop ${at + 1} of ${STOPS.length}`);
    card.querySelector(".count").textContent = `${at + 1} of ${STOPS.length}`;
    card.querySelector("h2").textContent = title;
    card.querySelector(".text").textContent = !found ? WAITING : narrow() ? tapped : text;
    card.querySelector(".back").disabled = at === 0;
    card.querySelector(".next").textContent = at + 1 === STOPS.length ? "Done" : "Next";
    shown = found;
    if (found) reveal();
    place();
  }

  // Bring it into view, on a narrow screen to the top, since the card stands at the foot.
  function reveal() {
    const main = $("[data-testid=stMain]");
    const { top, bottom } = area();
    const readout = board().querySelector(".readout-bar");
    const sticky = at > 1 && getComputedStyle(readout).position === "sticky" ? readout.offsetHeight : 0;
    const head = $("#attnviz-frame").offsetHeight + sticky + GAP + 8;
    const room = innerHeight - (narrow() ? card.offsetHeight + 2 * GAP : GAP);
    if (top < head || narrow() || bottom - top > room - head) main?.scrollBy(0, top - head);
    else if (bottom > room) main?.scrollBy(0, bottom - room);
  }

  const narrow = () => innerWidth < 760;

  function place() {
    if (!card) return;
    const found = target();
    if (shown && !onBoard()) return end(); // another page was opened
    if (found !== shown) return write();
    ring.hidden = !found;
    if (!found || narrow()) Object.assign(card.style, { left: "", top: "" });
    card.classList.toggle("foot", !found || narrow());
    if (!found) return;
    const box = area();
    Object.assign(ring.style, { left: `${box.left - 4}px`, top: `${box.top - 4}px`, width: `${box.right - box.left + 8}px`, height: `${box.bottom - box.top + 8}px` });
    if (narrow()) return;
    const [width, height] = [card.offsetWidth, card.offsetHeight];
    const across = Math.min(Math.max(GAP, box.left), innerWidth - width - GAP);
    const along = Math.min(Math.max($("#attnviz-frame").offsetHeight + GAP, box.top), innerHeight - height - GAP);
    const places = [[across, box.bottom + GAP], [box.right + GAP, along], [box.left - width - GAP, along], [across, box.top - height - GAP]];
    const fits = ([left, top]) => left >= 0 && top >= 0 && left + width <= innerWidth && top + height <= innerHeight;
    const chosen = places.find(fits);
    card.classList.toggle("foot", !chosen);
    if (chosen) Object.assign(card.style, { left: `${chosen[0]}px`, top: `${chosen[1]}px` });
  }

  offer();
  addEventListener("storage", ({ key }) => key === STORAGE_KEY && offer());
  addEventListener(
    "keydown",
    (event) => {
      if (!card) return;
      const inside = card.contains(event.target);
      if (event.key === "Escape" && !document.querySelector(":popover-open")) end();
      else if (inside && event.key === "ArrowRight") go(at + 1);
      else if (inside && event.key === "ArrowLeft") go(at - 1);
      else return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );
  document.addEventListener("DOMContentLoaded", () => {
    $("#attnviz-tour .skip-tour").addEventListener("click", end);
    $("#attnviz-tour .back").addEventListener("click", () => go(at - 1));
    $("#attnviz-tour .next").addEventListener("click", () => go(at + 1));
  });
  addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-tour]")) return;
    event.preventDefault();
    $("#attnviz-keys").hidePopover();
    begin();
  });
})();
