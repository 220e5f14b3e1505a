// The theme of the page, for all that is drawn in the colours of `live_css` (attnviz/figures/encoding.py): first the one that the
// browser keeps or prefers, then the one that Streamlit draws in, at once when the reader switches it. Pictures whose pixels the
// server colours come anew, and tables, which may have bars.
(() => {
  const POLL = 100; // milliseconds between two looks for Streamlit's page
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage[Object.keys(localStorage).find((name) => name.startsWith("stActiveTheme"))];
    } catch {
      return null; // a browser that keeps nothing
    }
  };

  function set(dark) {
    const theme = dark ? "dark" : "light";
    if (root.dataset.theme === theme) return;
    const switched = root.dataset.theme !== undefined;
    root.dataset.theme = theme;
    if (switched && document.querySelector(".js-plotly-plot, [data-testid=stDataFrame]")) document.querySelector(".st-key-theme-switched button")?.click();
  }

  const theme = stored();
  set(theme ? /"name":"[^"]*dark/i.test(theme) : matchMedia("(prefers-color-scheme: dark)").matches);

  let watched = null;
  const look = () => set(getComputedStyle(watched).colorScheme === "dark");
  const watch = new MutationObserver(look);
  setInterval(() => {
    const app = document.querySelector("[data-testid=stApp]");
    if (!app || app === watched) return;
    watched = app;
    watch.disconnect();
    watch.observe(app, { attributes: true, attributeFilter: ["class", "style"] });
    look();
  }, POLL);
})();
