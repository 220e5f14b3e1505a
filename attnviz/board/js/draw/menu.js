// The direction switch, the View menu and, on a phone, the two tabs.

import { button, element, press, segments } from "../core/element.js";
import { isPair } from "../core/filters.js";
import { makeFilterMenu } from "./filterMenu.js";
import { sideOf } from "../core/state.js";

const PIECES = [[true, "Words"], [false, "Tokens"]];
const SPECIALS = [["show", "Shown"], ["hide", "Hidden"], ["renormalise", "Hidden, rescaled"]];
const PAIR = [["", "All"], ["a-b", "A \u2192 B"], ["b-a", "B \u2192 A"], ["a-a", "In A"], ["b-b", "In B"]];
const DIRECTIONS = [["query", "Looks at"], ["key", "Looked at by"]];
const PICTURES = [["curves", "Curves"], ["matrix", "Matrix"]];

// `act` has turn, show, present, and table if the board has its own table.
export function makeMenu(tools, tabs, act) {
  const direction = segments("Direction", DIRECTIONS, "query", act.switchSide);
  const pieces = segments("Words or tokens", PIECES, true, (words) => act.show({ words }));
  const specials = segments("Special tokens", SPECIALS, "show", (special) => act.show({ special }));
  const pair = segments("Sentences", PAIR, "", (between) => act.show({ between }));
  const pictures = segments("Picture", PICTURES, "curves", (tab) => act.show({ tab }));
  const filterMenu = makeFilterMenu((keep) => act.show({ keep }));
  const [menu, summary, box, more] = [element("details", "menu"), element("summary"), element("div", "box"), element("div", "more")];
  const group = (title, ...row) => {
    const made = element("div", "group");
    made.append(element("span", "", title), ...row);
    return made;
  };
  const directionGroup = group("Direction");
  const sentences = group("Sentences A and B", pair);
  const then = (what) => () => {
    menu.open = false;
    what();
  };
  const present = button("Present", then(act.present));
  present.append(element("kbd", "", "F"));
  present.setAttribute("aria-keyshortcuts", "F");
  more.append(...(act.table ? [button("Show as table", then(act.table))] : []), present);
  box.append(directionGroup, group("Pieces", pieces), group("Special tokens", specials), group("Links shown", filterMenu.node), sentences, more);
  menu.append(summary, box);
  let [drawn, placed] = ["", null];

  function draw({ book, state, geometry }) {
    const { phone } = geometry;
    const paired = isPair(book.frame);
    const { words, special, keep, between, tab } = state;
    const name = [phone, paired, sideOf(state), words, special, keep?.rule, keep?.value, between, tab].join();
    if (name === drawn) return;
    drawn = name;
    if (placed !== phone) place(phone);
    directionGroup.hidden = !phone;
    sentences.hidden = !paired;
    press(direction, sideOf(state));
    press(pieces, words);
    press(specials, special);
    press(pair, between);
    press(pictures, tab);
    filterMenu.draw(keep);
    const changed = [!words, special !== "show", keep, paired && between].filter(Boolean).length;
    summary.textContent = changed ? `View (${changed})` : "View";
  }

  function place(phone) {
    placed = phone;
    tools.replaceChildren(...(phone ? [] : [direction, menu]));
    tabs.replaceChildren(...(phone ? [pictures, menu] : []));
    if (phone) directionGroup.append(direction);
  }

  function close(event) {
    if (menu.open && !event.composedPath().includes(menu)) menu.open = false;
  }

  // Escape closes it and moves the keyboard focus to its button.
  function shut() {
    if (!menu.open) return false;
    menu.open = false;
    summary.focus();
    return true;
  }

  return { draw, close, shut };
}
