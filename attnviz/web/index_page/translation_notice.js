// One line at the bottom of the window about translation: that it is off, or that a translator rewrites the page anyway.
(() => {
  const STORAGE_KEY = "attnviz-translation";
  const OFF = "Translation by the browser is off on these pages: their numbers change in place, and a translator would keep showing the old ones.";
  const REWRITTEN = "A translator or another extension rewrites the text of this page. Words of your sentence and of the model may be wrong. Switch it off for this page, then reload.";
  const STYLE = `position:fixed;inset:auto 0 16px;margin:auto;z-index:1000000;box-sizing:border-box;width:fit-content;max-width:min(720px,calc(100vw - 32px));
    display:flex;align-items:center;gap:16px;padding:10px 16px;border:1px solid var(--line,GrayText);border-radius:6px;
    background:var(--field,Canvas);color:var(--ink,CanvasText);font:15px/1.45 system-ui,sans-serif`;
  const BUTTON_STYLE = "flex:none;min-height:32px;padding:0 12px;border:1px solid var(--mute,GrayText);border-radius:6px;background:none;color:inherit;font:inherit;cursor:pointer";
  let notice = null;

  function show(text, role, ...buttons) {
    notice?.remove();
    notice = document.createElement("div");
    notice.id = "attnviz-notice";
    notice.setAttribute("role", role);
    notice.style.cssText = STYLE;
    const message = document.createElement("span");
    message.textContent = text;
    notice.append(message);
    for (const [name, onClick] of buttons) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.style.cssText = BUTTON_STYLE;
      button.addEventListener("click", onClick);
      notice.append(button);
    }
    document.body.append(notice);
  }

  const close = () => notice.remove();

  let warned = false;
  globalThis.attnvizRewritten = () => {
    if (warned) return;
    warned = true;
    show(REWRITTEN, "alert", ["Reload", () => location.reload()], ["Close", close]);
  };

  function withStorage(use) {
    try {
      return use(localStorage);
    } catch {
      return null; // the browser stores nothing for this site: the notice comes again at the next visit
    }
  }

  function acknowledge() {
    withStorage((storage) => storage.setItem(STORAGE_KEY, "read"));
    close();
  }

  if (!navigator.language.toLowerCase().startsWith("en") && !withStorage((storage) => storage.getItem(STORAGE_KEY)))
    addEventListener("load", () => warned || show(OFF, "status", ["OK", acknowledge]));
})();
