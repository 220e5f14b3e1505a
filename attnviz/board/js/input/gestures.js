// Gestures without a browser event: dragging an element to a new place, and a long press.

const FAR = 6; // pixels that a mouse moves before a drag begins
const DRAG_AFTER = 400; // milliseconds of a press before a finger drags
const REST = 500; // milliseconds of a press on a word before the word is added
const TREMBLE = 10; // pixels that a pressing finger may move

// `items()` are the elements in order, `grip(event)` the place of the dragged one, -1 for none; `move(from, to)` is called at the end.
export function draggable(host, items, grip, move, signal) {
  let drag = null;
  const on = (name, answer, more = {}) => host.addEventListener(name, answer, { signal, ...more });

  function begin() {
    drag.drags = true;
    drag.item.classList.add("dragged");
    host.setPointerCapture?.(drag.pointer);
  }

  function mark(to) {
    items().forEach((item, i) => {
      item.classList.toggle("drop-before", i === to && to < drag.from);
      item.classList.toggle("drop-after", i === to && to > drag.from);
    });
  }

  function end(event, cancelled) {
    if (!drag) return;
    clearTimeout(drag.timer);
    const { from, to, drags, item } = drag;
    if (drags) {
      mark(-1);
      item.classList.remove("dragged");
      event.preventDefault();
      // The click that follows is the end of the drag, not a choice.
      host.addEventListener("click", stopped, { capture: true, once: true });
      setTimeout(() => host.removeEventListener("click", stopped, { capture: true }), 50);
    }
    drag = null;
    if (drags && !cancelled && to !== from) move(from, to);
  }

  on("pointerdown", (event) => {
    const from = event.button ? -1 : grip(event);
    if (from < 0) return;
    drag = { from, to: from, item: items()[from], pointer: event.pointerId, x: event.clientX, y: event.clientY, drags: false };
    if (event.pointerType === "touch") drag.timer = setTimeout(begin, DRAG_AFTER);
  });
  on("pointermove", (event) => {
    if (!drag) return;
    const distance = Math.hypot(event.clientX - drag.x, event.clientY - drag.y);
    if (!drag.drags && event.pointerType === "touch" && distance > FAR) return end(event, true);
    if (!drag.drags && event.pointerType !== "touch" && distance > FAR) begin();
    if (!drag.drags) return;
    drag.to = nearest(items(), event.clientX, event.clientY);
    mark(drag.to);
  });
  on("pointerup", (event) => end(event, false));
  on("pointercancel", (event) => end(event, true));
  // A dragging finger does not scroll.
  on("touchmove", (event) => drag?.drags && event.preventDefault(), { passive: false });
  on("contextmenu", (event) => drag && event.preventDefault());
}

function stopped(event) {
  event.stopPropagation();
  event.preventDefault();
}

export function nearest(items, x, y) {
  const far = items.map((item) => {
    const { left, right, top, bottom } = item.getBoundingClientRect();
    return Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom) * 2);
  });
  return far.indexOf(Math.min(...far));
}

export const isAdditive = (event) => event.shiftKey || event.ctrlKey || event.metaKey;

// Calls `answer` after a long press; the click after it is not passed on.
export function onLongPress(on, target, answer) {
  let [waiting, start, rested] = [0, null, false];
  const stop = () => clearTimeout(waiting);
  on(target, "pointerdown", (event) => {
    [start, rested] = [event, false];
    stop();
    if (event.pointerType !== "touch") return;
    waiting = setTimeout(() => {
      rested = true;
      answer(event);
    }, REST);
  });
  on(target, "pointermove", (event) => start && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > TREMBLE && stop());
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) on(target, name, stop);
  on(target, "contextmenu", (event) => start?.pointerType === "touch" && event.preventDefault());
  on(target, "click", (event) => {
    if (rested) event.stopImmediatePropagation();
    rested = false;
  });
  // Shift would select the text between two clicks.
  on(target, "mousedown", (event) => event.shiftKey && event.preventDefault());
}
