"""Write a drawing as an SVG document. Letters are outlines; each line is also text for search and screen readers.

Every cell has its place and its exact value. Letters without a font here are text, which the viewer shows in its own fonts.
"""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from attnviz.figures import encoding
from attnviz.figures.vector import lettering
from attnviz.figures.vector.marks import DASH, Box, Dots, Drawing, Field, Mark, Ribbon, Stroke, Words
from attnviz.figures.vector.plan import POINTS

ANCHORS = {"left": "start", "center": "middle", "right": "end"}
NAMESPACE = "urn:attnviz"


def svg(drawing: Drawing, facts: str) -> str:
    """Return the document; `facts` is where its numbers come from, as JSON."""
    size = f"{drawing.width:.2f} {drawing.height:.2f}"
    marks = "\n".join(_mark(mark) for mark in drawing.marks)
    glyphs = "\n".join(f'<path id={quoteattr(name)} d="{_path(name)}"/>' for name in _glyphs(drawing.marks))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:attnviz="{NAMESPACE}" '
        f'version="1.1" width="{drawing.width / POINTS:.2f}mm" height="{drawing.height / POINTS:.2f}mm" viewBox="0 0 {size}" '
        f'role="img" aria-labelledby="attnviz-title attnviz-desc" font-family={quoteattr(f"DejaVu Sans, {encoding.FONT}")}>\n'
        f'<title id="attnviz-title">{_text(drawing.title)}</title>\n'
        f'<desc id="attnviz-desc">{_text(drawing.description)}</desc>\n'
        f"<metadata><attnviz:provenance>{_text(facts)}</attnviz:provenance></metadata>\n"
        f"<defs>\n{glyphs}\n</defs>\n"
        f'<rect width="{drawing.width:.2f}" height="{drawing.height:.2f}" fill="{drawing.ground}"/>\n{marks}\n</svg>\n'
    )


def _mark(mark: Mark) -> str:
    """Return one mark as an element."""
    match mark:
        case Box():
            return _box(mark)
        case Ribbon():
            return _ribbon(mark)
        case Stroke():
            return _stroke(mark)
        case Dots():
            discs = "".join(f"M{_n(x)} {_n(y)}h0" for x, y in mark.places)
            return f'<path d="{discs}" stroke="{mark.fill}" stroke-width="{_n(2 * mark.radius)}" stroke-linecap="round"/>'
        case Words():
            return _words(mark)
        case Field():
            return _field(mark)


def _box(box: Box) -> str:
    """Return a rectangle, with its meaning in its title and its data attributes."""
    parts = [f'<rect x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}"']
    parts += [f'rx="{_n(box.radius)}"'] if box.radius else []
    parts.append(f'fill="{box.fill or "none"}"')
    parts += [f'stroke="{box.edge}" stroke-width="{_n(box.line)}"'] if box.edge else []
    parts += [f"data-{name}={quoteattr(value)}" for name, value in box.facts]
    return f"{' '.join(parts)}><title>{_text(box.title)}</title></rect>" if box.title else f"{' '.join(parts)}/>"


def _ribbon(ribbon: Ribbon) -> str:
    """Return a curve."""
    (x1, y1), (x2, y2) = ribbon.bends
    d = f"M{_n(ribbon.x0)} {_n(ribbon.y0)}C{_n(x1)} {_n(y1)} {_n(x2)} {_n(y2)} {_n(ribbon.x1)} {_n(ribbon.y1)}"
    dash = f' stroke-dasharray="{DASH[0]:g} {DASH[1]:g}"' if ribbon.dashed else ""
    faint = f' stroke-opacity="{ribbon.opacity:g}"' if ribbon.opacity < 1 else ""
    return (
        f'<path d="{d}" fill="none" stroke="{ribbon.colour}" stroke-width="{ribbon.thick:.3f}"{faint}{dash}>'
        f"<title>{_text(ribbon.title)}</title></path>"
    )


