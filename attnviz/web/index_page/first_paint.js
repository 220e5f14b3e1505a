// The reader's words are on the screen before Streamlit is: from the address, or the sentence that a first visit opens with.
// Below the field, what Streamlit draws is shown when it is complete: a board with its numbers, or a page whose run has ended.
(() => {
  const LONGEST = 90_000; // milliseconds: a page that takes longer shows what it has
  const POLL = 100; // milliseconds between two looks at the page
  const WORDS = 400; // characters
  const root = document.documentElement;
  const shell = document.getElementById("first-paint");
  const part = (name) => shell.querySelector(`.${name}`);
  const text = new URLSearchParams(location.search).get("text") ?? shell.dataset.text;
  const page = location.pathname.split("/").pop();
  const board = ["", "attention"].includes(page) && text.trim() !== "";
  shell.classList.toggle("plain", !board);
  const start = page === "start"; // it has a field of its own, and its sentence in one line
  shell.classList.toggle("start", start);
  if (!start) for (const name of ["field", "words"]) part(name).textContent = text.slice(0, WORDS);
  else part("words").append(...shell.dataset.text.split(" ").map((word) => Object.assign(document.createElement("span"), { textContent: word })));
  root.classList.add("first-paint");

  const started = performance.now();
  const boards = () => [...document.querySelectorAll(".st-key-board [data-testid=stBidiComponentIsolated]")];
  const drawn = () => boards().some((one) => one.shadowRoot?.querySelector(".readout")?.textContent);
  const opened = () => start && document.querySelector(".st-key-start:has(.start-doors) .st-key-start-picture-room"); // the room of the picture, which waits for the model
  const ended = () =>
    document.querySelector("[data-testid=stApp][data-test-script-state=notRunning] .page-name") && !document.querySelector(".st-key-board, [data-testid=stSkeleton]");
  const stopped = () => document.querySelector("[data-testid=stDialog], [data-testid=stAlert], [data-testid=stException]");
  const end = () => {
    root.classList.remove("first-paint");
    shell.remove();
  };
  let below = 0; // pixels from the top of what is covered to the end of the field
  const timer = setInterval(() => {
    if (drawn() || opened() || ended() || stopped() || performance.now() - started > LONGEST) {
      clearInterval(timer);
      requestAnimationFrame(() => requestAnimationFrame(end)); // the board is arranged by then
      return;
    }
    const ask = document.querySelector(".st-key-ask:has(input, textarea)");
    const found = ask ? Math.round(ask.getBoundingClientRect().bottom - shell.offsetTop + 4) : 0;
    if (found !== below) shell.style.clipPath = `inset(${(below = found)}px 0 0)`;
    const waits = (document.querySelector("[data-testid=stSpinner], [data-testid=stProgress]")?.textContent ?? "").replace(/\(.*/, "");
    if (part("wait").textContent !== waits) part("wait").textContent = waits;
  }, POLL);
})();
