// Printing: before the browser takes the page, it becomes a sheet. Above the page stand its name, the model, the date, the sentence
// and the link; charts and tables are as wide as the paper and whole; what only serves to choose is left out
// (paper.css). Pictures that are drawn on canvases hear of it by an event and draw themselves anew. Afterwards all is as before.
(() => {
  const MARK = "attnviz-paper"; // the class of the document while it is on paper, and the event
  const DARK = "from-dark";
  const WORKSHEET = ".st-key-worksheet-open button"; // Streamlit's own button, on a page that has a worksheet
  const LONGEST = 12_000; // characters of the sentence
  const root = document.documentElement;
  const $ = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  let undone = []; // how to take back what was done for the paper
  let presenting = "";

  // What the page is about, from Python, or as far as the address says it.
  function facts() {
    const { model = "", head = "", text, second = "" } = $(".paper-facts")?.dataset ?? {};
    const asked = new URLSearchParams(location.search);
    return { title: $("h1.page-name")?.textContent || "attnviz", model, head, text: text ?? asked.get("text") ?? "", second: second || (asked.get("text_b") ?? "") };
  }

  function made(tag, name, text) {
    const one = document.createElement(tag);
    if (name) one.className = name;
    one.textContent = text;
    return one;
  }

  function label() {
    const { title, model, head, text, second } = facts();
    const drawn = $(".st-key-board, .st-key-compare, .st-key-heads-drawing, .st-key-start-picture-room, .st-key-worksheet, .st-key-glossary");
    const sentence = drawn ? [] : [text, second].filter((one) => one.trim()).map((one) => Object.assign(made("p", "sentence", one.slice(0, LONGEST)), { dir: "auto" }));
    const date = new Date().toLocaleDateString("en", { year: "numeric", month: "long", day: "numeric" });
    const about = [[model, head].filter(Boolean).join(", "), "attnviz", date].filter(Boolean).join(" \u00b7 ");
    $("#attnviz-paper-head").replaceChildren(made("b", "", title), made("span", "", about), ...sentence, made("small", "", location.href.split("#")[0]));
  }

  // A chart has the size of the window that it was drawn in: it is scaled to the paper.
  function fitCharts() {
    for (const box of all(".js-plotly-plot .svg-container")) {
      const [width, height] = [box.clientWidth, box.clientHeight];
      if (!width || !height) continue;
      const before = box.style.cssText;
      const pictures = [...box.querySelectorAll(":scope > svg, :scope > div > svg")].filter((svg) => !svg.hasAttribute("viewBox"));
      for (const svg of pictures) svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      const scale = Math.min(1, 680 / width);
      box.style.cssText += `;width:${width * scale}px !important;height:${height * scale}px !important`;
      undone.push(() => {
        box.style.cssText = before;
        for (const svg of pictures) svg.removeAttribute("viewBox");
      });
    }
  }

  // Streamlit draws the part of a table that is seen, and keeps its cells as text for screen readers.
  function writeTables() {
    for (const grid of all("[data-testid=stDataFrame] table[role=grid]")) {
      const table = made("table", "paper-table", "");
      const rows = [...grid.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
      const kept = (rows[0] ?? []).map((_, at) => rows.some((row) => row[at]));
      rows.forEach((cells, i) => {
        const row = table.insertRow();
        cells.forEach((text, at) => kept[at] && row.append(made(i ? "td" : "th", "", short(text))));
      });
      const box = grid.closest("[data-testid=stDataFrame]");
      const total = Number(grid.getAttribute("aria-rowcount")) - 1;
      if (total > rows.length - 1) table.createCaption().textContent = `The first ${rows.length - 1} of ${total} rows`;
      box.after(table);
      undone.push(() => table.remove());
    }
  }

  // A number of many digits, as such a table has it for screen readers.
  const short = (text) => (/^-?\d+\.\d{4,}$/.test(text) ? (+text).toFixed(Math.abs(+text) >= 1 ? 1 : 3).replace("-", "\u2212") : text);

  // A box in which only fields stood leaves no gap, nor do the few words that named them.
  function closeGaps() {
    const drawn = (box) => [...box.querySelectorAll("svg, canvas, img, iframe, [data-testid^=stBidiComponent]")].some((one) => one.getClientRects().length);
    for (const box of all("[data-testid=stMain] [data-testid=stHorizontalBlock]")) {
      if (drawn(box) || [...box.children].some((part) => part.innerText.trim().length > 60) || !box.querySelector("[data-testid=stButton], [data-testid=stSelectbox], [data-testid=stDownloadButton], [data-testid=stButtonGroup]")) continue;
      box.classList.add("paper-empty");
      undone.push(() => box.classList.remove("paper-empty"));
    }
    const seen = (box) => box.innerText.trim() || drawn(box);
    for (const box of all("[data-testid=stMain] :is([data-testid=stElementContainer], [data-testid=stLayoutWrapper])")) {
      if (box.getClientRects().length && !seen(box)) {
        box.classList.add("paper-empty");
        undone.push(() => box.classList.remove("paper-empty"));
      }
    }
  }

  function isDark() {
    const [r, g, b] = getComputedStyle($("[data-testid=stApp]") ?? document.body).backgroundColor.match(/[\d.]+/g)?.map(Number) ?? [255, 255, 255];
    return 0.21 * r + 0.72 * g + 0.07 * b < 100;
  }

  function begin() {
    if (root.classList.contains(MARK)) return;
    const dark = isDark();
    presenting = root.style.getPropertyValue("--presenting");
    root.style.removeProperty("--presenting");
    root.classList.add(MARK);
    root.classList.toggle(DARK, dark);
    label();
    fitCharts();
    writeTables();
    dispatchEvent(new Event(MARK));
    closeGaps();
  }

  function end() {
    if (!root.classList.contains(MARK)) return;
    for (const undo of undone.splice(0).reverse()) undo();
    root.classList.remove(MARK, DARK);
    if (presenting) root.style.setProperty("--presenting", presenting);
    dispatchEvent(new Event(MARK));
  }

  addEventListener("beforeprint", begin);
  addEventListener("afterprint", end);
  document.addEventListener("DOMContentLoaded", () => {
    const share = $("#attnviz-share");
    share.addEventListener("toggle", ({ newState }) => {
      share.querySelector(".worksheet").hidden = newState !== "open" || !$(WORKSHEET);
    });
    share.addEventListener("click", ({ target }) => {
      if (!target.closest(".print, .worksheet")) return;
      share.hidePopover();
      if (target.closest(".print")) print();
      else $(WORKSHEET)?.click();
    });
    document.addEventListener("click", (event) => {
      if (!event.target.closest?.("[data-print]")) return;
      event.preventDefault();
      print();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === " " && event.target.closest?.("[data-print]")) {
        event.preventDefault();
        print();
      }
    });
  });
})();
