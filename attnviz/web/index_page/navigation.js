// The row of pages. A click changes the address and lets Streamlit follow it, as a step back does: the session stays, and with
// it what is on the way. A link that is opened in another tab or copied carries what the address says now.
(() => {
  const NARROW = matchMedia("(max-width: 1099px)");
  const POLL = 50; // milliseconds between two checks whether the page is connected
  const app = () => document.querySelector("[data-testid=stApp]");
  const row = () => document.getElementById("attnviz-pages");
  const links = () => [...row().querySelectorAll("a[data-page]")];
  let wanted = null; // the link of a page that is opened as soon as the page is connected

  // The link of the open page; an address without a name is the board's.
  const currentLink = () => {
    const name = location.pathname.split("/").at(-1);
    return links().find((link) => link.dataset.page === name) ?? links().find((link) => bare(link) === "./");
  };
  const bare = (link) => (link.dataset.address ??= link.getAttribute("href"));

  function mark() {
    const current = currentLink();
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
      if (app()?.dataset.testConnectionState !== "CONNECTED") return setTimeout(poll, POLL);
      const next = wanted;
      wanted = null;
      if (next === currentLink()) return;
      history.pushState({}, "", new URL(bare(next), location.href));
      dispatchEvent(new PopStateEvent("popstate", { state: {} }));
      document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
    };
    poll();
  }

  // What the reader sees goes along into another tab; in this one the session has it.
  function carry({ target }) {
    const link = target.closest?.("#attnviz-pages a[data-page]");
    if (link) link.href = bare(link) + location.search;
  }

  function place() {
    row().popover = NARROW.matches ? "auto" : null;
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
  addEventListener("popstate", mark);

  for (const name of ["pointerdown", "contextmenu", "focusin", "dragstart"]) addEventListener(name, carry, true);
  addEventListener("click", (event) => {
    const { target } = event;
    if (!(target instanceof Element) || !target.closest("#attnviz-frame")) return;
    if (target.closest(".skip")) {
      event.preventDefault();
      const main = document.querySelector("[data-testid=stMain]");
      main?.setAttribute("tabindex", "-1");
      main?.focus();
      return;
    }
    const link = target.closest("a[data-page]");
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (row().matches(":popover-open")) row().hidePopover();
    open(link);
  });
  document.addEventListener("DOMContentLoaded", () => {
    place();
    NARROW.addEventListener("change", place);
    mark();
  });
})();
