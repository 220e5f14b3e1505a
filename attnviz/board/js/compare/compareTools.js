// The switch between curves and matrix, and the menu that combines panels.

import { button, element, press, segments } from "../core/element.js";
import { keyMark } from "../draw/chips.js";

const PICTURES = [["curves", "Curves"], ["matrix", "Matrix"]];
const HINTS = {
  difference: ["choose the panel to begin with", "choose the panel to subtract"],
  sum: ["choose two or more panels"],
  mean: ["choose two or more panels"],
};

// `act` has show, combine (a kind), ofLayer (a kind), done and escape.
export function makeCompareTools(host, phoneHost, act) {
  const pictures = segments("Picture", PICTURES, "curves", (tab) => act.show({ tab }));
  const menu = element("details", "menu combine");
  const box = element("div", "box");
  const then = (what) => () => {
    menu.open = false;
    what();
  };
  const difference = button("Difference of two", then(() => act.combine("difference")));
  difference.setAttribute("aria-keyshortcuts", "D");
  difference.append(keyMark("D"));
  const layer = { mean: button("", then(() => act.ofLayer("mean"))), sum: button("", then(() => act.ofLayer("sum"))) };
  box.append(difference, button("Sum of several", then(() => act.combine("sum"))), button("Mean of several", then(() => act.combine("mean"))), layer.mean, layer.sum);
  menu.append(element("summary", "", "Combine"), box);
  const group = element("div", "combining");
  group.append(menu, pictures);
  let placed = null;

  function draw({ state, geometry, data, many }) {
    if (placed !== geometry.phone) (geometry.phone ? phoneHost : host).append(group);
    placed = geometry.phone;
    press(pictures, state.tab);
    for (const [kind, one] of Object.entries(layer)) one.textContent = `${kind === "mean" ? "Mean" : "Sum"} of layer ${data.selection.head[0]}`;
    menu.hidden = Boolean(data.shown);
    pictures.hidden = many || geometry.phone; // a phone has them beside the View menu
  }

  function close(event) {
    if (menu.open && !event.composedPath().includes(menu)) menu.open = false;
  }

  function shut() {
    if (!menu.open) return false;
    menu.open = false;
    menu.querySelector("summary").focus();
    return true;
  }

  return { draw, close, shut };
}

// The line above the panels: what is selected, or which panels are being chosen.
export function drawCompareReadout(host, { choosing, selectedWords, side, partner, message, act, phone }) {
  const name = JSON.stringify([choosing && [choosing.kind, choosing.of.length], selectedWords, side, partner, message, phone]);
  if (host.dataset.drawn === name) return;
  host.dataset.drawn = name;
  if (message) host.replaceChildren(message);
  else if (choosing) {
    const { kind, of } = choosing;
    const hint = HINTS[kind][Math.min(of.length, HINTS[kind].length - 1)];
    const title = { difference: "Difference", sum: "Sum", mean: "Mean" }[kind];
    const buttons = [...(kind !== "difference" && of.length > 1 ? [button(`Show the ${kind} of ${of.length}`, act.done)] : []), button("Cancel", act.escape)];
    host.replaceChildren(element("b", "", `${title}: `), element("span", "", `${hint}${of.length && kind !== "difference" ? `, ${of.length} chosen` : ""}.`), ...buttons);
  } else if (!selectedWords) host.replaceChildren(element("span", "hint", phone ? "Tap a word: every panel follows. Tap it again to deselect it." : "Point at a word: every panel follows. Click selects it, Escape deselects it."));
  else {
    const pill = element("span", side === "query" ? "pill" : "pill outlined", selectedWords);
    const rest = partner ? [element("span", "", side === "query" ? "looks at" : "is looked at by"), element("b", "", partner), element("span", "rest", "as noted under each panel")] : [element("span", "rest", "is selected. "), element("span", "rest hint", `${phone ? "Tap another in a panel" : "Point at another word"} to read that link everywhere.`)];
    host.replaceChildren(pill, ...rest);
  }
}
