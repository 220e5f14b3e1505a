// Typed text is not lost, and the next click is done after it is sent.
//
// A text field of Streamlit commits its text when it loses the focus, and Streamlit sends it one task later, together with the
// page that it believes to be open. A click on a link to another page in between is sent first, and then undone by
// that message. And if a press lasts longer, the page may be redrawn between press and release, and the click is lost. So
// (1) a field that loses the focus by a press is committed when the press ends, (2) a click on a link of the app is delayed
// until the server runs on what was sent, the text or a choice in a component (it drops the fields of a page that is left before
// that), and (3) a file is fetched when that run has ended.
(() => {
  const FIELDS = "[data-testid=stTextInput] input, [data-testid=stNumberInput] input, [data-testid=stTextArea] textarea";
  const RUN_TIMEOUT = 10_000; // milliseconds within which the server reports that the run begins that was asked for
  const SHOW_TIMEOUT = 1_500; // milliseconds within which the page shows that a run begins, unless it showed the run before it
  const RERUN = 0x5a; // first byte of Streamlit's messages that ask for a run
  const WRITE_TIMEOUT = 800; // milliseconds within which a run that begins writes the address, if that changes
  const [NEW_SESSION, ADDRESS, FINISHED] = [0x22, 0x62, 0x30]; // tags of its messages from the server: a run begins; the page's new address; a run has ended
  const BEFORE_KIND = [0x0a, 0x12]; // tags of the hash and the metadata, which may stand before that
  const POLL = 20; // milliseconds between two checks whether the page runs, or has run
  const committedText = new WeakMap(); // of a field: its text at focus, or at its last commit
  let pressing = false;
  let blurred = null; // { field, next }: a field that lost the focus during this press, and the element that has it now
  let committing = 0; // commits whose message is not yet sent
  let pendingDownload = null; // the button of a file that is fetched when the page has run
  let replaying = false;

  const app = () => document.querySelector("[data-testid=stApp]");
  const isOurs = (target) => target instanceof Element && Boolean(app()?.contains(target) || target.closest("#attnviz-frame"));
  const running = () => app()?.dataset.testScriptState === "running";
  // Return whether a run was asked for that the server has not begun.
  const unanswered = () => sentAt > startedAt && performance.now() - sentAt < RUN_TIMEOUT;
  // Return whether a run has begun that may still write what was typed into the address, for a step back.
  const unwritten = () => startedAt > writtenAt && performance.now() - startedAt < WRITE_TIMEOUT;
  // Return whether a run has begun that the page does not show yet.
  const unshown = () => startedAt > shownAt && performance.now() - startedAt < SHOW_TIMEOUT;
  const busy = () => committing > 0 || unanswered() || unshown() || running();
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
    if (hasPendingText(field)) {
      committing += 1;
      afterSend(() => (committing -= 1));
    }
    committedText.set(field, field.value);
  }

  let sentAt = -Infinity; // when a run was last asked for
  let startedAt = -Infinity; // when the server last reported that a run begins
  let writtenAt = -Infinity; // when it last sent an address, or the end of a run
  let shownAt = -Infinity; // when the page last began to show a run
  const observed = new WeakSet(); // sockets
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    if (data[0] === RERUN) sentAt = performance.now();
    if (!observed.has(this)) this.addEventListener("message", note);
    observed.add(this);
    return send.call(this, data);
  };

  new MutationObserver((records) => {
    const states = [...records.slice(1).map((record) => record.oldValue), app()?.dataset.testScriptState];
    if (states.includes("running")) shownAt = performance.now();
  }).observe(document, { attributeFilter: ["data-test-script-state"], attributeOldValue: true, subtree: true });

  function note({ data }) {
    const kind = kindOf(data);
    if (kind === NEW_SESSION) startedAt = performance.now();
    if (kind === ADDRESS || kind === FINISHED) writtenAt = performance.now();
  }

  // Return the tag of a message's kind, which stands behind fields with their length.
  function kindOf(data) {
    if (!(data instanceof ArrayBuffer)) return 0;
    const bytes = new Uint8Array(data);
    const afterField = (start) => {
      let [length, end] = [0, start + 1];
      for (let shift = 0; end < bytes.length; shift += 7) {
        length |= (bytes[end] & 0x7f) << shift;
        if (bytes[end++] < 0x80) break;
      }
      return end + length;
    };
    let at = 0;
    while (BEFORE_KIND.includes(bytes[at])) at = afterField(at);
    return bytes[at];
  }

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
    const poll = () => {
      if (unanswered() || unwritten()) setTimeout(poll, POLL);
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
