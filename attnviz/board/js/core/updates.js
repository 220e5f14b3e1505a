// When to draw (at most once per animation frame), and when to settle (after input pauses).

const IDLE = 300; // milliseconds without input before Python and screen readers get the choice

export function makeUpdates(draw, settle) {
  let [frame, timer] = [0, 0];
  function redraw() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      draw();
    });
  }
  function settleLater() {
    clearTimeout(timer);
    timer = setTimeout(settle, IDLE);
  }
  // Draws before the browser goes on, as for paper.
  function now() {
    cancelAnimationFrame(frame);
    frame = 0;
    draw();
  }
  function stop() {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  }
  return { redraw, settleLater, now, stop };
}
