// A press in; whether it adds to what is held, out: with Ctrl, Cmd or Shift, or by a finger that stays.

const LONG = 500; // milliseconds
const MOVED = 10; // pixels that a resting finger may tremble

export const adds = (event) => event.shiftKey || event.ctrlKey || event.metaKey;

// `answer` hears of a finger that rested; the click that its lifting makes is kept from everybody else.
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
    }, LONG);
  });
  on(target, "pointermove", (event) => start && Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) > MOVED && stop());
  for (const name of ["pointerup", "pointercancel", "pointerleave"]) on(target, name, stop);
  on(target, "contextmenu", (event) => start?.pointerType === "touch" && event.preventDefault());
  on(target, "click", (event) => {
    if (rested) event.stopImmediatePropagation();
    rested = false;
  });
  // Shift would select the text between two clicks.
  on(target, "mousedown", (event) => event.shiftKey && event.preventDefault());
}
