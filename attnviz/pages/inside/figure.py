"""Draw the picture of one step as HTML, in the colours of a theme."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from attnviz.figures import encoding, html_matrix
from attnviz.pages.inside.analysis import StepPicture

SMALL = 64  # numbers of a vector in one row of cells; longer vectors use rows of this length
ROW = 11  # pixels: how high a row of a longer vector is


def render(picture: StepPicture, labels: Sequence[str], at: int, marked: int, theme: str) -> str:
    """Return the picture of a step; `labels` are the tokens, `at` is the query, `marked` the highlighted key."""
    if picture.kind in ("vectors", "sums"):
        most = max(float(np.abs(row).max()) for _, row in picture.rows) if picture.kind == "sums" else 0.0
        framed = dict(enumerate(picture.framed))
        inner = "".join(
            _vector(name, row, most, framed.get(place, ()), theme) for place, (name, row) in enumerate(picture.rows)
        )
    elif picture.kind == "bars":
        inner = _bars(picture, labels, marked, theme)
    elif picture.kind == "words":
        inner = _words(picture.rows[0][1], labels, at, theme)
    else:
        inner = _seen(picture.rows[0][1], labels, at, theme)
    return f'<style>{_CSS}{html_matrix.CSS}</style><div class="inside">{inner}</div>'


_CSS = f"""
.inside {{ display: grid; gap: 14px; max-width: 880px; font: 14px/1.4 {encoding.FONT}; color: var(--ink); }}
.inside .name {{ display: flex; justify-content: space-between; gap: 16px; }}
.inside small {{ color: var(--mute); font-size: 13px; }}
.inside .cells {{ display: grid; height: 30px; }}
.inside img {{ display: block; width: 100%; image-rendering: pixelated; }}
.inside .long {{ position: relative; }}
.inside .long b {{ position: absolute; outline: 2px solid var(--ink); outline-offset: -1px; }}
.inside .cells .framed {{ outline: 2px solid var(--ink); outline-offset: -1px; z-index: 1; }}
@media print {{
  .inside .less {{ position: relative; }}
  .inside .less::after {{ content: ""; position: absolute; left: 25%; right: 25%; top: calc(50% - .5px);
    border-top: 1px solid #141414; }}
  .inside .deep::after {{ border-color: #FFF; }}
}}
.inside .table {{ display: grid; gap: 2px 12px; align-items: center; }}
.inside .token {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
.inside .track {{ position: relative; height: 16px; background: var(--field); }}
.inside .track i {{ position: absolute; top: 0; bottom: 0; min-width: 1px; }}
.inside .number {{ text-align: right; font-variant-numeric: tabular-nums; }}
.inside .marked {{ font-weight: 700; }}
.inside .sentence {{ font: 24px/1 {encoding.SENTENCE_FONT}; display: flex; flex-wrap: wrap; gap: 10px 4px; }}
.inside .sentence span {{ display: grid; justify-items: center; gap: 4px; }}
.inside .sentence b {{ font-weight: 400; padding: 6px 8px; border-radius: 3px; }}
.inside .sentence .selected {{ outline: 2px solid var(--accent); outline-offset: 1px; }}
.inside .sentence small {{ font: 13px/1.2 {encoding.FONT}; }}
"""


def _vector(name: str, vector: Float[np.ndarray, " place"], most: float, framed: tuple[range, ...], theme: str) -> str:
    """Return a vector as coloured cells, scaled by `most`, or by its own largest number if that is 0; some cells framed."""
    scaled = vector / (most or float(np.abs(vector).max()) or 1.0)
    text = f"{name}: {len(vector)} numbers, from {encoding.digits(vector.min())} to {encoding.digits(vector.max())}"
    head = f'<div class="name"><span>{html.escape(encoding.visible(name))}</span><small>{_range(vector)}</small></div>'
    if len(vector) > SMALL:
        rows = -(-len(vector) // SMALL)

        whole = np.zeros(rows * SMALL)
        whole[: len(vector)] = scaled
        signs = html_matrix.minus(whole.reshape(rows, SMALL))

        def image(name: str) -> str:
            padded = np.full((rows * SMALL, 3), encoding.rgb(encoding.theme(name).page), np.uint8)
            padded[: len(vector)] = encoding.difference_rgb(scaled, name)
            return html_matrix.image(padded.reshape(rows, SMALL, 3), text, f"height:{rows * ROW}px")

        return f'<div>{head}<div class="long">{encoding.each_theme(theme, image)}{signs}{_frames(framed, rows)}</div></div>'
    inside = {place for places in framed for place in places}
    cells = "".join(
        f'<i{_kind(place in inside, float(value))} title="{place}: {encoding.digits(number)}" '
        f'style="background:{encoding.difference_colour(value, theme)}"></i>'
        for place, (number, value) in enumerate(zip(vector, scaled, strict=True))
    )
    columns = f"grid-template-columns:repeat({len(vector)},1fr)"
    return f'<div>{head}<div class="cells" role="img" aria-label="{html.escape(text)}" style="{columns}">{cells}</div></div>'


def _kind(framed: bool, value: float) -> str:
    """Return the class of a cell: framed, and on paper with a minus."""
    names = ["framed"] * framed + ["less"] * (value <= -html_matrix.LEAST) + ["deep"] * (value <= -html_matrix.DARK)
    return f' class="{" ".join(names)}"' if names else ""


def _frames(framed: tuple[range, ...], rows: int) -> str:
    """Return frames over a vector in rows: one for each row that a range of places covers."""
    parts = [
        range(max(places.start, row * SMALL), min(places.stop, (row + 1) * SMALL))
        for places in framed
        for row in range(places.start // SMALL, -(-places.stop // SMALL))
    ]
    return "".join(
        f'<b style="left:{100 * (part.start % SMALL) / SMALL:.3f}%;width:{100 * len(part) / SMALL:.3f}%;'
        f'top:{100 * (part.start // SMALL) / rows:.3f}%;height:{100 / rows:.3f}%"></b>'
        for part in parts
    )


def _range(vector: Float[np.ndarray, " place"]) -> str:
    """Return the number of entries and the largest absolute value."""
    return f"{len(vector)} numbers, largest ±{encoding.digits(np.abs(vector).max())}"


def _bars(picture: StepPicture, labels: Sequence[str], marked: int, theme: str) -> str:
    """Return one line per token: its name, and a bar with a number for each row of numbers.

    Scores share one scale, so that the division is visible; a share's bar is full at 1.
    """
    shares = [name == "share" for name, _ in picture.rows]
    finite = [row[np.isfinite(row)] for (_, row), share in zip(picture.rows, shares, strict=True) if not share]
    low, high = min(0.0, *(row.min() for row in finite)), max(0.0, *(row.max() for row in finite))
    columns = "minmax(40px,120px) " + " ".join(["minmax(30px,1fr) 52px"] * len(picture.rows))
    heads = "".join(f'<small style="grid-column:span 2">{name}</small>' for name, _ in picture.rows)
    cells = [f"<small>token</small>{heads}"]
    for key, label in enumerate(labels):
        kind = " marked" if key == marked else ""
        cells.append(f'<span class="token{kind}" dir="auto">{html.escape(encoding.label(label))}</span>')
        for (_, row), share in zip(picture.rows, shares, strict=True):
            ends = (0.0, 1.0) if share else (float(low), float(high))
            cells.append(
                _bar(float(row[key]), ends, share, theme) + f'<span class="number{kind}">{_number(row[key], share)}</span>'
            )
    return f'<div class="table" style="grid-template-columns:{columns}">{"".join(cells)}</div>'


def _bar(value: float, ends: tuple[float, float], share: bool, theme: str) -> str:
    """Return a bar from 0 to the value, on a track between both ends."""
    low, high = ends
    span = (high - low) or 1.0
    if not np.isfinite(value):
        return '<span class="track"></span>'
    left, right = (100 * (end - low) / span for end in sorted((0.0, value)))
    ramp = encoding.theme(theme)
    colour = ramp.sequential[4] if share else ramp.diverging[5 if value > 0 else 1]
    return f'<span class="track"><i style="left:{left:.2f}%;width:{right - left:.2f}%;background:{colour}"></i></span>'


def _number(value: encoding.Number, share: bool) -> str:
    """Return the number of a bar, or `hidden` for a masked score."""
    return encoding.three(value) if share else encoding.digits(value) if np.isfinite(value) else "hidden"


def _words(weights: Float[np.ndarray, " token"], labels: Sequence[str], at: int, theme: str) -> str:
    """Return the tokens in a row, each coloured by its weight, with the number below."""
    spans = []
    for key, (label, weight) in enumerate(zip(labels, weights.tolist(), strict=True)):
        colour = encoding.weight_colour(weight, theme)
        selected = ' class="selected"' if key == at else ""
        style = f"background:{colour};color:{encoding.text_on_weight(weight, theme)}"
        spans.append(
            f'<span><b{selected} dir="auto" style="{style}">{html.escape(encoding.label(label))}</b>'
            f"<small>{encoding.three(weight)}</small></span>"
        )
    return f'<div class="sentence">{"".join(spans)}</div>'


def _seen(allowed: np.ndarray, labels: Sequence[str], at: int, theme: str) -> str:
    """Return the matrix of visible tokens, with the row of the chosen token in the accent colour."""

    def cells(name: str) -> UInt8[np.ndarray, "row column 3"]:
        colours = encoding.theme(name)
        picture = np.where(allowed[..., None], encoding.rgb(colours.sequential[2]), encoding.rgb(colours.page)).astype(np.uint8)
        picture[at, allowed[at]] = encoding.rgb(colours.accent)
        return picture

    n, seen = len(allowed), int(allowed[at].sum())
    description = f"{n} rows and {n} columns: {int(allowed.sum())} of {n * n} pairs are visible, {seen} of them in row {at}"
    matrix = html_matrix.drawn(cells, theme, labels, labels, at, description)
    return f'<div class="lined">{matrix}<small>{description}.</small></div>'
