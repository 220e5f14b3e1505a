"""A Pattern and its Provenance in, one HTML page out: the text, the head, exact values. No script, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from attnviz.figures import encoding, heatmap
from attnviz.figures.geometry import Geometry
from attnviz.types import Pattern

if TYPE_CHECKING:
    from attnviz.figures.export import Provenance

CELLS = 10_000  # up to here every weight is a cell with its value; beyond, one picture and the strongest link of each row
NUMBERS = 3_600  # up to here all weights also stand as a table of numbers
LARGE = 160  # characters of a text up to which it stands in the largest type
TOO_MANY = "Its weights are too many for a cell each; the CSV, NPZ and JSON files have every value."
LEVELS = 255  # steps of the colour scale that the page tells apart


def html(pattern: Pattern, source: Provenance) -> str:
    """The page. All text is escaped; colours follow the reader's own light or dark."""
    name = encoding.head_name(source.head)
    levels = np.rint(LEVELS * np.clip(pattern.weights, 0.0, 1.0) ** encoding.EXPONENT).astype(np.uint8)
    small = pattern.weights.size <= CELLS
    geometry = Geometry.of(pattern.queries, pattern.keys)
    style = _style(geometry, levels if small else levels[:0])
    policy = f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'"
    return _PAGE.format(
        policy=escape(policy),
        title=escape(f"{name} of {source.name}: {encoding.label(source.text, 60)}"),
        style=style,
        name=escape(name),
        model=escape(source.name),
        texts="".join(_paragraph(text) for text in (source.text, source.text_b) if text),
        note=f'<p class="note">{escape(encoding.visible(pattern.note))}</p>' if pattern.note else "",
        legend=_legend(),
        reading=escape(" ".join([*heatmap.reading(pattern), "Point at a cell for its exact value." if small else TOO_MANY])),
        picture=_cells(pattern, levels) if small else _picture(pattern, levels, name),
        numbers=_numbers(pattern) if pattern.weights.size <= NUMBERS else _strongest(pattern),
        facts=_facts(pattern, source),
    )


def _cells(pattern: Pattern, levels: UInt8[np.ndarray, "query key"]) -> str:
    """The heatmap as a table: a tinted cell a weight, its link and exact value in the title, its number while pointed at."""
    blank, left_out = heatmap.unseen(pattern), heatmap.left_out(pattern)
    hidden = bool(pattern.hidden.any())
    special = {unit.text for unit in (*pattern.query_units, *pattern.key_units) if unit.special}
    mute = {label: ' class="mute"' if label in special else "" for label in (*pattern.queries, *pattern.keys)}
    head = "".join(f'<th scope="col" class="key"><span{mute[key]}>{_name(key)}</span></th>' for key in pattern.keys)
    rows = []
    for q, query in enumerate(pattern.queries):
        cells = [f'<th scope="row"{mute[query]}>{_name(query)}</th>']
        cells += [f'<td class="hidden">{encoding.percent(pattern.hidden[q])}</td>'] if hidden else []
        for k, key in enumerate(pattern.keys):
            weight = pattern.weights[q, k]
            if blank[q, k]:
                title = f"{encoding.visible(query)} cannot look at {encoding.visible(key)}: it comes later"
                cells.append(f'<td class="blank" title="{escape(title)}"></td>')
            elif left_out[q, k]:
                cells.append("<td></td>")
            else:
                number = f"<span>{encoding.two(weight)}</span>" if weight >= encoding.WRITTEN_FROM else ""
                title = f"{encoding.link(encoding.visible(query), encoding.visible(key))} {weight!s}"
                cells.append(f'<td class="w{levels[q, k]}" title="{escape(title)}">{number}</td>')
        rows.append("".join(cells))
    corner = f"<td></td>{'<th scope=col class=hidden>hidden</th>' if hidden else ''}"
    table = _table(f"{corner}{head}", rows, caption=heatmap.description(pattern))
    return f'<div class="wide"><table class="head">{table}</table></div>'


def _table(head: str, rows: Iterable[str], *, caption: str = "") -> str:
    """What stands inside a table: caption, one head row, rows."""
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f"{said}<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody>"


