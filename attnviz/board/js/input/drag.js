// A row or grid of things in, their new order out: drawn with a mouse, or, after a long press, with a finger.

const FAR = 6; // pixels that a mouse travels before it drags
const LONG = 400; // milliseconds that a finger rests before it does

// `items()` are the elements in order, `grip(event)` the place of the one meant, -1 for none; `move(from, to)` is called at the end.
export function draggable(host, items, grip, move, signal) {
  let held = null;
  const on = (name, answer, more = {}) => host.addEventListener(name, answer, { signal, ...more });

  function begin() {
    held.drags = true;
    held.item.classList.add("dragged");
    host.setPointerCapture?.(held.pointer);
  }

  function mark(to) {
    items().forEach((item, i) => {
      item.classList.toggle("drop-before", i === to && to < held.from);
      item.classList.toggle("drop-after", i === to && to > held.from);
    });
  }

  function end(event, cancelled) {
    if (!held) return;
    clearTimeout(held.timer);
    const { from, to, drags, item } = held;
    if (drags) {
      mark(-1);
      item.classList.remove("dragged");
      event.preventDefault();
      // The click that follows is the end of the drag, not a choice.
      host.addEventListener("click", stopped, { capture: true, once: true });
      setTimeout(() => host.removeEventListener("click", stopped, { capture: true }), 50);
    }
    held = null;
    if (drags && !cancelled && to !== from) move(from, to);
  }

  on("pointerdown", (event) => {
    const from = event.button ? -1 : grip(event);
    if (from < 0) return;
    held = { from, to: from, item: items()[from], pointer: event.pointerId, x: event.clientX, y: event.clientY, drags: false };
    if (event.pointerType === "touch") held.timer = setTimeout(begin, LONG);
  });
  on("pointermove", (event) => {
    if (!held) return;
    const gone = Math.hypot(event.clientX - held.x, event.clientY - held.y);
    if (!held.drags && event.pointerType === "touch" && gone > FAR) return end(event, true);
    if (!held.drags && event.pointerType !== "touch" && gone > FAR) begin();
    if (!held.drags) return;
    held.to = nearest(items(), event.clientX, event.clientY);
    mark(held.to);
  });
  on("pointerup", (event) => end(event, false));
  on("pointercancel", (event) => end(event, true));
  // A finger that drags does not scroll.
  on("touchmove", (event) => held?.drags && event.preventDefault(), { passive: false });
  on("contextmenu", (event) => held && event.preventDefault());
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
