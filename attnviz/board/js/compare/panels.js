// Panels side by side: each with its name, its matrix or curves, and the weight of the link that all of them show.

import { anchorsOf } from "../core/selection.js";
import { partnerOf } from "../core/state.js";
import { button, element } from "../core/element.js";
import { chipKeys, nameField } from "../draw/chips.js";
import { draggable } from "../input/gestures.js";
import { drawColumn, drawSlanted } from "../draw/labels.js";
import { drawCurves } from "../draw/curves.js";
import { drawMatrix } from "../draw/matrix.js";
import { fitted } from "../draw/canvas.js";
import { focusIn } from "./linked.js";
import { gridOf, placeAt, placeIn } from "./grid.js";
import { isolated, signed, threeDigits, withMark } from "../core/encoding.js";
import { overlaid } from "./combine.js";
import { lineOf } from "../core/pattern.js";

// `act` is { remove, move, name, choose, pin }, each called with the panel's picture.
export function makePanels(host, act, signal) {
  let [built, drawn, panels, grid] = ["", null, [], null];
  const placeOf = (event) => panels.findIndex(({ node }) => node.contains(event.target));
  const mayMove = (event) => (event.target.closest?.(".grip") ? placeOf(event) : -1);
  draggable(host, () => panels.map(({ node }) => node), mayMove, (from, to) => act.move(panels[from].picture, panels[to].picture), signal);
  host.addEventListener("keydown", (event) => {
    const at = event.target.closest?.(".grip") ? placeOf(event) : -1;
    const neighbour = (_, to) => act.move(panels[at].picture, panels[to].picture);
    chipKeys(event, at, { rename, move: neighbour, remove: () => act.remove(panels[at].picture), count: panels.length });
  }, { signal });
  host.addEventListener("click", (event) => {
    const at = event.target.closest?.(".grip") ? placeOf(event) : -1;
    if (at >= 0) event.detail > 1 ? rename(at) : act.choose(panels[at].picture);
  }, { signal });

  function draw(view) {
    const { pictures, state } = view;
    if (pictures !== drawn || !built) {
      const name = JSON.stringify(pictures.map(({ id, kind, numbers, title, beside, name: called, note, problem, pinned, own }) => [id, kind, numbers, title, beside, called, note, problem, pinned, own]));
      if (name !== built) build(pictures, view);
      [built, drawn] = [name, pictures];
    }
    grid = gridOf(measures(view));
    host.classList.toggle("compact", grid.compact);
    const wide = grid.once ? `${grid.label + grid.each}px repeat(${grid.columns - 1}, minmax(0, 1fr))` : `repeat(${grid.columns}, minmax(0, 1fr))`;
    if (host.style.getPropertyValue("--columns") !== wide) host.style.setProperty("--columns", wide);
    // Elements before and after all canvases, never between: the browser computes a canvas's font again after every change to the page.
    panels.forEach((panel, i) => drawFrame(panel, pictures[i], state, i));
    const focuses = panels.map((panel, i) => pictures[i].pattern && drawPanel(panel, pictures[i], view, i));
    panels.forEach((panel, i) => drawFoot(panel, pictures[i], view.links[i], Boolean(focuses[i] && (anchorsOf(focuses[i]).length || state.selected || state.point))));
  }

  // The parts around a picture, changed only if they differ.
  function drawFrame(panel, picture, { choosing }, i) {
    const { node, canvas, grip, problem } = panel;
    panel.picture = picture;
    const own = Boolean(choosing) && !picture.kind;
    const [chosen, first] = [own && choosing.of.includes(picture.place), grid.once && i % grid.columns === 0];
    const name = [own, chosen, first, grid.once, grid.label, picture.problem, Boolean(picture.pattern)].join();
    if (panel.dressed === name) return;
    panel.dressed = name;
    node.classList.toggle("choosing", own);
    grip.setAttribute("aria-pressed", String(chosen));
    problem.textContent = picture.problem ?? "";
    canvas.hidden = !picture.pattern;
    canvas.style.marginInlineStart = grid.once ? (first ? "0" : "-3px") : "";
    node.classList.toggle("indented", first);
    node.style.setProperty("--label", `${grid.label}px`);
  }

  function build(pictures, { root }) {
    const before = panels.findIndex(({ node }) => node.contains(root.activeElement));
    const grip = before >= 0 && root.activeElement.closest(".grip");
    panels = pictures.map((picture) => panelOf(picture, act));
    host.replaceChildren(...panels.map(({ node }) => node));
    const next = panels[Math.min(before, panels.length - 1)];
    if (next) (grip ? next.grip : next.canvas).focus({ preventScroll: true });
  }

  function rename(at) {
    const { node, grip, picture } = panels[at];
    if (!picture.own || picture.kind || node.querySelector("input")) return;
    grip.replaceWith(nameField(picture.name, (name) => {
      built = "";
      act.name(picture, name);
    }));
    node.querySelector("input").select();
  }

  // All panels share one row height and one width of words, so that they are easy to compare.
  function measures({ pictures, many, geometry, state, free, labels }) {
    const found = pictures.filter(({ pattern }) => pattern).map(({ pattern }) => pattern);
    const most = Math.max(1, ...found.map(({ queries, keys }) => Math.max(queries.length, keys.length)));
    const same = found.every(({ queries }) => queries.length === found[0].queries.length);
    return { count: pictures.length, many, most, labels, same, free, tab: state.tab, ...geometry };
  }

  // Returns its focus.
  function drawPanel(panel, picture, view, i) {
    const { pattern, theme } = picture;
    const focus = focusIn(picture, view.state);
    const line = lineOf(pattern, focus);
    const owns = !grid.compact && (!grid.once || i % grid.columns === 0);
    const place = placeIn(grid, { queries: pattern.queries.length, keys: pattern.keys.length, anchor: anchorsOf(focus)[0] ?? -1, partner: partnerOf(focus), owns });
    panel.place = place;
    const c = fitted(panel.canvas, place.width, place.height);
    const seen = { ...view, pattern, focus, line };
    if (place.x !== undefined) drawMatrix(c, theme, seen, place, pattern.weights);
    if (place.x !== undefined && !grid.compact) drawSlanted(c, theme, seen, place);
    if (place.left !== undefined) {
      drawCurves(c, theme, seen, place, pattern.weights);
      drawColumn(c, theme, seen, place, "key");
    }
    if (owns) drawColumn(c, theme, grid.once ? { ...seen, pattern: { ...pattern, queries: sharedUnits(view.pictures, i, grid.columns) } } : seen, place, "query");
    return focus;
  }

  // Written only if it differs: pointer movement leaves most panels unchanged.
  function drawFoot(panel, { pattern, kind }, link, isMeant) {
    const words = (units, places) => places.map((at) => isolated(withMark(units[at].label, units[at]))).join(" + ");
    const caption = link ? `${words(pattern.queries, link.queries)} \u2192 ${words(pattern.keys, link.keys)} ` : isMeant ? "This link is not in this text." : "";
    const value = link ? (kind === "difference" ? signed : threeDigits)(link.value) : "";
    if (panel.caption === caption + value) return;
    panel.caption = caption + value;
    panel.foot.replaceChildren(caption, ...(value ? [element("b", "", value)] : []));
  }

  function at(event) {
    const panel = panels.find(({ canvas }) => canvas === event.target);
    if (!panel?.picture?.pattern) return null;
    const { pattern, frame } = panel.picture;
    const found = placeAt(panel.place, pattern.queries.length, pattern.keys.length, [event.offsetX, event.offsetY]);
    return found && { frame, pattern, ...found };
  }

  const panelWith = (node) => panels.find((panel) => panel.canvas === node)?.picture;
  const bringIntoView = (place) => panels[place]?.canvas.scrollIntoView({ block: "nearest", inline: "start" });

  return { draw, at, panelWith, bringIntoView };
}

