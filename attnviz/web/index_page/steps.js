// A page of steps begins each at its top: the address names the step, and when it names another one, the page scrolls to where it
// begins; to the very top, where the step begins within reach of it.
(() => {
  const REACH = 0.45; // of the window's height
  const name = () => new URLSearchParams(location.search).get("step");

  function show() {
    const main = document.querySelector("[data-testid=stMain]");
    const start = document.querySelector(".st-key-inside-progress");
    if (!main || !start) return;
    const top = start.getBoundingClientRect().top + main.scrollTop;
    main.scrollTop = top < REACH * innerHeight ? 0 : top - document.getElementById("attnviz-frame").offsetHeight - 8;
  }

  for (const method of ["pushState", "replaceState"]) {
    const write = history[method];
    history[method] = function (...args) {
      const [page, step] = [location.pathname, name()];
      write.apply(history, args);
      if (location.pathname === page && name() !== step) show();
    };
  }
})();