def _stroke(stroke: Stroke) -> str:
    """Return a path."""
    d = "".join(letter + " ".join(_n(value) for value in places) for letter, places in stroke.parts)
    line = f' stroke="{stroke.colour}" stroke-width="{_n(stroke.thick)}"' if stroke.colour else ""
    dash = f' stroke-dasharray="{" ".join(map(_n, stroke.dash))}"' if stroke.dash else ""
    return f'<path d="{d}" fill="{stroke.fill or "none"}"{line}{dash}><title>{_text(stroke.title)}</title></path>'


def _words(words: Words) -> str:
    """Return a line of type: its outlines, and the same as invisible text below them; only text if a font is missing."""
    turn = f" rotate({-words.angle:g})" if words.angle else ""
    title = f"<title>{_text(words.full_text)}</title>" if words.full_text and words.full_text != words.text else ""
    weight = ' font-weight="bold"' if words.bold else ""
    right = _right_to_left(words.text)
    anchor = ANCHORS[words.align] if not right else {"start": "end", "end": "start"}.get(ANCHORS[words.align], "middle")
    direction = ' direction="rtl"' if right else ""
    painted = words.colour if lettering.missing(words.text) else "none"
    text = (
        f'<text class="{words.role}" fill="{painted}" font-size="{_n(words.size)}"{weight} text-anchor="{anchor}"{direction} '
        f'xml:space="preserve">{_text(words.text)}</text>'
    )
    drawn = "" if lettering.missing(words.text) else _outlines(words)
    return f'<g transform="translate({_n(words.x)} {_n(words.y)}){turn}">{title}{drawn}{text}</g>'


def _outlines(words: Words) -> str:
    """Return the glyphs of a line, at their places."""
    line = lettering.laid(words.text, words.bold)
    scale = words.size / lettering.UNIT
    start = {"left": 0.0, "center": -line.width / 2, "right": -line.width}[words.align]
    uses = "".join(f'<use xlink:href="#{name}" x="{_n(start + x)}" y="{_n(y)}"/>' for name, x, y in line.glyphs)
    return f'<g transform="scale({scale:.5g} {-scale:.5g})" fill="{words.colour}" aria-hidden="true">{uses}</g>'


def _field(field: Field) -> str:
    """Return a picture inside the picture; its pixels stay squares."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(field.pixels).save(out, "PNG", optimize=False, compress_level=9)
    data = base64.b64encode(out.getvalue()).decode()
    return (
        f'<image x="{_n(field.x)}" y="{_n(field.y)}" width="{_n(field.width)}" height="{_n(field.height)}" '
        f'preserveAspectRatio="none" image-rendering="pixelated" style="image-rendering:pixelated" '
        f'xlink:href="data:image/png;base64,{data}"><title>{_text(field.title)}</title></image>'
    )


def _glyphs(marks: Iterable[Mark]) -> list[str]:
    """Return the glyphs that a drawing needs, each once, by name."""
    lines = [lettering.laid(one.text, one.bold) for one in marks if isinstance(one, Words) and not lettering.missing(one.text)]
    return sorted({name for line in lines for name, _, _ in line.glyphs})


def _path(name: str) -> str:
    """Return a glyph's outline as path data."""
    letters = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "Z"}
    return "".join(letters[code] + " ".join(_n(value) for value in points) for code, points in lettering.shape(name))


def _right_to_left(text: str) -> bool:
    """Return whether a line runs from right to left: as its first letter does."""
    return next((kind != "L" for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL")), False)


def _text(text: str) -> str:
    """Return text for XML: escaped, with characters that XML does not allow replaced by their code points."""
    return escape("".join(c if _allowed(c) else f"U+{ord(c):04X}" for c in text), {"\r": "&#13;"})


def _allowed(char: str) -> bool:
    """Return whether XML allows a character (XML 1.0, production 2: Char)."""
    return char in "\t\n\r" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char >= "\U00010000"


def _n(value: float) -> str:
    """Return a length, to a hundredth of a point."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
