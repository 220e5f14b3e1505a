// One history entry for each page.
//
// A page that opens gets its address in two steps: `/syntax` at once, and `/syntax?text=…` when it has run. With two entries,
// every second step back would do nothing. The same is true if one of our links is completed to a longer address before the
// user has done anything. So the second address replaces the first.
(() => {
  const pushState = history.pushState;
  history.pushState = function (state, title, url) {
    const next = new URL(url ?? "", location.href);
    const completes = next.pathname === location.pathname && (!location.search || navigator.userActivation?.hasBeenActive === false);
    if (completes) history.replaceState(state, title, url);
    else pushState.call(history, state, title, url);
  };
})();
