// Actions on pins. Each passes the next state to `set`, or calls `leave` to open another text or page.

import { chosen } from "../core/state.js";
import { FULL, NO_PAIR, moved, named, removed, toggled } from "../draw/tray.js";

// `at.state()` has { pins, panels }; `at.shown()` returns the model and text that a newly pinned head belongs to.
export function makePinActions(at, set, leave) {
  const put = ({ pins, panels }, refused = "") => set({ ...at.state(), pins, panels, refused });
  return {
    pin: (head = at.state().head) => {
      const { tray, full } = toggled(at.state(), head, at.shown());
      put(tray, full ? FULL : "");
    },
    remove: (place) => put(removed(at.state(), place)),
    move: (from, to) => put(moved(at.state(), from, to)),
    name: (place, name) => put(named(at.state(), place, name)),
    goTo: (place) => {
      const pin = at.state().pins[place];
      if (!pin) return false;
      if (pin.here && !pin.over) return set(chosen(at.state(), pin.head));
      return leave(pin.key);
    },
    // The combination of the first two, side by side with them.
    difference: () => {
      if (!leave) return false;
      return at.state().pins.length < 2 ? put(at.state(), NO_PAIR) : leave("difference");
    },
    open: leave && (() => leave("compare")),
  };
}
