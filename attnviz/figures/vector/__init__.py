"""Pictures for print (SVG, PDF, PNG) of a pattern, or of the difference of two, with their provenance.

`width` is a "column" (85 mm) or a "page" (170 mm) of a journal. Equal input gives equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack

from attnviz.types import Pattern

if TYPE_CHECKING:
    from attnviz.figures.provenance import Provenance
    from attnviz.figures.vector.marks import Drawing

    Content = Pattern | tuple[Pattern, Pattern]
    Source = Provenance | tuple[Provenance, Provenance]

__all__ = ["pdf", "png", "svg"]


class PictureOptions(TypedDict, total=False):
    """How a picture looks: its width, its theme, highlighted rows, and a name in place of the head's."""

    width: str
    theme: str
    selected_rows: Sequence[int]
    name: str


def svg(picture: Content, source: Source, **options: Unpack[PictureOptions]) -> bytes:
    """Return an SVG document: letters outlined and as text, each cell with its exact value."""
    from attnviz.figures.vector import document

    return document.svg(_drawing(picture, source, options, coded=False), _facts(picture, source)).encode("utf-8")


def pdf(picture: Content, source: Source, **options: Unpack[PictureOptions]) -> bytes:
    """Return a PDF of one page as large as the picture, its fonts embedded."""
    from attnviz.figures.vector import paper

    return paper.pdf(_drawing(picture, source, options, coded=True), _facts(picture, source))


def png(picture: Content, source: Source, **options: Unpack[PictureOptions]) -> bytes:
    """Return a PNG of two pixels to each of a screen's: 192 to the inch."""
    from attnviz.figures.vector import paper

    return paper.png(_drawing(picture, source, options, coded=True), _facts(picture, source))


def _drawing(picture: Content, source: Source, options: PictureOptions, *, coded: bool) -> Drawing:
    """Return the drawing before it becomes a file. For two patterns, it shows the first minus the second."""
    from attnviz.analysis.compare import difference
    from attnviz.figures import encoding
    from attnviz.figures.vector import head

    sources = source if isinstance(source, tuple) else (source,)
    name = f" {encoding.MINUS} ".join(dict.fromkeys(encoding.head_name(one.head) for one in sources))
    line = f" {encoding.MINUS} ".join(dict.fromkeys(f"{one.name}: {one.text}" for one in sources))
    pattern = difference(*picture) if isinstance(picture, tuple) else picture
    drawn = head.HeadPicture(
        pattern,
        options.get("name") or name,
        line,
        options.get("theme", "light"),
        tuple(options.get("selected_rows", ())),
        coded,
    )
    return head.drawing(drawn, options.get("width", "page"))


def _facts(picture: Content, source: Source) -> str:
    """Return where the numbers come from, as JSON in ASCII."""
    if isinstance(picture, tuple) and isinstance(source, tuple):
        first, second = (one.as_dict(pattern) for one, pattern in zip(source, picture, strict=True))
        return json.dumps({"shown": "first minus second", "first": first, "second": second})
    if isinstance(picture, Pattern) and not isinstance(source, tuple):
        return json.dumps(source.as_dict(picture))
    raise TypeError("One pattern has one source, two have two.")
