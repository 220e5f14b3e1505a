// Wheel, fingers, drags and keys over the matrix move its lens. They are handled before pointing and selecting.

const MOVED = 4; // pixels of movement from which a press is a drag
const KEYS = { "+": 1, "=": 1, "-": -1, _: -1 };

export function onLens(on, canvas, act) {
  const fingers = new Map();
  let [start, dragged] = [null, false];
  const inside = (event) => act.lens.has(event.offsetX, event.offsetY);
  const placed = ({ offsetX: x, offsetY: y }) => ({ x, y });

  // A pinch on a trackpad is a wheel event with Ctrl.
  on(canvas, "wheel", (event) => {
    if (!event.ctrlKey || !inside(event)) return;
    event.preventDefault();
    act.lens.zoom(Math.exp(-event.deltaY / 300), placed(event));
  }, { passive: false });

  on(canvas, "pointerdown", (event) => {
    dragged = false;
    if (!inside(event)) return;
    fingers.set(event.pointerId, placed(event));
    start = event.pointerType === "touch" ? null : placed(event);
  });
  on(canvas, "pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = placed(event);
    if (fingers.size === 2) pinch(event.pointerId, before, now);
    else if (start && act.lens.isHeld() && (dragged || Math.hypot(now.x - start.x, now.y - start.y) > MOVED)) {
      if (!dragged) canvas.setPointerCapture(event.pointerId);
      dragged = true;
      act.lens.pan(now.x - before.x, now.y - before.y);
    }
    fingers.set(event.pointerId, now);
    if (dragged) event.stopImmediatePropagation();
  });
  for (const name of ["pointerup", "pointercancel"]) {
    on(canvas, name, (event) => {
      fingers.delete(event.pointerId);
      start = null;
    });
  }
  on(canvas, "click", (event) => {
    // The second click of a double click does not select a word.
    if (dragged || (event.detail > 1 && inside(event) && act.lens.isLong())) event.stopImmediatePropagation();
    dragged = false;
  });
  on(canvas, "dblclick", (event) => inside(event) && act.lens.fit());

  function pinch(moving, before, now) {
    const [other] = [...fingers].find(([id]) => id !== moving).slice(1);
    const apart = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
    dragged = true;
    act.lens.zoom(apart(now) / apart(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
    act.lens.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  }
}

// + and - zoom, 0 shows all; whether the key was one of these.
export function lensKey(event, act) {
  if (event.key === "0") return act.lens.fit();
  return event.key in KEYS && act.lens.zoom(act.lens.closer(KEYS[event.key]));
}
