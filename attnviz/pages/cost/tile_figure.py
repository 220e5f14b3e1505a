"""Draw the attention matrix of one head with its tiles, and the numbers of one row in the current tile."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

import numpy as np

from attnviz.figures import encoding
from attnviz.pages.cost.bench.tile_trace import TileTrace, TileUpdate

SIDE = 400  # units of the drawing: the matrix
ROOM = 96  # for the names of rows
NAMED = 32  # rows of a matrix that have names


def drawn(trace_tiles: TileTrace, labels: Sequence[str], step: int, at: int, theme: str) -> str:
    """Return the matrix as HTML: the current tile filled, earlier tiles empty again, the chosen row outlined."""
    return encoding.each_theme(theme, lambda name: _drawn(trace_tiles, labels, step, at, name))


def _drawn(trace_tiles: TileTrace, labels: Sequence[str], step: int, at: int, theme: str) -> str:
    """Return the matrix in the colours of one theme."""
    colours, (queries, keys) = encoding.theme(theme), trace_tiles.weights.shape
    cell = SIDE / max(queries, keys)
    now = trace_tiles.tiles[step]
    parts = [_box(range(queries), range(keys), cell, f'fill="none" stroke="{colours.line}"')]
    for number, one in enumerate(trace_tiles.tiles):
        fill = colours.field if number < step else "none"
        parts.append(_box(one.rows, one.keys, cell, f'fill="{fill}" stroke="{colours.line}"'))
    for (row, key), grown in np.ndenumerate(now.exponentials):
        place = f'x="{ROOM + (now.keys.start + key) * cell:.2f}" y="{(now.rows.start + row) * cell:.2f}"'
        size = f'width="{cell:.2f}" height="{cell:.2f}"'
        parts.append(f'<rect {place} {size} fill="{encoding.weight_colour(grown, theme)}"/>')
    parts.append(_box(range(at, at + 1), range(keys), cell, f'fill="none" stroke="{colours.accent}" stroke-width="1.5"'))
    parts.append(_box(now.rows, now.keys, cell, f'fill="none" stroke="{colours.ink}" stroke-width="2.5"'))
    parts += [_name(label, number, cell, colours, number == at) for number, label in enumerate(labels)]
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 {ROOM + keys * cell + 4:.2f} {queries * cell + 4:.2f}" '
        f'font-family="{html.escape(encoding.FONT)}">{"".join(parts)}</svg>'
    )
    source = base64.b64encode(svg.encode()).decode()
    return f'<img class="tiles" alt="{html.escape(describe(trace_tiles, step, at))}" src="data:image/svg+xml;base64,{source}">'


def describe(trace_tiles: TileTrace, step: int, at: int) -> str:
    """Describe the drawing in words."""
    now = trace_tiles.tiles[step]
    inside = "in it" if at in now.rows else "not in it"
    queries, keys = trace_tiles.weights.shape
    return (
        f"A matrix of {queries} by {keys}. Tile {step + 1} of {len(trace_tiles.tiles)}: rows {_span(now.rows)}, "
        f"columns {_span(now.keys)}. Row {at} is {inside}."
    )


def numbers(trace_tiles: TileTrace, row: TileUpdate, labels: Sequence[str], theme: str) -> str:
    """Return the chosen row in this tile as HTML: for each key its score, and exp(score - largest so far) as a bar."""
    keys = trace_tiles.tiles[row.step].keys
    colour = encoding.theme(theme).sequential[4]
    cells = ["<small>key</small><small>score s</small><small>e<sup>s − m</sup></small><span></span>"]
    for key, score in zip(keys, row.scores, strict=True):
        grown = float(np.exp(score - row.maximum[1])) if np.isfinite(score) else 0.0
        kind = " class='most'" if score == row.maximum[1] else ""
        cells.append(
            f"<span{kind} dir='auto'>{html.escape(encoding.label(labels[key], 14))}</span>"
            f"<span{kind}>{encoding.digits(score) if np.isfinite(score) else 'hidden'}</span>"
            f"<span>{encoding.three(grown)}</span>"
            f'<span class="track"><i style="width:{100 * grown:.1f}%;background:{colour}"></i></span>'
        )
    return f'<style>{_CSS}</style><div class="tile-row">{"".join(cells)}</div>'


_CSS = f"""
img.tiles {{ width: 100%; max-width: {ROOM + SIDE}px; }}
.tile-row {{ display: grid; grid-template-columns: minmax(48px, 120px) 64px 52px minmax(60px, 200px); gap: 3px 14px;
  align-items: center; font: 14px/1.4 {encoding.FONT}; color: var(--ink); font-variant-numeric: tabular-nums; }}
.tile-row small {{ color: var(--mute); font-size: 13px; }}
.tile-row .most {{ font-weight: 700; }}
.tile-row .track {{ height: 14px; background: var(--field); }}
.tile-row .track i {{ display: block; height: 100%; min-width: 1px; }}
"""


def _box(rows: range, keys: range, cell: float, look: str) -> str:
    """Return the outline of a tile."""
    place = f'x="{ROOM + keys.start * cell:.2f}" y="{rows.start * cell:.2f}"'
    return f'<rect {place} width="{len(keys) * cell:.2f}" height="{len(rows) * cell:.2f}" {look}/>'


def _name(label: str, number: int, cell: float, colours: encoding.Theme, chosen: bool) -> str:
    """Return the name of a row, if there is room for it."""
    if cell < SIDE / NAMED and not chosen:
        return ""
    look = f'fill="{colours.ink}" font-weight="700"' if chosen else f'fill="{colours.mute}"'
    text = html.escape(encoding.label(label, 12))
    y = (number + 0.5) * cell
    return f'<text x="{ROOM - 8}" y="{y:.2f}" text-anchor="end" dominant-baseline="central" font-size="14" {look}>{text}</text>'


def _span(places: range) -> str:
    """Return `4 to 7`, or a single number."""
    return f"{places.start} to {places.stop - 1}" if len(places) > 1 else str(places.start)
