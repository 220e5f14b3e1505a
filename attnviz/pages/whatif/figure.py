"""Pictures of two readings, before and after, as HTML: matrices, the selected row, layers, heads, next tokens."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8

from attnviz.engine.reference.intervened import InterventionResult, NextToken
from attnviz.figures import encoding, html_matrix
from attnviz.pages.whatif import analysis
from attnviz.pages.whatif.analysis import BeforeAfter
from attnviz.pages.whatif.values import next_name

CSS = f"""
.whatif {{ font: 14px/1.4 {encoding.FONT}; color: var(--ink); }}
.whatif small, .whatif figcaption small {{ color: var(--mute); font-size: 13px; }}
.whatif figure {{ margin: 0; min-width: 0; }}
.whatif figcaption {{ font-weight: 600; margin-bottom: 6px; }}
.whatif figcaption small {{ font-weight: 400; }}
.whatif .beside figcaption small {{ display: block; min-height: 1.4em; }}
.whatif .beside {{ display: grid; grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); gap: 24px; }}
.whatif .around {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr)); gap: 24px; }}
@media (max-width: 639px) {{
  .whatif .beside {{ grid-auto-flow: column; grid-template-columns: none; grid-auto-columns: min(300px, 84%); gap: 16px;
    overflow-x: auto; scroll-snap-type: x proximity; padding-bottom: 8px; }}
  .whatif .beside > * {{ scroll-snap-align: start; }}
}}
.whatif .stack {{ display: grid; gap: 24px; align-content: start; min-width: 0; }}
.whatif .table {{ display: grid; gap: 3px 10px; align-items: center; max-width: 880px; }}
.whatif .table small, .whatif .number {{ text-align: right; font-variant-numeric: tabular-nums; }}
.whatif .table small:first-child, .whatif .table .left {{ text-align: left; }}
.whatif .name {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
.whatif .selected {{ color: var(--accent); font-weight: 700; }}
.whatif .tracks {{ display: grid; gap: 1px; }}
.whatif .track {{ position: relative; height: 8px; background: var(--field); }}
.whatif .track i {{ position: absolute; top: 0; bottom: 0; left: 0; min-width: 1px; }}
.whatif .layers {{ display: flex; align-items: end; gap: 2px; height: 96px; border-bottom: 1px solid var(--line); }}
.whatif .layers i {{ flex: 1; max-width: 32px; min-height: 1px; }}
.whatif .feet {{ display: flex; gap: 2px; font-size: 12px; color: var(--mute); }}
.whatif .feet span {{ flex: 1; max-width: 32px; min-width: 0; text-align: center; white-space: nowrap; }}
"""


def page(*parts: str) -> str:
    """Return pictures together with their style sheet."""
    return f'<style>{CSS}{html_matrix.CSS}</style><div class="whatif">{"".join(parts)}</div>'


def panel(title: str, note: str, inner: str) -> str:
    """Return one picture under its name."""
    return f"<figure><figcaption>{html.escape(title)} <small>{html.escape(note)}</small></figcaption>{inner}</figure>"


def beside(*panels: str) -> str:
    """Return pictures side by side, with room for at least three; on a phone they are swiped."""
    named = 'tabindex="0" role="group" aria-label="Pictures side by side"'
    return f'<div class="beside" {named} style="--columns:{max(3, len(panels))}">{"".join(panels)}</div>'


def around(*panels: str) -> str:
    """Return pictures in as many columns as fit."""
    return f'<div class="around">{"".join(panels)}</div>'


def weights(
    found: Float[np.ndarray, "query key"], seen: Bool[np.ndarray, "query key"], rows: Sequence[str], columns: Sequence[str],
    at: int | None, theme: str, what: str = "Weights",
) -> str:  # fmt: skip
    """Return a head's weights, or other numbers from 0 to 1; hidden pairs have the colour of the page."""

    def cells(name: str) -> UInt8[np.ndarray, "row column 3"]:
        shown = encoding.weight_rgb(found.astype(np.float32), name)
        return np.where(seen[..., None], shown, encoding.rgb(encoding.theme(name).page)).astype(np.uint8)

    description = f"{what}: {len(rows)} rows, {len(columns)} columns, {int(seen.sum())} of {seen.size} pairs open"
    return html_matrix.drawn(cells, theme, rows, columns, at, description)


def difference(found: Float[np.ndarray, "query key"], rows: Sequence[str], columns: Sequence[str], at: int, theme: str) -> str:
    """Return after minus before: green is more, purple less."""
    description = f"After minus before, from {encoding.signed(found.min())} to {encoding.signed(found.max())}"

    def cells(name: str) -> UInt8[np.ndarray, "row column 3"]:
        return encoding.difference_rgb(found.astype(np.float32), name)

    return html_matrix.drawn(cells, theme, rows, columns, at, description, marks=html_matrix.minus(found))


def row(pair: BeforeAfter, at: int, theme: str) -> str:
    """Return the selected token's row: what it gave to each token, what it gives now, and the difference."""
    ramp = encoding.theme(theme)
    before, after, changed = pair.weights_before[at], pair.weights_after[at], analysis.difference(pair)[at]
    cells = [
        "<small>token</small><small class=left>before, after</small><small>before</small><small>after</small><small>±</small>"
    ]
    for key, token in enumerate(pair.before.keys):
        bars = _bar(before[key], ramp.sequential[2]) + _bar(after[key], ramp.sequential[4])
        numbers = (encoding.three(before[key]), encoding.three(after[key]), encoding.signed(changed[key]))
        cells.append(_name(token.text, key == at) + f'<span class="tracks">{bars}</span>' + "".join(map(_number, numbers)))
    return _table("minmax(40px,100px) minmax(40px,1fr) 42px 42px 50px", cells)


def one_row(found: InterventionResult, weights_: Float[np.ndarray, " key"], theme: str) -> str:
    """Return a row without a counterpart: what a token gives to each token of another text."""
    colour = encoding.theme(theme).sequential[4]
    cells = [
        _name(token.text, False) + f'<span class="tracks">{_bar(weight, colour)}</span>' + _number(encoding.three(weight))
        for token, weight in zip(found.keys, weights_, strict=True)
    ]
    return _table("minmax(40px,120px) minmax(40px,1fr) 44px", cells)


def heads(lengths: Float[np.ndarray, " head"], longest: float, selected: int, theme: str) -> str:
    """Return a bar per head: the length of what it adds; a bar is full at `longest`."""
    colour = encoding.theme(theme).sequential[4]
    cells = [
        _name(f"Head {number}", number == selected) + f'<span class="tracks">{_bar(length / (longest or 1.0), colour)}</span>'
        + _number(encoding.digits(length))
        for number, length in enumerate(lengths)
    ]  # fmt: skip
    return _table("72px minmax(40px,1fr) 60px", cells)


def layers(values: Float[np.ndarray, " layer"], selected: int, theme: str, first: str = "") -> str:
    """Return a column for each layer, the largest at full height; `selected` is the changed one.

    With `first`, the first column is not a layer and has this name.
    """
    ramp = encoding.theme(theme)
    known = np.nan_to_num(values)
    most = float(known.max()) or 1.0
    bars = "".join(
        f'<i title="{_place(number, first)}: {encoding.percent(value, 1)}" style="height:{100 * value / most:.2f}%;'
        f'background:{ramp.accent if number == selected else ramp.sequential[4]}"></i>'
        for number, value in enumerate(known.tolist())
    )
    named = {0, selected, len(known) - 1}
    feet = "".join(
        f"<span{' class=selected' if n == selected else ''}>{_place(n, first) if n in named else ''}</span>"
        for n in range(len(known))
    )
    summary = f"largest {encoding.percent(known.max(), 1)}, layer {_place(int(known.argmax()), first)}"
    summary = summary if known.max() > 0 else "nothing has changed"
    description = f"{len(known)} columns, {summary}; {encoding.percent(known[-1], 1)} at the last"
    drawing = f'<div class="layers" role="img" aria-label="{html.escape(description)}">{bars}</div>'
    return f'{drawing}<div class="feet">{feet}</div><small>{html.escape(summary)}</small>'


def _place(number: int, first: str) -> str:
    """Return the name of a column: a layer's number, or `first` for a first column that is not a layer."""
    return str(number) if not first else first if number == 0 else str(number - 1)


def likely(found: Sequence[NextToken], theme: str) -> str:
    """Return the most likely next tokens with their probabilities."""
    colour = encoding.theme(theme).sequential[4]
    cells = [
        _name(next_name(one.text), False) + f'<span class="tracks">{_bar(one.share, colour)}</span>'
        + _number(encoding.three(one.share))
        for one in found
    ]  # fmt: skip
    return _table("minmax(40px,110px) minmax(40px,1fr) 44px", cells)


def _table(columns: str, cells: Sequence[str]) -> str:
    """Return rows of names, bars and numbers."""
    return f'<div class="table" style="grid-template-columns:{columns}">{"".join(cells)}</div>'


def _name(text: str, selected: bool) -> str:
    """Return a name at the beginning of a row, escaped."""
    return f'<span class="name{" selected" if selected else ""}" dir="auto">{html.escape(encoding.label(text))}</span>'


def _number(text: str) -> str:
    """Return a number at the end of a row."""
    return f'<span class="number">{text}</span>'


def _bar(share: encoding.Number, colour: str) -> str:
    """Return a bar on a track that is full at 1."""
    return f'<span class="track"><i style="width:{100 * float(share):.2f}%;background:{colour}"></i></span>'
