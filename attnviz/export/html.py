"""The part of a saved page below the board: all numbers of the head and its provenance.

It needs no script: a reader without scripts has the text and every number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from attnviz.figures import encoding
from attnviz.types import Pattern, Unit

if TYPE_CHECKING:
    from attnviz.figures.provenance import Provenance

NUMBERS = 3_600  # up to here all weights are in a table; beyond, the strongest link of each row
META = "attnviz-provenance"  # the name of the meta element with the provenance of the numbers, as JSON


def title(source: Provenance) -> str:
    """Return the title of the page."""
    return f"{encoding.head_name(source.head)} of {source.name}: {encoding.label(source.text, 60)}"


def meta(pattern: Pattern, source: Provenance) -> str:
    """Return the provenance for programs: a meta element with JSON in ASCII."""
    return f'<meta name="{META}" content="{escape(json.dumps(source.as_dict(pattern)))}">'


def beneath(pattern: Pattern, source: Provenance) -> str:
    """Return the numbers of the head, folded, and their provenance. All text is escaped."""
    numbers = _numbers(pattern) if pattern.weights.size <= NUMBERS else _strongest(pattern)
    without = "".join(_paragraph(text) for text in (source.text, source.text_b, source.written) if text)
    name = escape(f"{encoding.head_name(source.head)} of {source.name}")
    note = f"<p>{escape(encoding.visible(pattern.note))}</p>" if pattern.note else ""
    return (
        f"<style>{_rules()}</style>\n"
        f"<noscript><style>.attnviz{{display:none}}</style>{without}<h2>{name}</h2>"
        "<p>A script draws the picture, and scripts are off here. The numbers are below.</p></noscript>\n"
        f'<footer class="attnviz-below">{note}{numbers}<dl>{_facts(pattern, source)}</dl></footer>\n'
    )


def _table(head: str, rows: Iterable[str], caption: str) -> str:
    """Return the content of a table element: caption, one head row, rows."""
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody>"


def _numbers(pattern: Pattern) -> str:
    """Return every weight to three digits, and the share of each row that is not shown."""
    hidden = bool(pattern.hidden.any())
    head = (
        "".join(f'<th scope="col">{_name(*key)}</th>' for key in _named(pattern.keys, pattern.key_units))
        + '<th scope="col">hidden</th>' * hidden
    )
    rows = []
    queries = _named(pattern.queries, pattern.query_units)
    for query, row, share in zip(queries, pattern.weights, pattern.hidden, strict=True):
        cells = "".join(f"<td>{encoding.three(weight)}</td>" for weight in row) + f"<td>{encoding.three(share)}</td>" * hidden
        rows.append(f'<th scope="row">{_name(*query)}</th>{cells}')
    table = _table(f"<td></td>{head}", rows, "Row: the word that looks (query). Column: the word it looks at (key)")
    return _folded("All weights in numbers", f'<div class="wide"><table>{table}</table></div>')


def _strongest(pattern: Pattern) -> str:
    """Return the strongest link of each row, if all weights would be too many numbers."""
    head = "".join(f'<th scope="col">{text}</th>' for text in ("looks", "most at", "weight"))
    queries, keys = _named(pattern.queries, pattern.query_units), _named(pattern.keys, pattern.key_units)
    best = zip(queries, pattern.weights.argmax(-1), pattern.weights.max(-1), strict=True)
    rows = (
        f'<th scope="row">{_name(*query)}</th><td>{_name(*keys[k])}</td><td>{encoding.three(weight)}</td>'
        for query, k, weight in best
    )
    caption = f"{pattern.weights.size:,} weights; the CSV, NPZ and JSON files have every one"
    table = _table(head, rows, caption)
    return _folded("The strongest link of each row", f"<table>{table}</table>")


def _folded(summary: str, content: str) -> str:
    """Return a part that opens at a click, without a script."""
    return f'<details class="numbers"><summary>{summary}</summary>{content}</details>'


def _facts(pattern: Pattern, source: Provenance) -> str:
    """Return the provenance as terms and values."""
    options = source.options
    special = {"show": "shown", "hide": "hidden", "renormalise": "hidden, rows rescaled to 1"}[options.special]
    shown = [f"by {'words' if options.words else 'tokens'}", f"special tokens {special}"]
    shown += [f"weights kept by {options.keep}"] if options.keep else []
    shown += [f"only {options.between}"] if options.between else []
    facts = {
        "Model": f"{source.name} ({source.model})" if source.name != source.model else source.name,
        "Weights": f"sha256 {source.digest}" if source.digest else "",
        "Precision": source.quantised,
        "Unknown to the model": source.unknown if source.unknown_tokens else "",
        "Not read as typed": encoding.visible(source.altered),
        "Head": f"layer {source.head.layer}, head {source.head.head}, counted from 0; {source.head.block} attention",
        "Saved as shown": "; ".join(shown),
        "Size": f"{len(pattern.queries)} rows, {len(pattern.keys)} columns; the model reads {len(source.queries)} tokens",
        "Made with": ", ".join(f"{package} {version}" for package, version in source.versions),
    }
    return "".join(f"<dt>{term}</dt><dd>{escape(value)}</dd>" for term, value in facts.items() if value)


def _named(labels: Sequence[str], units: Sequence[Unit]) -> list[tuple[str, str]]:
    """Return each label with its mark, "" if the model reads it."""
    marks = [encoding.unknown_mark(unit) for unit in units] if len(units) == len(labels) else [""] * len(labels)
    return list(zip(labels, marks, strict=True))


def _name(label: str, mark: str) -> str:
    """Return a row's label, with its text direction isolated, and its mark."""
    return f"<bdi>{escape(encoding.label(label))}</bdi>{f' {mark}' if mark else ''}"


def _paragraph(text: str) -> str:
    """Return a text as typed, with its lines and spaces; control characters are visible."""
    lines = "\n".join(escape(encoding.visible(line)) if line.strip() else line for line in text.split("\n"))
    return f'<p class="attnviz-text" dir="auto">{lines}</p>'


def _rules() -> str:
    """Return the styles of the part below the board, for light and dark."""
    light, dark = (f".attnviz-page{{{encoding.css(name)};font-family:{encoding.FONT}}}" for name in encoding.THEMES)
    return f"{light}@media(prefers-color-scheme:dark){{{dark}}}{_RULES}"


_RULES = """
.attnviz-below{margin-top:32px;padding-top:16px;border-top:1px solid var(--hair);color:var(--mute)}
.attnviz-below{font-size:12px;line-height:1.5}
.attnviz-below p{margin:0 0 12px;max-width:90ch}
.attnviz-below summary{cursor:pointer;width:max-content}
.attnviz-below summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.attnviz-below .wide{overflow-x:auto}
.attnviz-below table{border-spacing:8px 2px;font-variant-numeric:tabular-nums;color:var(--ink)}
.attnviz-below caption{text-align:start;padding:8px;color:var(--mute)}
.attnviz-below th{font-weight:400;text-align:end;white-space:nowrap}.attnviz-below td{text-align:end}
.attnviz-below dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:12px 0 0}
.attnviz-below dd{margin:0;overflow-wrap:anywhere}
.attnviz-text{font-size:24px;line-height:1.4;white-space:pre-wrap;overflow-wrap:anywhere}
"""