def _picture(pattern: Pattern, levels: UInt8[np.ndarray, "query key"], name: str) -> str:
    """The heatmap of a long text as one image a theme."""
    light, dark = (f"data:image/png;base64,{base64.b64encode(_png(levels, theme)).decode()}" for theme in encoding.THEMES)
    rows, columns = pattern.weights.shape
    alt = f"{name}: {rows} rows, {columns} columns; the strongest link of each row stands in the table below"
    dark = f'<source media="(prefers-color-scheme: dark)" srcset="{dark}">'
    return f'<picture>{dark}<img src="{light}" alt="{escape(alt)}"></picture>'


def _png(levels: UInt8[np.ndarray, "query key"], theme: str) -> bytes:
    """A PNG with a pixel a weight and the theme's colours as its palette (PNG specification, third edition, 5 and 11)."""
    rows, columns = levels.shape
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)  # 8 bits a pixel, colours by palette
    lines = np.concatenate([np.zeros((rows, 1), np.uint8), levels], axis=1)  # each line begins with its filter: none
    parts = (
        (b"IHDR", header),
        (b"PLTE", _palette(theme).tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 9)),
        (b"IEND", b""),
    )
    chunks = (struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _palette(theme: str) -> UInt8[np.ndarray, "level 3"]:
    """The colour of each level."""
    return encoding.weight_rgb((np.arange(LEVELS + 1) / LEVELS) ** (1.0 / encoding.EXPONENT), theme)


def _numbers(pattern: Pattern) -> str:
    """Every weight to three digits, folded away: for touch, for printing, for screen readers."""
    head = "".join(f'<th scope="col">{_name(key)}</th>' for key in pattern.keys)
    rows = (
        f'<th scope="row">{_name(query)}</th>{"".join(f"<td>{encoding.three(weight)}</td>" for weight in row)}'
        for query, row in zip(pattern.queries, pattern.weights, strict=True)
    )
    table = f"<table>{_table(f'<td></td>{head}', rows)}</table>"
    return f'<details><summary>All weights in numbers</summary><div class="wide">{table}</div></details>'


def _strongest(pattern: Pattern) -> str:
    """The strongest link of each row, folded away, where all weights would be too many numbers."""
    head = "".join(f"<th scope=col>{text}</th>" for text in ("looks", "most at", "weight"))
    best = zip(pattern.queries, pattern.weights.argmax(-1), pattern.weights.max(-1), strict=True)
    rows = (
        f'<th scope="row">{_name(query)}</th><td>{_name(pattern.keys[k])}</td><td>{encoding.three(weight)}</td>'
        for query, k, weight in best
    )
    return f"<details><summary>The strongest link of each row</summary><table>{_table(head, rows)}</table></details>"


def _legend() -> str:
    """The scale, even in colour and uneven in weight."""
    ticks = "".join(f'<span class="t{i}">{encoding.tick(value)}</span>' for i, value in enumerate(encoding.LEGEND))
    return f'<div class="legend" role="img" aria-label="Colour scale: weight 0 to 1"><div></div>{ticks}</div>'


def _facts(pattern: Pattern, source: Provenance) -> str:
    """Where the numbers come from, as terms and values."""
    special = {"show": "shown", "hide": "hidden", "renormalise": "hidden, rows rescaled to 1"}[source.options.special]
    facts = {
        "Model": f"{source.name} ({source.model})",
        "Weights": f"sha256 {source.digest}" if source.digest else "",
        "Precision": source.quantised,
        "Head": f"layer {source.head.layer}, head {source.head.head}, counted from 0; {source.head.block} attention",
        "Shown": f"by {'words' if source.options.words else 'tokens'}; special tokens {special}",
        "Size": f"{len(pattern.queries)} rows, {len(pattern.keys)} columns; the model reads {len(source.queries)} tokens",
        "Made with": ", ".join(f"{package} {version}" for package, version in source.versions),
    }
    return "".join(f"<dt>{term}</dt><dd>{escape(value)}</dd>" for term, value in facts.items() if value)


def _name(label: str) -> str:
    """A label as it stands beside a row, its direction kept to itself."""
    return f"<bdi>{escape(encoding.label(label))}</bdi>"


def _paragraph(text: str) -> str:
    """A text as typed: lines and blanks kept, control characters visible."""
    lines = "\n".join(escape(encoding.visible(line)) if line.strip() else line for line in text.split("\n"))
    return f'<p class="text{"" if len(text) <= LARGE else " long"}" dir="auto">{lines}</p>'


def _digest(style: str) -> str:
    """The name under which the page's policy lets its style in."""
    return f"sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}"


def _style(geometry: Geometry, levels: UInt8[np.ndarray, "query key"]) -> str:
    """All colours and measures of the page: roles by variable, and one rule for each level that occurs."""
    used = np.unique(levels).tolist()
    themes = []
    for name in encoding.THEMES:
        colours = [encoding.hexadecimal(colour) for colour in _palette(name)]
        cells = "".join(f".w{level}{{background:{colours[level]};color:{encoding.text_on(colours[level])}}}" for level in used)
        ramp = ",".join(encoding.theme(name).sequential)
        themes.append(f":root{{{encoding.css(name)}}}.legend div{{background:linear-gradient(90deg,{ramp})}}{cells}")
    ticks = "".join(f".t{i}{{left:{100 * encoding.bent(value):.1f}%}}" for i, value in enumerate(encoding.LEGEND))
    cell = max(geometry.cell, 12.0)
    lean = "rotate(-45deg)" if geometry.slanted else "translateX(-50%)"
    sizes = (
        f".head td,.head .key{{width:{cell:.0f}px;min-width:{cell:.0f}px}}"
        f".head td{{height:{cell:.0f}px;font-size:{cell * 0.38:.0f}px}}"
        f".head .key{{height:{geometry.top if geometry.slanted else 24}px}}"
        f".head th{{font-size:{geometry.font}px}}"
        f".head{{margin-right:{geometry.right}px}}.key span{{transform:{lean}}}"
    )
    fonts = f"body{{font-family:{encoding.FONT}}}.text{{font-family:{encoding.SENTENCE_FONT}}}"
    dark = f"@media(prefers-color-scheme:dark){{{themes[1]}}}"
    return f":root{{color-scheme:light dark}}{themes[0]}{dark}{fonts}{ticks}{sizes}{_RULES}"


_RULES = """
body{margin:0 auto;padding:32px;max-width:1120px;background:var(--page);color:var(--ink)}
body{font-size:14px;line-height:1.5;font-variant-numeric:tabular-nums}
h1{font-size:24px;margin:0}h1 small{font-size:14px;font-weight:400;color:var(--mute);margin-left:8px}
.text{font-size:28px;line-height:1.4;margin:0 0 16px;white-space:pre-wrap;overflow-wrap:anywhere}
.text.long{font-size:18px}
.note,.reading,.mute,dt{color:var(--mute)}.reading{font-size:12px}.note{max-width:70ch}
.wide{overflow-x:auto}
table{border-spacing:1px}th{font-weight:400;text-align:right;padding:0 6px;white-space:nowrap}
.head caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.head td{padding:0;text-align:center}.head td:hover{outline:2px solid var(--ink)}
.head .key{padding:0;position:relative}.key span{position:absolute;left:50%;bottom:4px;transform-origin:0 100%}
.head td span{opacity:0}.head tbody tr:hover td span{opacity:1}
.head tbody tr:hover th{background:var(--accent);color:var(--on-accent);border-radius:3px}
.head .blank::before{content:"";display:block;width:3px;height:3px;margin:auto;border-radius:50%;background:var(--line)}
.head .hidden{min-width:38px;padding-right:4px;text-align:right;vertical-align:middle;font-size:11px;color:var(--mute)}
.head thead .hidden{vertical-align:bottom}
.legend{position:relative;width:132px;height:28px;margin:12px 8px 4px;font-size:11px;color:var(--mute)}
.legend div{height:8px;border-radius:2px}.legend span{position:absolute;top:9px;transform:translateX(-50%)}
picture img{width:720px;max-width:100%;image-rendering:pixelated}
details{margin:16px 0}summary{cursor:pointer}details td{text-align:right;padding:0 6px}
summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 16px;margin:24px 0 0;padding-top:16px}
dl{border-top:1px solid var(--hair)}dd{margin:0;overflow-wrap:anywhere}
@media(max-width:640px){body{padding:16px}.text{font-size:24px}}
@media print{.head td span{opacity:1}.head td,.legend div{print-color-adjust:exact}}
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{texts}
<h1>{name}<small>{model}</small></h1>
{note}
{picture}
{legend}
<p class="reading">{reading} Attention is a signal, not an explanation.</p>
{numbers}
<dl>{facts}</dl>
</main>
</body>
</html>
"""
