"""A picture of arcs on a Streamlit page: it scrolls where it is wider than the page, and its words can be clicked.

A component, because Streamlit's own elements let no SVG through, and an image would hide its words from a screen reader.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.components import v2

BAR = 28  # pixels for the space around the picture and for a scroll bar under it
_CSS = """
.frame { position: relative; }
.arcs { overflow-x: auto; padding: 4px 0 8px; }
.arcs::-webkit-scrollbar { height: 10px; }
.arcs::-webkit-scrollbar-track { border-radius: 5px; background: var(--st-secondary-background-color); }
.arcs::-webkit-scrollbar-thumb { border-radius: 5px; background: var(--mute, gray); }
.arcs svg { display: block; max-width: none; }
.frame::before, .frame::after { position: absolute; z-index: 1; top: 0; bottom: 18px; width: 40px;
  display: none; align-items: center; pointer-events: none; font: 600 28px/1 var(--st-font); color: var(--st-primary-color); }
.frame::before { content: "‹"; left: 0; background: linear-gradient(to left, transparent, var(--st-background-color) 75%); }
.frame::after { content: "›"; right: 0; justify-content: flex-end;
  background: linear-gradient(to right, transparent, var(--st-background-color) 75%); }
.frame[data-more~=left]::before, .frame[data-more~=right]::after { display: flex; }
.arcs:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.arcs .word { cursor: pointer; }
.frame.paper .arcs { overflow: visible; }
.frame.paper::before, .frame.paper::after { content: none; }
.arcs svg { break-inside: avoid; }
"""
# The picture is parsed as HTML, which runs no script of it; all text in it is escaped already.
_JS = """
const SMALLEST = 0.8, SMALLEST_ON_PAPER = 0.6;
export default ({ parentElement, data, setTriggerValue }) => {
  const box = parentElement.querySelector(".arcs"), frame = box.parentElement;
  box.setAttribute("aria-label", data.label);
  if (box.drawn !== data.svg) {
    const left = box.scrollLeft;
    box.replaceChildren(new DOMParser().parseFromString(data.svg, "text/html").body.firstElementChild);
    box.scrollLeft = left;
    box.drawn = data.svg;
  }
  const svg = box.firstElementChild;
  const [width, height] = ["width", "height"].map((side) => Number(svg.getAttribute(side)));
  const show = () => {
    const fits = box.clientWidth / width;  // a little too wide: made smaller; more: scrolls, with an edge where there is more
    svg.style.cssText = fits < 1 && fits >= SMALLEST ? `width:${box.clientWidth}px;height:${height * fits}px` : "";
    const rest = box.scrollWidth - box.clientWidth - box.scrollLeft;
    frame.dataset.more = [box.scrollLeft > 1 && "left", rest > 1 && "right"].filter(Boolean).join(" ");
  };
  // On paper a picture that is much too wide stands in several strips, one below the other.
  const print = () => {
    for (const strip of [...box.children].slice(1)) strip.remove();
    const onPaper = document.documentElement.classList.contains("attnviz-paper");
    frame.classList.toggle("paper", onPaper);
    if (!onPaper) {
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      return show();
    }
    box.scrollLeft = 0;
    const count = Math.ceil((SMALLEST_ON_PAPER * width) / box.clientWidth), part = Math.ceil(width / count);
    const scale = Math.min(1, box.clientWidth / part);
    for (let i = 1; i < count; i++) box.append(svg.cloneNode(true));
    [...box.children].forEach((strip, i) => {
      const wide = Math.min(part, width - i * part);
      strip.setAttribute("viewBox", `${i * part} 0 ${wide} ${height}`);
      strip.style.cssText = `width:${wide * scale}px;height:${height * scale}px`;
    });
  };
  show();
  box.onscroll = show;
  box.printed?.abort();
  box.printed = new AbortController();
  addEventListener("attnviz-paper", print, { signal: box.printed.signal });
  box.watch?.disconnect();
  box.watch = new ResizeObserver(show);
  box.watch.observe(box);
  box.onclick = (event) => {
    const word = event.target.closest("[data-word]");
    if (word) setTriggerValue("word", Number(word.dataset.word));
  };
};
"""
_arcs = v2.component(
    "attnviz_arcs", html='<div class="frame"><div class="arcs" role="region" tabindex="0"></div></div>', css=_CSS, js=_JS
)


def arcs(svg: str, *, height: int, label: str, words: int, key: str = "arcs", on_word: Callable[[int], None]) -> None:
    """Draw a picture made by `attnviz.pages.syntax.arc_figure`, `height` pixels tall: that room is kept until it is there.

    `on_word` gets the number of a clicked word, below `words`.
    """

    def on_message() -> None:
        number = st.session_state[key].get("word")
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < words:
            on_word(number)

    _arcs(key=key, data={"svg": svg, "label": label}, height=height + BAR, on_word_change=on_message)
