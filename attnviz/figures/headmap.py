"""One number for every head as a picture in HTML: rows are layers, columns are heads, on every page."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from attnviz.figures import encoding
from attnviz.types import HeadRef, HeadScores

ROW, TALL = 30, 480  # pixels a layer, at most, and all layers
STEPS = 32  # of the scale
NAMES, CELL = 34, 56  # pixels: the names of layers, and a cell at most
NUMBER, SIGNED = 31, 38  # pixels of a cell from which it has its number

CSS = f"""
.headmap {{ container-type: inline-size; font: 12px/1 {encoding.FONT}; color: var(--mute);
  font-variant-numeric: tabular-nums; }}
.headmap .heads {{ display: grid; grid-template-columns: {NAMES - 6}px repeat(var(--heads), minmax(0, 1fr));
  grid-template-rows: 18px; grid-auto-rows: var(--row); gap: 2px; padding: 4px;
  max-width: calc(var(--heads) * {CELL}px + {NAMES}px); }}
.headmap .heads span {{ display: grid; place-items: center; font-size: min(11px, 3cqw); white-space: nowrap; }}
.headmap .heads .layer {{ justify-items: end; padding-right: 4px; }}
.headmap .heads i {{ display: grid; place-items: center; overflow: hidden; font-style: normal; font-size: var(--type); }}
.headmap .heads i:hover {{ outline: 1px solid var(--ink); }}
.attnviz-paper .headmap .numbers i {{
  font-size: min(var(--type), calc((100cqw - {NAMES}px) / var(--heads) * .29)) !important; }}
"""
KEY_CSS = f"""
.headmap-key {{ display: flex; flex-wrap: wrap; align-items: center; gap: 8px 18px; margin: 8px 4px 4px {NAMES}px;
  font: 12px/1.3 {encoding.FONT}; color: var(--mute); }}
.headmap-key span {{ display: flex; align-items: center; gap: 8px; }}
.headmap-key i {{ width: 12px; height: 12px; }}
.headmap-key b i {{ display: block; width: 120px; height: 8px; }}
"""
CHOSEN = "outline:3px solid var(--accent);box-shadow:0 0 0 1px var(--page) inset;z-index:2"
BEST = "outline:2px dashed var(--ink);box-shadow:0 0 0 1px var(--page) inset;z-index:1"


def drawn(scores: HeadScores, alt: str, *, marks: Sequence[Sequence[str]] = ()) -> str:
    """Return the map of one score, which `alt` says in words. A scale from -1 to 1 diverges, any other is sequential.

    `marks` are signs on the cells, [layer][head]; without them a cell has its number where there is room, and always on hover.
    A head without a number (NaN) is left blank. The rings are those of `key`: this part is the same for every chosen head, so
    that another one does not send it again.
    """
    layers, heads = scores.values.shape
    row = min(ROW, max(8, TALL // max(layers, 1)))
    cells = [*(f"<span>H{head}</span>" for head in range(heads))]
    used: set[int] = set()
    for layer, values in enumerate(scores.values.tolist()):
        named = layers <= TALL // 12 or not layer % 5
        cells.append(f'<span class="layer">{f"L{layer}" if named else ""}</span>')
        for head, value in enumerate(values):
            used.add(_step(scores, value))
            cells.append(_cell(scores, HeadRef(layer, head), value, marks[layer][head] if len(marks) else ""))
    size = f"--heads:{heads};--row:{row - 2}px;--type:{min(row - 6, 14 if len(marks) else 10 if _diverging(scores) else 11)}px"
    kind = "" if len(marks) else f" numbers {_numbers(scores)}"
    return (
        f"<style>{CSS}{_colours(scores, used)}{_room(scores)}</style>"
        f'<div class="headmap" style="{size}"><div class="heads{kind}" role="img" aria-label="{html.escape(alt)}">'
        f"<span></span>{''.join(cells)}</div></div>"
    )


def key(
    scores: HeadScores, within: str, chosen: HeadRef, best: HeadRef | None = None, *, ends: tuple[str, str] = ("", "")
) -> str:
    """Return the scale, and rings with their meaning: around the chosen head, and a dashed one around the best.

    `within` is a selector of the element that has this key and its map. `ends` names the two ends of the scale, e.g.
    ("street", "animal").
    """
    ramp = encoding.LIVE.diverging if _diverging(scores) else encoding.LIVE.sequential
    low, high = (html.escape(encoding.label(end)) for end in ends)
    least, most = low or encoding.tick(scores.low), high or html.escape(f"{encoding.tick(scores.high)} {scores.unit}".rstrip())
    scale = f'<i style="background:linear-gradient(to right,{",".join(ramp)})"></i>'
    both = best is not None and (best.layer, best.head) == (chosen.layer, chosen.head)
    rings = [(chosen, "chosen and best" if both else "chosen", CHOSEN)]
    if best is not None and not both:
        rings.insert(0, (best, "best", BEST))
    around = "".join(f"{within} .heads i:nth-of-type({_place(scores, head)}){{{ring}}}" for head, _, ring in rings)
    meanings = "".join(f'<span><i style="{ring}"></i>{head}, {says}</span>' for head, says, ring in reversed(rings))
    return (
        f"<style>{KEY_CSS}{around}.attnviz-paper {within}{{break-inside:avoid}}</style>"
        f'<div class="headmap-key"><span><bdi>{least}</bdi><b>{scale}</b><bdi>{most}</bdi></span>{meanings}</div>'
    )


def _place(scores: HeadScores, head: HeadRef) -> int:
    """Return the number of a head's cell, counted from 1."""
    return head.layer * scores.values.shape[1] + head.head + 1


def _cell(scores: HeadScores, at: HeadRef, value: float, mark: str) -> str:
    """Return one head: its colour, its number or sign, and both its name and number on hover."""
    if not math.isfinite(value):
        return f'<i title="{at}: no number"></i>'
    number = encoding.signed(value) if _diverging(scores) else encoding.three(value)
    says = html.escape(f"{at}: {number} {scores.unit}".rstrip())
    return f'<i class="{_class(scores, _step(scores, value))}" title="{says}">{html.escape(mark) or number}</i>'


def _colours(scores: HeadScores, used: set[int]) -> str:
    """Return the rules of the used colours: shorter than a colour in every cell."""
    rules = []
    for step in sorted(used):
        if step >= 0:
            colour, text = encoding.live_step(step / STEPS, diverging=_diverging(scores))
            rules.append(f".headmap .{_class(scores, step)}{{background:{colour};color:{text}}}")
    return "".join(rules)


def _room(scores: HeadScores) -> str:
    """Return the rule that leaves numbers out of cells in which they have no room; a pointer still reads them."""
    heads = scores.values.shape[1]
    least = heads * (SIGNED if _diverging(scores) else NUMBER) + NAMES
    return f"@container (max-width: {least}px) {{ .headmap .{_numbers(scores)} i {{ font-size: 0; }} }}"


def _numbers(scores: HeadScores) -> str:
    return f"{'signed' if _diverging(scores) else 'plain'}-{scores.values.shape[1]}"


def _class(scores: HeadScores, step: int) -> str:
    return f"{'d' if _diverging(scores) else 's'}{step}"


def _step(scores: HeadScores, value: float) -> int:
    """Return the step of a value on the scale, 0 to STEPS; -1 without a number."""
    if not math.isfinite(value):
        return -1
    return round(STEPS * min(max((value - scores.low) / (scores.high - scores.low), 0.0), 1.0))


def _diverging(scores: HeadScores) -> bool:
    return scores.low < 0
