// What was typed is kept, and what is clicked next is done.
//
// A text field of Streamlit's commits its text when it loses the focus, and Streamlit sends it one task later, together with
// the page that it believes to be on. A click on a link to another page that comes in between is sent first, and then undone
// by that message. And where a press lasts longer, the page may be drawn anew between press and release, and the click is
// lost. So (1) a field that loses the focus by a press is committed when the press ends, (2) a click on a link of the app is
// held back until the server runs on what was committed (it drops the fields of a page that is left before that), and (3) a
// file is fetched when that run has ended.
(() => {
  const FIELDS = "[data-testid=stTextInput] input, [data-testid=stNumberInput] input, [data-testid=stTextArea] textarea";
  const BEGUN = 5_000; // milliseconds within which the server says that it runs on what was committed
  const HELD = 1_500; // milliseconds that a click on a link waits for that: where a run was going on already, it is not seen
  const LOOK = 20; // milliseconds between two looks whether the page runs, or has run
  const held = new WeakMap(); // what a field held when it got the focus, or when it was committed since
  let pressing = false;
  let left = null; // { field, next }: a field that has lost the focus during this press, and what has it now
  const due = new Set(); // what watches for the begin of a run that was asked for
  let wanted = null; // the button of a file that is fetched when the page has run
  let replaying = false;

  const app = () => document.querySelector("[data-testid=stApp]");
  const busy = () => due.size > 0 || app()?.dataset.testScriptState === "running";
  const isField = (target) => target instanceof Element && target.matches(FIELDS);
  const isTyped = (field) => held.has(field) && held.get(field) !== field.value;
  // Streamlit queues its message while it handles the field's event: it goes out before the second of two later tasks.
  const whenSent = (then) => setTimeout(() => setTimeout(then));

  function released() {
    pressing = false;
    if (!left) return;
    const { field, next } = left;
    left = null;
    if (!field.isConnected || document.activeElement === field) return;
    field.dispatchEvent(new FocusEvent("focusout", { bubbles: true, composed: true, relatedTarget: next }));
  }

  function committed(field) {
    if (isTyped(field)) expectRun();
    held.set(field, field.value);
  }

  // Watch for the begin of a run, if a message that asks for it goes out now.
  function expectRun() {
    const before = sent;
    const watch = new MutationObserver((records) => {
      const states = [...records.slice(1).map((record) => record.oldValue), app().dataset.testScriptState];
      if (states.includes("running")) over();
    });
    const over = () => {
      watch.disconnect();
      due.delete(watch);
    };
    due.add(watch);
    watch.observe(app(), { attributeFilter: ["data-test-script-state"], attributeOldValue: true });
    whenSent(() => (sent === before ? over() : setTimeout(over, BEGUN)));
  }

  let sent = 0; // messages to the server
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    sent += 1;
    return send.call(this, data);
  };

  for (const name of ["pointerdown", "mousedown"]) addEventListener(name, () => (pressing = true), true);
  for (const name of ["pointerup", "mouseup", "pointercancel", "dragend"]) addEventListener(name, () => setTimeout(released), true);
  for (const name of ["blur", "pagehide"]) addEventListener(name, ({ target }) => target === window && released());
  addEventListener(
    "keydown",
    (event) => {
      released();
      const field = event.target;
      const runs = event.key === "Enter" && isField(field) && (field.tagName !== "TEXTAREA" || event.ctrlKey || event.metaKey);
      if (runs && !event.isComposing) setTimeout(committed, 0, field);
    },
    true,
  );
  addEventListener(
    "focusin",
    ({ target }) => {
      if (left?.field === target) left = null;
      else if (isField(target)) held.set(target, target.value);
    },
    true,
  );
  addEventListener(
    "focusout",
    (event) => {
      const field = event.target;
      if (!isField(field) || !isTyped(field)) return;
      if (pressing && event.isTrusted) {
        left = { field, next: event.relatedTarget };
        event.stopImmediatePropagation();
      } else committed(field);
    },
    true,
  );
  addEventListener(
    "click",
    (event) => {
      released();
      const { target } = event;
      if (replaying || !(target instanceof Element) || !app()?.contains(target)) return;
      const link = target.closest("a[href]");
      const file = target.closest("[data-testid=stDownloadButton] button");
      if (link && isOurs(event, link)) follow(event, link);
      else if (file && busy()) fetchLater(event, file);
    },
    true,
  );

  // Whether a click opens a page of the app in this window.
  function isOurs(event, link) {
    const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    return plain && !link.target && !link.hasAttribute("download") && link.origin === location.origin;
  }

  function follow(event, link) {
    hold(event);
    dispatchEvent(new Event("attnviz-leave")); // what a component has not yet sent goes out with it
    const same = () => [...document.querySelectorAll("a[href]")].find((other) => other.href === link.href);
    expectRun();
    const until = performance.now() + HELD;
    const go = () => {
      if (due.size && performance.now() < until) setTimeout(go, LOOK);
      else replay(link.isConnected ? link : same());
    };
    whenSent(go);
  }

  function fetchLater(event, button) {
    hold(event);
    const waits = wanted !== null;
    wanted = button;
    if (waits) return;
    const look = () => {
      if (busy()) return setTimeout(look, LOOK);
      const found = redrawn(wanted);
      wanted = null;
      replay(found);
    };
    look();
  }

  // A button after the page was drawn anew: by the name that Python gave it. None where the page has no such button now.
  function redrawn(button) {
    const names = [...(button.closest("[class*=st-key-]")?.classList ?? [])];
    const key = names.find((name) => name.startsWith("st-key-"));
    return key ? document.querySelector(`.${CSS.escape(key)} button`) : button.isConnected ? button : null;
  }

  function hold(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  function replay(found) {
    replaying = true;
    found?.click();
    replaying = false;
  }
})();
