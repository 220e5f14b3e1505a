// Typed text is not lost, and the next click is done after it is sent.
//
// A text field of Streamlit commits its text when it loses the focus, and Streamlit sends it one task later, together with the
// page that it believes to be open. A click on a link to another page in between is sent first, and then undone by
// that message. And if a press lasts longer, the page may be redrawn between press and release, and the click is lost. So
// (1) a field that loses the focus by a press is committed when the press ends, (2) a click on a link of the app is delayed
// until the server runs on the committed text (it drops the fields of a page that is left before that), and (3) a file is
// fetched when that run has ended.
(() => {
  const FIELDS = "[data-testid=stTextInput] input, [data-testid=stNumberInput] input, [data-testid=stTextArea] textarea";
  const RUN_TIMEOUT = 5_000; // milliseconds within which the server reports that it runs on the committed text
  const CLICK_TIMEOUT = 1_500; // milliseconds that a click on a link waits for that: during an earlier run, it is not visible
  const POLL = 20; // milliseconds between two checks whether the page runs, or has run
  const committedText = new WeakMap(); // of a field: its text at focus, or at its last commit
  let pressing = false;
  let blurred = null; // { field, next }: a field that lost the focus during this press, and the element that has it now
  const expected = new Set(); // observers of runs that were requested and have not begun
  let pendingDownload = null; // the button of a file that is fetched when the page has run
  let replaying = false;

  const app = () => document.querySelector("[data-testid=stApp]");
  const isOurs = (target) => target instanceof Element && Boolean(app()?.contains(target) || target.closest("#attnviz-frame"));
  const busy = () => expected.size > 0 || app()?.dataset.testScriptState === "running";
  const isField = (target) => target instanceof Element && target.matches(FIELDS);
  const hasPendingText = (field) => committedText.has(field) && committedText.get(field) !== field.value;
  // Streamlit queues its message while it handles the field's event: it is sent before the second of two later tasks.
  const afterSend = (callback) => setTimeout(() => setTimeout(callback));

  function endPress() {
    pressing = false;
    if (!blurred) return;
    const { field, next } = blurred;
    blurred = null;
    if (!field.isConnected || document.activeElement === field) return;
    field.dispatchEvent(new FocusEvent("focusout", { bubbles: true, composed: true, relatedTarget: next }));
  }

  function commit(field) {
    if (hasPendingText(field)) expectRun();
    committedText.set(field, field.value);
  }

  // Observe the start of a run, if a message that requests one is sent now.
  function expectRun() {
    const before = sent;
    const observer = new MutationObserver((records) => {
      const states = [...records.slice(1).map((record) => record.oldValue), app().dataset.testScriptState];
      if (states.includes("running")) stop();
    });
    const stop = () => {
      observer.disconnect();
      expected.delete(observer);
    };
    expected.add(observer);
    observer.observe(app(), { attributeFilter: ["data-test-script-state"], attributeOldValue: true });
    afterSend(() => (sent === before ? stop() : setTimeout(stop, RUN_TIMEOUT)));
  }

  let sent = 0; // messages to the server
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    sent += 1;
    return send.call(this, data);
  };

  for (const name of ["pointerdown", "mousedown"]) addEventListener(name, () => (pressing = true), true);
  for (const name of ["pointerup", "mouseup", "pointercancel", "dragend"]) addEventListener(name, () => setTimeout(endPress), true);
  for (const name of ["blur", "pagehide"]) addEventListener(name, ({ target }) => target === window && endPress());
  addEventListener(
    "keydown",
    (event) => {
      endPress();
      const field = event.target;
      const submits = event.key === "Enter" && isField(field) && (field.tagName !== "TEXTAREA" || event.ctrlKey || event.metaKey);
      if (submits && !event.isComposing) setTimeout(commit, 0, field);
    },
    true,
  );
  addEventListener(
    "focusin",
    ({ target }) => {
      if (blurred?.field === target) blurred = null;
      else if (isField(target)) committedText.set(target, target.value);
    },
    true,
  );
  addEventListener(
    "focusout",
    (event) => {
      const field = event.target;
      if (!isField(field) || !hasPendingText(field)) return;
      if (pressing && event.isTrusted) {
        blurred = { field, next: event.relatedTarget };
        event.stopImmediatePropagation();
      } else commit(field);
    },
    true,
  );
  addEventListener(
    "click",
    (event) => {
      endPress();
      const { target } = event;
      if (replaying || !isOurs(target)) return;
      const link = target.closest("a[href]:not([href^='#'], [data-tour])");
      const download = target.closest("[data-testid=stDownloadButton] button");
      if (link && opensPage(event, link)) followLink(event, link);
      else if (download && busy()) downloadLater(event, download);
    },
    true,
  );

  // Return whether a click opens a page of the app in this window.
  function opensPage(event, link) {
    const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    return plain && !link.target && !link.hasAttribute("download") && link.origin === location.origin;
  }

  function followLink(event, link) {
    cancelEvent(event);
    dispatchEvent(new Event("attnviz-leave")); // components send now what they have not yet sent
    const redrawnLink = () => [...document.querySelectorAll("a[href]")].find((other) => other.href === link.href);
    expectRun();
    const deadline = performance.now() + CLICK_TIMEOUT;
    const poll = () => {
      if (expected.size && performance.now() < deadline) setTimeout(poll, POLL);
      else replayClick(link.isConnected ? link : redrawnLink());
    };
    afterSend(poll);
  }

  function downloadLater(event, button) {
    cancelEvent(event);
    const polling = pendingDownload !== null;
    pendingDownload = button;
    if (polling) return;
    const poll = () => {
      if (busy()) return setTimeout(poll, POLL);
      const current = redrawnButton(pendingDownload);
      pendingDownload = null;
      replayClick(current);
    };
    poll();
  }

  // Return a button after the page was redrawn, found by its key in Python; null if the page has no such button now.
  function redrawnButton(button) {
    const names = [...(button.closest("[class*=st-key-]")?.classList ?? [])];
    const key = names.find((name) => name.startsWith("st-key-"));
    return key ? document.querySelector(`.${CSS.escape(key)} button`) : button.isConnected ? button : null;
  }

  function cancelEvent(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  function replayClick(element) {
    replaying = true;
    element?.click();
    replaying = false;
  }
})();
