// The panels of the row of pages: the link of what is seen, its QR code, links that the reader keeps, the keys, and presenting.
(() => {
  const KEPT = "attnviz-links"; // in the browser: [{ name, address }], the newest first
  const MOST = 50;
  const CODE_BYTES = 1000; // of a link that a QR code holds (attnviz/web/qr_code.py)
  const PRESENTING = "attnviz-presenting"; // for this tab, and the class of the document while it is on
  const SIZED = [1120, 640, 1.2, 2]; // the window in which type has its own size; the least and the most that presenting enlarges it
  const $ = (selector) => document.querySelector(selector);
  const link = () => location.href.split("#")[0];

  function stored(storage, name, value) {
    try {
      if (value === undefined) return storage().getItem(name);
      storage().setItem(name, value);
    } catch {
      // the browser stores nothing for this site: what is kept is gone with the page
    }
    return value ?? null;
  }

  let memory = "[]";
  function kept() {
    try {
      const found = JSON.parse(stored(() => localStorage, KEPT) ?? memory);
      const sound = ({ name, address }) => typeof name === "string" && typeof address === "string" && /^\/(?!\/)/.test(address);
      return Array.isArray(found) ? found.filter((one) => one && sound(one)).slice(0, MOST) : [];
    } catch {
      return [];
    }
  }

  function keep(list) {
    memory = JSON.stringify(list.slice(0, MOST));
    stored(() => localStorage, KEPT, memory);
    showKept();
  }

  function showKept() {
    $("#attnviz-share .kept").replaceChildren(
      ...kept().map(({ name, address }, at) => {
        const [row, field, open, remove] = ["li", "input", "a", "button"].map((tag) => document.createElement(tag));
        row.className = "line";
        field.value = name;
        field.maxLength = 80;
        field.setAttribute("aria-label", "Name; change it to rename");
        field.addEventListener("change", () => keep(kept().map((one, i) => (i === at ? { ...one, name: field.value.trim() || one.name } : one))));
        open.href = address;
        open.textContent = "Open";
        open.setAttribute("aria-label", `Open ${name}`);
        remove.type = "button";
        remove.textContent = "Delete";
        remove.setAttribute("aria-label", `Delete ${name}`);
        remove.addEventListener("click", () => keep(kept().filter((_, i) => i !== at)));
        row.append(field, open, remove);
        return row;
      }),
    );
  }

  // Whether an address leads every machine to itself: a phone that opens it finds nothing.
  const isLoopback = (host) => /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\]|0\.0\.0\.0)$/i.test(host);

  function share() {
    const code = $("#attnviz-share .enlarge");
    const fits = new TextEncoder().encode(link()).length <= CODE_BYTES;
    $("#attnviz-link").value = link();
    $("#attnviz-share .copied").textContent = "";
    code.hidden = !fits;
    $("#attnviz-share .no-qr").hidden = fits;
    if (fits) for (const image of document.querySelectorAll("#attnviz-share .qr")) image.src = `qr.svg?link=${encodeURIComponent(link())}`;
    const warning = $("#attnviz-share .loopback");
    warning.hidden = !isLoopback(location.hostname);
    warning.querySelector("b").textContent = location.hostname;
    warning.lastElementChild.textContent = `http://192.168.1.20${location.port && `:${location.port}`}`;
    showKept();
  }

  async function copy() {
    const field = $("#attnviz-link");
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // pages without https have no clipboard
    }
    $("#attnviz-share .copied").textContent = "The link is copied.";
  }

  // Escape leaves the full screen, and with it presenting: the reader sees the page as it was.
  async function fill(on) {
    try {
      if (on) await document.documentElement.requestFullscreen({ navigationUI: "hide" });
      else if (document.fullscreenElement) await document.exitFullscreen();
    } catch {
      // a browser that does not fill the screen shows the page in its window, as large
    }
  }

  // The fields of a presented page are folded away, until the reader wants another sentence.
  const CHANGING = "attnviz-changing"; // the class of the document while they are shown
  function change(on) {
    document.documentElement.classList.toggle(CHANGING, on);
    $("#attnviz-frame .change").setAttribute("aria-expanded", on);
    dispatchEvent(new Event("resize")); // pictures have another height to fill
    if (!on) return;
    const field = $(".st-key-ask :is(input, textarea)");
    field?.focus();
    field?.select();
  }

  function present(on) {
    stored(() => sessionStorage, PRESENTING, on ? "yes" : "");
    document.documentElement.classList.toggle(PRESENTING, on);
    const button = $("#attnviz-frame .present");
    button.setAttribute("aria-pressed", on);
    button.firstChild.data = on ? "Exit" : "Present";
    button.lastChild.textContent = on ? " presenting" : "";
    button.setAttribute("aria-label", on ? "Exit presenting" : "Present");
    $("#attnviz-frame .exit").hidden = !on;
    $("#attnviz-frame .change").hidden = !on;
    enlarge();
    change(false);
  }

  // How much larger: as the window allows, so that a page keeps the width that it has on a small laptop.
  function enlarge() {
    const [width, height, least, most] = SIZED;
    const { style, classList } = document.documentElement;
    const factor = Math.min(most, Math.max(least, Math.min(innerWidth / width, innerHeight / height))).toFixed(3);
    const wanted = classList.contains(PRESENTING) ? factor : "";
    if (style.getPropertyValue("--presenting") === wanted) return;
    if (wanted) style.setProperty("--presenting", wanted);
    else style.removeProperty("--presenting");
    dispatchEvent(new Event("resize")); // pictures measure themselves anew
  }

  const isPresenting = () => document.documentElement.classList.contains(PRESENTING);

  function togglePresenting() {
    const on = !isPresenting();
    present(on);
    fill(on);
  }

  const isTyping = (target) => target instanceof Element && (target.matches("input, textarea, select, [data-testid=stDataFrame] *") || target.isContentEditable);

  // Before the page's own keys; a panel that is open closes again.
  addEventListener(
    "keydown",
    (event) => {
      const act = { "?": () => $("#attnviz-keys").togglePopover(), f: togglePresenting }[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.composedPath()[0])) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      act();
    },
    true,
  );

  // The worksheet of the board, whatever page is open: this session opens the board, and then the sheet as its own button does.
  function openWorksheet() {
    const board = $("#attnviz-pages a[data-page=attention]");
    const until = Date.now() + 60_000; // a first text may have to be read
    board.click();
    const poll = setInterval(() => {
      const button = $(".st-key-worksheet-open button");
      if (button || !board.hasAttribute("aria-current") || Date.now() > until) clearInterval(poll);
      button?.click();
    }, 100);
  }

  // A link on a page to what the row opens.
  addEventListener(
    "click",
    (event) => {
      const name = event.target instanceof Element && event.target.closest("[data-panel]")?.dataset.panel;
      const open = { present: togglePresenting, worksheet: openWorksheet, share: () => $("#attnviz-share").showPopover() }[name];
      if (!open) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      open();
    },
    true,
  );

  document.addEventListener("DOMContentLoaded", () => {
    for (const id of ["attnviz-share", "attnviz-keys"]) {
      $(`#${id}`).addEventListener("toggle", ({ newState }) => {
        if (newState !== "open") return;
        if (id === "attnviz-share") share();
        $(`#${id} button`).focus();
      });
    }
    // From the menu of a phone, a panel takes the menu's place.
    $("#attnviz-pages .tools").addEventListener("click", () => $("#attnviz-pages").matches(":popover-open") && $("#attnviz-pages").hidePopover(), true);
    $("#attnviz-share .copy").addEventListener("click", copy);
    $("#attnviz-share form").addEventListener("submit", (event) => {
      event.preventDefault();
      const field = $("#attnviz-share .new-name");
      const page = $("#attnviz-pages [aria-current]")?.firstChild.data ?? "attnviz";
      keep([{ name: field.value.trim() || page, address: location.pathname + location.search }, ...kept()]);
      field.value = "";
    });
    $("#attnviz-frame .change").addEventListener("click", () => change(!document.documentElement.classList.contains(CHANGING)));
    // A sentence that is read, or Escape, folds them again.
    addEventListener("keydown", ({ key, target }) => {
      if (!isPresenting() || !(target instanceof Element) || !target.matches(".st-key-ask input:not([role=combobox])")) return;
      if (key === "Enter" || key === "Escape") setTimeout(change, 0, false);
    });
    $("#attnviz-frame .present").addEventListener("click", togglePresenting);
    $("#attnviz-frame .exit").addEventListener("click", togglePresenting);
    document.addEventListener("fullscreenchange", () => !document.fullscreenElement && isPresenting() && present(false));
    addEventListener("resize", enlarge);
    addEventListener("storage", ({ key }) => key === KEPT && showKept());
    if (stored(() => sessionStorage, PRESENTING)) present(true);
  });
})();
