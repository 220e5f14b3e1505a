// The reader's words are on the screen before Streamlit is: from the address, or the sentence that a first visit opens with.
// Below the field, what Streamlit draws is shown when it is complete: a board with its numbers, or a page whose run has ended.
(() => {
  const LONGEST = 90_000; // milliseconds: a page that takes longer shows what it has
  const WORDS = 400; // characters
  const root = document.documentElement;
  const shell = document.getElementById("first-paint");
  const part = (name) => shell.querySelector(`.${name}`);
  const stored = () => {
    try {
      return localStorage[Object.keys(localStorage).find((name) => name.startsWith("stActiveTheme"))];
    } catch {
      return null; // a browser that keeps nothing
    }
  };
  const theme = stored();
  const dark = theme ? /"name":"[^"]*dark/i.test(theme) : matchMedia("(prefers-color-scheme: dark)").matches;
  const text = new URLSearchParams(location.search).get("text") ?? shell.dataset.text;
  const board = ["", "attention"].includes(location.pathname.split("/").pop()) && text.trim() !== "";
  shell.classList.toggle("dark", dark);
  shell.classList.toggle("plain", !board);
  for (const name of ["field", "words"]) part(name).textContent = text.slice(0, WORDS);
  root.classList.add("first-paint");

  const started = performance.now();
  const boards = () => [...document.querySelectorAll(".st-key-board [data-testid=stBidiComponentIsolated]")];
  const drawn = () => boards().some((one) => one.shadowRoot?.querySelector(".readout")?.textContent);
  const ended = () =>
    document.querySelector("[data-testid=stApp][data-test-script-state=notRunning] .st-key-ask") && !document.querySelector(".st-key-board, [data-testid=stSkeleton]");
  const stopped = () => document.querySelector("[data-testid=stDialog], [data-testid=stAlert], [data-testid=stException]");
  function look() {
    if (drawn() || ended() || stopped() || performance.now() - started > LONGEST) {
      root.classList.remove("first-paint", "asked");
      shell.remove();
      return;
    }
    const ask = document.querySelector(".st-key-ask:has(input, textarea)");
    for (const one of [shell, root]) one.classList.toggle("asked", ask !== null);
    if (ask) shell.style.top = `${ask.getBoundingClientRect().bottom + 4}px`;
    const waits = (document.querySelector("[data-testid=stSpinner]")?.textContent ?? "").replace(/\(.*/, "");
    if (part("wait").textContent !== waits) part("wait").textContent = waits;
    requestAnimationFrame(look);
  }
  look();
})();
