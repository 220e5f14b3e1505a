// Presentation mode, for a room that watches one reader. On a page of the app the frame around the board presents the whole page,
// so that the sentence and the page can be changed; a board of its own fills the screen, in larger type.

import { within } from "../core/element.js";

const AT = [1120, 640]; // the window in which type has its normal size
const LARGEST = 2.4;

export const scaleOf = (width, height) => within(Math.min(width / AT[0], height / AT[1]), 1, LARGEST);

// How much the frame around it enlarges a page that is presented (attnviz/web/index_page/panels.js); 1 elsewhere.
export const frameScale = (element) => parseFloat(getComputedStyle(element).getPropertyValue("--presenting")) || 1;

const frameButton = () => document.querySelector("#attnviz-frame .present");

// `changed` is called whenever it begins or ends. If full screen is not allowed, the board fills the window.
export function makePresenter(element, changed) {
  const is = () => element.classList.contains("presenting");
  const filling = () => element.getRootNode().fullscreenElement === element;

  function show(on) {
    if (on === is()) return;
    element.classList.toggle("presenting", on);
    if (on && !element.contains(element.getRootNode().activeElement?.closest?.(".lines, .pictures"))) element.focus({ preventScroll: true });
    changed();
  }

  async function enter() {
    try {
      await element.requestFullscreen({ navigationUI: "hide" });
      // Escape first clears the selection; without this, the browser would leave full screen.
      navigator.keyboard?.lock?.(["Escape"])?.catch(() => {});
    } catch {
      element.popover = "manual"; // above everything else on the page
      element.showPopover();
    }
    show(true);
  }

  function leave() {
    const button = frameButton();
    if (button?.getAttribute("aria-pressed") === "true") {
      button.click();
      return true;
    }
    if (!is()) return false;
    if (filling()) document.exitFullscreen();
    if (element.popover) {
      element.hidePopover();
      element.popover = null;
    }
    show(false);
    return true;
  }

  // The browser has its own ways to end a full screen.
  const ended = () => is() && !element.popover && !filling() && show(false);
  document.addEventListener("fullscreenchange", ended);

  return {
    is,
    leave,
    toggle: () => {
      const button = frameButton();
      if (button) button.click();
      else if (!leave()) enter();
    },
    stop: () => document.removeEventListener("fullscreenchange", ended),
  };
}
