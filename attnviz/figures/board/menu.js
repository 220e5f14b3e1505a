// How the board is shown in; the direction, the View menu and, on a phone, the two tabs out.

import { element, segments } from "./element.js";
import { sideOf } from "./state.js";

const PIECES = [[true, "Words"], [false, "Tokens"]];
const SPECIALS = [["show", "Shown"], ["hide", "Hidden"], ["renormalise", "Hidden, rescaled"]];
const DIRECTIONS = [["query", "Looks at"], ["key", "Looked at by"]];
const PICTURES = [["curves", "Curves"], ["matrix", "Matrix"]];

export function makeMenu(tools, tabs, act) {
  let drawn = "";

  function draw({ state, geometry, root }) {
    const { phone } = geometry;
    const side = sideOf(state);
    const name = [phone, side, state.words, state.special, state.tab].join();
    if (name === drawn) return;
    drawn = name;
    const before = root.activeElement?.dataset?.value;
    const open = Boolean(root.querySelector(".menu")?.open);
    const direction = segments("Direction", DIRECTIONS, side, act.turn);
    const changed = (state.words ? 0 : 1) + (state.special === "show" ? 0 : 1);
    const menu = element("details", "menu");
    menu.open = open;
    const box = element("div", "box");
    const group = (title, row) => box.append(element("span", "", title), row);
    if (phone) group("Direction", direction);
    group("Pieces", segments("Words or tokens", PIECES, state.words, (words) => act.show({ words })));
    group("Special tokens", segments("Special tokens", SPECIALS, state.special, (special) => act.show({ special })));
    menu.append(element("summary", "", changed ? `View (${changed})` : "View"), box);
    tools.replaceChildren(...(phone ? [] : [direction, menu]));
    tabs.replaceChildren(...(phone ? [segments("Picture", PICTURES, state.tab, (tab) => act.show({ tab })), menu] : []));
    // Whoever pressed a button with the keyboard is still on it, though it was made anew.
    if (before !== undefined) root.querySelector(`.segments button[data-value="${before}"]`)?.focus();
  }

  function close(event) {
    for (const menu of [tools, tabs].map((host) => host.querySelector(".menu"))) {
      if (menu?.open && !event.composedPath().includes(menu)) menu.open = false;
    }
  }

  return { draw, close };
}