// The words that one row of panels shares: all words at the same place, each once.
function sharedUnits(pictures, i, columns) {
  const row = pictures.slice(i, i + columns).filter(({ pattern }) => pattern);
  return row[0].pattern.queries.map((unit, at) => {
    const same = row.map(({ pattern }) => pattern.queries[at]);
    return { ...overlaid(same), label: [...new Set(same.flatMap(({ label }) => label.split("/")))].join("/") };
  });
}

function panelOf(picture, act) {
  const { kind, numbers, title, beside, name, note, own, pinned } = picture;
  const node = element("article", "panel");
  const header = element("header");
  const grip = button("", () => {});
  grip.className = "grip";
  const badges = numbers.map((number) => element("span", "num", String(number)));
  const between = kind === "difference" ? "\u2212" : kind ? "+" : "";
  grip.append(...badges.flatMap((badge, i) => (i && between ? [element("span", "", between), badge] : [badge])), element("b", "", name || title), element("small", "", [name && title, beside].filter(Boolean).join(" \u00b7 ")));
  grip.title = own ? `${picture.text ?? ""}\nDouble click or F2 names it, Delete removes it, Alt + arrows move it.`.trim() : picture.text ?? "";
  header.append(grip);
  if (own) {
    const away = button("\u00d7", () => act.remove(picture));
    away.className = "x";
    away.setAttribute("aria-label", `Remove ${numbers.join(between)} ${title}`);
    header.append(away);
  } else if (picture.head) {
    const pin = button(pinned ? "Pinned" : "Pin", () => act.pin(picture));
    pin.className = "small-pin";
    pin.setAttribute("aria-pressed", String(Boolean(pinned)));
    pin.setAttribute("aria-label", `${pinned ? "Unpin" : "Pin"} ${title}`);
    header.append(pin);
  }
  const canvas = element("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", `${numbers.join(` ${between} `)} ${name || title}. Arrow keys move over its links, Enter selects one.`);
  const [caption, problem, foot] = [element("p", "ev", note), element("p", "problem"), element("p", "foot")];
  caption.title = note;
  node.append(header, caption, problem, canvas, foot);
  return { node, canvas, foot, grip, problem, picture, place: null, dressed: "", caption: null };
}
