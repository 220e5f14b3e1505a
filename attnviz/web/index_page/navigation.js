// The row of pages. At a click Streamlit goes to the page as it does at a step back of the browser: so the session stays, and
// with it what is on its way. A link that is opened in another tab or copied carries what the address says now.
(() => {
  const NARROW = matchMedia("(max-width: 1099px)");
  const VISITED = "attnviz-visited"; // set in the browser once any page has been opened
  const DEFAULT = "attention"; // the page at the bare address, which Streamlit does not find by its name
  const POLL = 50; // milliseconds between two checks whether Streamlit knows its pages
  const row = () => document.getElementById("attnviz-pages");
  const links = () => [...row().querySelectorAll("a[data-page]")];
  const ready = () => document.querySelector(".page-name"); // any page has been drawn
  let wanted = null; // the link of a page that is opened as soon as Streamlit is there

  // The link of the open page; an address without a name is the board's.
  const currentLink = () => {
    const name = location.pathname.split("/").at(-1);
    return links().find((link) => link.dataset.page === name) ?? links().find((link) => bare(link) === "./");
  };
  const bare = (link) => (link.dataset.address ??= link.getAttribute("href"));

  function mark(current = currentLink()) {
    for (const link of links()) {
      if (link === current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.querySelector("#attnviz-frame .here").textContent = current.firstChild.data;
  }

  function open(link) {
    const polling = wanted !== null;
    wanted = link;
    if (polling) return;
    const poll = () => {
      if (!ready()) return setTimeout(poll, POLL);
      const link = wanted;
      wanted = null;
      askFor(link);
      document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
    };
    poll();
  }

  // Streamlit opens the page that the address names when it hears of a step in the history. The address names it only for that
  // moment: Streamlit itself writes it when the page comes, and a run that still ends on the old page would undo it.
  function askFor(link) {
    const [here, { state }] = [location.href, history];
    if (link !== currentLink()) history.replaceState(state, "", new URL(bare(link), here));
    dispatchEvent(new PopStateEvent("popstate"));
    history.replaceState(state, "", here);
    mark(link);
  }

  // What the reader sees goes along into another tab; in this one the session has it. A worksheet is of its own page alone.
  function carry({ target }) {
    const link = target.closest?.("a[data-page]");
    if (!link) return;
    const kept = location.search.slice(1).split("&").filter((pair) => pair && !/^(print|answers)=/.test(pair)).join("&");
    link.href = bare(link) + (kept && `?${kept}`);
  }

  function place() {
    row().popover = NARROW.matches ? "auto" : null;
  }

  // A first visit to the bare address opens Start; any address with a page or a choice in it opens what it says.
  function land() {
    const [first, name, { search, hash }] = [!visited(), location.pathname.split("/").at(-1), location];
    if (name === DEFAULT) history.replaceState(history.state, "", `./${search}${hash}`);
    else if (first && name === "" && !search) history.replaceState(history.state, "", `start${hash}`);
  }

  function visited() {
    try {
      const found = localStorage.getItem(VISITED);
      localStorage.setItem(VISITED, "yes");
      return found !== null;
    } catch {
      return false; // the browser stores nothing for this site
    }
  }

  const { pushState, replaceState } = history;
  history.pushState = function (...values) {
    pushState.apply(history, values);
    if (row()) mark();
  };
  history.replaceState = function (...values) {
    replaceState.apply(history, values);
    if (row()) mark();
  };
  land();
  addEventListener("popstate", () => mark());

  for (const name of ["pointerdown", "contextmenu", "focusin", "dragstart"]) addEventListener(name, carry, true);
  addEventListener("click", (event) => {
    const { target } = event;
    if (!(target instanceof Element)) return;
    if (target.closest("#attnviz-frame .skip")) {
      event.preventDefault();
      const main = document.querySelector("[data-testid=stMain]");
      main?.setAttribute("tabindex", "-1");
      main?.focus();
      return;
    }
    const link = links().find((one) => one.dataset.page === target.closest("a[data-page]")?.dataset.page);
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (row().matches(":popover-open")) row().hidePopover();
    const sheet = link === currentLink() && document.querySelector(".st-key-worksheet-close button");
    if (sheet) sheet.click(); // the name of the open page leads from its worksheet back to it
    else open(link);
  });
  document.addEventListener("DOMContentLoaded", () => {
    place();
    NARROW.addEventListener("change", place);
    mark();
  });
})();
