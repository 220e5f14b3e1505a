// Draws the sentence in large type, with an arc and a remove mark for every link.

import { arcsOf, levelsOf, linesOf, riseOf } from "./arcs.js";
import { button, element, within } from "../core/element.js";
import { directionOf } from "../core/encoding.js";
import { linkName, unitAt } from "./drawnLinks.js";
import { markUnread } from "../draw/sentence.js";

const TYPE = { desk: [28, 40], phone: [24, 24] };

// `host` has a .words, an svg and a .marks; `remove` is called with a link's place.
export function makeLinkWords(host, remove) {
  const [words, svg, marks] = [".words", "svg", ".marks"].map((name) => host.querySelector(name));
  let [built, spans, shown, marked] = ["", [], "", ""];

  function draw(view) {
    const { units, text, width } = view;
    const name = JSON.stringify([units, width]);
    if (name !== built) {
      built = name;
      shown = "";
      build(units, text);
      size(width);
    }
    mark(view);
    link(view);
  }

  function build(units, text) {
    host.dir = directionOf(text);
    spans = units.map((unit, i) => {
      const span = element("span", `unit${unit.joined ? " joined" : ""}`, unit.text);
      span.setAttribute("role", "option");
      span.id = `link-word-${i}`;
      span.dataset.unit = String(i);
      markUnread(span, unit);
      return span;
    });
    words.replaceChildren(...spans.flatMap((span, i) => (i && !units[i].joined ? [" ", span] : [span])));
  }

  // The largest type in which everything fits on one line; or else the smallest, and it wraps.
  function size(width) {
    const [least, most] = TYPE[width < 608 ? "phone" : "desk"];
    host.style.setProperty("--size", "40px");
    words.style.cssText = "white-space: nowrap; width: max-content";
    const wide = words.offsetWidth;
    words.style.cssText = "";
    host.style.setProperty("--size", `${within(Math.floor((40 * words.clientWidth) / (wide + 1)), least, most)}px`);
  }

  // Which word a link is drawn from, which one it would reach, and which ones have links.
  function mark({ state: { from, links }, units, at }) {
    const linked = new Set(links.flat().map((span) => unitAt(span, units)));
    spans.forEach((span, i) => {
      span.classList.toggle("selected", i === from);
      span.classList.toggle("pair", i === at && i !== from);
      span.classList.toggle("linked", linked.has(i) && i !== from);
      span.setAttribute("aria-selected", String(i === from));
    });
    if (at >= 0) words.setAttribute("aria-activedescendant", `link-word-${at}`);
    else words.removeAttribute("aria-activedescendant");
  }

  function link({ state: { from, links }, units, at, refused, over }) {
    const ends = links.map(([source, target]) => ({ source: unitAt(source, units), target: unitAt(target, units) }));
    const drawable = ends.map((_, i) => i).filter((i) => ends[i].source >= 0 && ends[i].target >= 0 && ends[i].source !== ends[i].target);
    const drawn = drawable.map((i) => ends[i]);
    const lines = linesOf(boxesOf());
    const levels = levelsOf(drawn, boxesOf(), lines);
    const rise = `${riseOf(levels)}px`;
    if (host.style.getPropertyValue("--rise") !== rise) host.style.setProperty("--rise", rise);
    const boxes = boxesOf();
    const arcs = arcsOf(drawn, boxes, lines, levels);
    const started = from >= 0 && at >= 0 && at !== from ? arcsOf([{ source: from, target: at }], boxes, lines, [0]) : [];
    const name = JSON.stringify([arcs, started, drawable.map((i) => [links[i], refused[i]])]);
    if (name !== shown) {
      svg.setAttribute("width", words.offsetWidth);
      svg.setAttribute("height", words.offsetHeight);
      svg.replaceChildren(...arcs.map((arc, i) => curve(svg, arc, refused[drawable[i]] ? "refused" : "")), ...started.map((arc) => curve(svg, arc, "begun")));
    }
    shown = name;
    drawable.forEach((place, i) => svg.children[i].classList.toggle("over", place === over));
    buttons(drawable.map((place, i) => ({ place, mark: arcs[i].mark, name: linkName(links[place], units) })));
  }

  // Unchanged marks stay in the page, so that none disappears under a finger and they keep the focus when others are removed.
  function buttons(wanted) {
    const name = JSON.stringify(wanted);
    if (name === marked) return;
    marked = name;
    const before = [...marks.children].findIndex((item) => item.contains(host.getRootNode().activeElement));
    marks.replaceChildren(...wanted.map(({ place, mark: [x, y], name }) => {
      const item = element("li");
      const one = button("\u00d7", () => remove(place));
      one.dataset.link = String(place);
      one.setAttribute("aria-label", `Remove the link ${name}`);
      item.style.cssText = `left: ${x.toFixed(1)}px; top: ${y.toFixed(1)}px`;
      item.append(one);
      return item;
    }));
    marks.hidden = !wanted.length;
    if (before < 0) return;
    const next = marks.children[Math.min(before, wanted.length - 1)]?.firstChild ?? words;
    next.focus({ preventScroll: true });
  }

  // Boxes by layout, without the offsets of running animations.
  const boxesOf = () => spans.map(({ offsetLeft: left, offsetTop: top, offsetWidth, offsetHeight }) => ({ left, top, right: left + offsetWidth, bottom: top + offsetHeight }));

  return { draw, words, direction: () => host.dir };
}

function curve(svg, { path, tip }, name) {
  const [group, line, head] = ["g", "path", "polygon"].map((kind) => document.createElementNS(svg.namespaceURI, kind));
  group.setAttribute("class", name.trim());
  line.setAttribute("d", path);
  head.setAttribute("points", tip.map((point) => point.map((n) => n.toFixed(1)).join()).join(" "));
  group.append(line, head);
  return group;
}
