// One line at the foot of the window about translation: what is off, or what a translator does all the same.
(() => {
  const SEEN = "attnviz-translation";
  const OFF = "Translation by the browser is off on these pages: their numbers change in place, and a translator would leave old ones standing.";
  const ON = "A translator or another extension rewrites the text of this page. Words of your sentence and of the model may be shown wrongly. Switch it off for this page, then reload.";
  const STYLE = `position:fixed;inset:auto 0 16px;margin:auto;z-index:1000000;box-sizing:border-box;width:fit-content;max-width:min(720px,calc(100vw - 32px));
    display:flex;align-items:center;gap:16px;padding:10px 16px;border:1px solid var(--line,GrayText);border-radius:6px;
    background:var(--field,Canvas);color:var(--ink,CanvasText);font:15px/1.45 system-ui,sans-serif`;
  const BUTTON = "flex:none;min-height:32px;padding:0 12px;border:1px solid var(--mute,GrayText);border-radius:6px;background:none;color:inherit;font:inherit;cursor:pointer";
  let bar = null;

  function show(text, role, ...buttons) {
    bar?.remove();
    bar = document.createElement("div");
    bar.id = "attnviz-notice";
    bar.setAttribute("role", role);
    bar.style.cssText = STYLE;
    const said = document.createElement("span");
    said.textContent = text;
    bar.append(said);
    for (const [name, press] of buttons) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.style.cssText = BUTTON;
      button.addEventListener("click", press);
      bar.append(button);
    }
    document.body.append(bar);
  }

  const close = () => bar.remove();

  let warned = false;
  globalThis.attnvizRewritten = () => {
    if (warned) return;
    warned = true;
    show(ON, "alert", ["Reload", () => location.reload()], ["Close", close]);
  };

  function stored(act) {
    try {
      return act(localStorage);
    } catch {
      return null; // the browser keeps nothing for this site: it is said again at the next visit
    }
  }

  function read() {
    stored((storage) => storage.setItem(SEEN, "read"));
    close();
  }

  if (!navigator.language.toLowerCase().startsWith("en") && !stored((storage) => storage.getItem(SEEN)))
    addEventListener("load", () => warned || show(OFF, "status", ["OK", read]));
})();
