// The address of a page is one step in the browser's history.
//
// A page that opens gets its address in two steps: `/syntax` at once, and `/syntax?text=…` when it has run. As two entries,
// every second step back would do nothing. The same holds for the address that a link of ours is completed to, before the
// reader has done anything.
(() => {
  const push = history.pushState;
  history.pushState = function (state, title, url) {
    const next = new URL(url ?? "", location.href);
    const completes = next.pathname === location.pathname && (!location.search || navigator.userActivation?.hasBeenActive === false);
    if (completes) history.replaceState(state, title, url);
    else push.call(history, state, title, url);
  };
})();
