"""A picture of a page as files: SVG, PDF, PNG, and its numbers as CSV and JSON; with a caption.

Every file says where its numbers come from; no file has a date, so equal input gives equal bytes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from attnviz.errors import BadInputError
from attnviz.figures import encoding
from attnviz.figures.provenance import PACKAGES, version
from attnviz.types import HeadRef, ModelCard

if TYPE_CHECKING:
    from attnviz.figures.vector.marks import Drawing

WHOLE, ALONE = "whole", "alone"
PARTS = {WHOLE: "With title and notes", ALONE: "Picture alone"}
HEAD_PARTS = {"both": "Matrix and curves", "matrix": "Matrix alone", "curves": "Curves alone"}
KINDS = {
    "svg": ("SVG", "image/svg+xml", "A drawing, sharp at any size, with its numbers inside"),
    "pdf": ("PDF", "application/pdf", "The same drawing, with its fonts"),
    "png": ("PNG", "image/png", "The same drawing as pixels, 300 to the inch"),
    "csv": ("CSV", "text/csv", "The numbers of the picture, for a spreadsheet"),
    "json": ("JSON", "application/json", "The numbers of the picture, for a program"),
}
DRAWN = ("svg", "pdf", "png")
FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # a spreadsheet may take a cell that begins so for a formula
QUOTED = 500  # characters of the reader's text in a caption


class Word(NamedTuple):
    """A word or token in a table, with its place: `[3] it` in a CSV file, an object in a JSON file."""

    place: int
    text: str


Cell = Word | str | float | int | bool | np.generic | None


@dataclass(frozen=True)
class Table:
    """The numbers of a picture: names of columns, and rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class FigureSource:
    """Where the numbers of a page's pictures come from. `digest` is of the weights that answered; `head` is None for all.

    `also` are further heads, texts or models that a picture combines with these.
    """

    card: ModelCard
    text: str = ""
    text_b: str | None = None
    digest: str = ""
    head: HeadRef | None = None
    also: tuple[FigureSource, ...] = ()

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """The models, each once."""
        return tuple(dict.fromkeys((self.card, *(one.card for one in self.also))))

    def facts(self) -> dict[str, Any]:
        """Return all of it for JSON, with versions."""
        return {
            "model": self.card.id, "name": self.card.name, "hub": self.card.hub, "weights_sha256": self.digest,
            "quantised": self.card.quantised, "versions": {package: version(package) for package in PACKAGES},
            "text": self.text, "text_b": self.text_b,
            **({} if self.head is None else {"block": self.head.block, "head": str(self.head)}),
            **({"also": [one.facts() for one in self.also]} if self.also else {}),
        }  # fmt: skip

    @property
    def origin(self) -> str:
        """Text, model and head, in sentences for a caption."""
        card, texts = self.card, [encoding.label(text, QUOTED) for text in (self.text, self.text_b) if text]
        rounded = f", {card.quantised.partition(':')[0]}" if card.quantised else ""
        digest = f", weights SHA-256 {self.digest[:12]}" if self.digest else ""
        parts = [f"Text: “{'” and “'.join(texts)}”."] if texts else []
        parts.append(f"Model: {card.name}{f' ({card.hub})' if card.hub else ''}{rounded}{digest}.")
        parts += [f"Head: {encoding.head_name(self.head)}."] if self.head is not None else []
        return " ".join([*parts, *(one.origin for one in self.also)])


@dataclass(frozen=True, eq=False)
class PageFigure:
    """One picture of a page: `id` for file names, `name` for the reader, `says` what it shows in sentences.

    `drawing(part, coded)` draws one of `parts`; `coded` writes letters without a font as code points. Neither it nor `table`
    is called before a file is wanted. `facts` are settings beside those of the source, `data_sets` the
    names of the annotated texts that were counted.
    """

    id: str
    name: str
    says: str
    source: FigureSource
    drawing: Callable[[str, bool], Drawing]
    table: Callable[[], Table]
    parts: Mapping[str, str] = field(default_factory=lambda: PARTS)
    facts: Mapping[str, Any] = field(default_factory=dict)
    data_sets: tuple[str, ...] = ()

    @property
    def caption(self) -> str:
        """What the picture shows and where its numbers come from, in plain words."""
        drawn = f"Computed and drawn with attnviz {version('attnviz')}."
        return f"{self.says} {self.source.origin} {drawn}".strip()

    def file_name(self, kind: str, part: str) -> str:
        """Return the file's name: `attnviz-minilm-L3H1-before.svg`, with the part if it is not the whole picture."""
        head = "" if self.source.head is None else f"-L{self.source.head.layer}H{self.source.head.head}"
        alone = "" if kind not in DRAWN or part == next(iter(self.parts)) else f"-{part}"
        model = re.sub(r"[^\w.-]+", "-", self.source.card.id).strip("-.") or "model"
        return f"attnviz-{model}{head}-{self.id}{alone}.{kind}"


def written(figure: PageFigure, kind: str, part: str = "") -> bytes:
    """Return a file of a picture. Raises BadInputError for an unknown kind or part."""
    part = part or next(iter(figure.parts))
    if kind not in KINDS or part not in figure.parts:
        raise BadInputError(f"A file is one of {', '.join(KINDS)}, of {' or '.join(figure.parts)}; got {kind!r}, {part!r}.")
    if kind == "csv":
        return as_csv(figure)
    if kind == "json":
        return as_json(figure)
    from attnviz.figures.vector import document, paper

    drawing = figure.drawing(part, kind != "svg")
    facts = json.dumps({"figure": figure.name, "caption": figure.caption, **_facts(figure)})
    if kind == "svg":
        return document.svg(drawing, facts).encode("utf-8", "replace")
    return paper.pdf(drawing, facts) if kind == "pdf" else paper.png(drawing, facts, paper.PRINT_DENSITY)


def as_csv(figure: PageFigure) -> bytes:
    """Return the table below `# name: JSON` lines, for `pandas.read_csv(file, comment="#")`.

    Words are `[place] text`; a text that a spreadsheet could take for a formula has an apostrophe before it. Commas and
    semicolons in the lines above are JSON escapes: each line stays one cell.
    """
    found, out = figure.table(), io.StringIO()
    for name, value in _flat({"figure": figure.name, "caption": figure.caption, **_facts(figure)}).items():
        line = json.dumps(value).replace(",", "\\u002c").replace(";", "\\u003b")
        out.write(f"# {name}: {line}\n")
    table = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    table.writerow([_safe(name) for name in found.columns])
    table.writerows([[_csv_cell(cell) for cell in row] for row in found.rows])
    return out.getvalue().encode("utf-8", "backslashreplace")


def as_json(figure: PageFigure) -> bytes:
    """Return one object: `figure caption provenance columns rows`; a word is an object with its place and text."""
    found = figure.table()
    parts = {"figure": figure.name, "caption": figure.caption, "provenance": _facts(figure), "columns": list(found.columns)}
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in parts.items()]
    rows = ",\n  ".join(json.dumps([_json_cell(cell) for cell in row], ensure_ascii=False) for row in found.rows)
    lines.append(f'"rows": [\n  {rows}\n ]')
    return ("{\n " + ",\n ".join(lines) + "\n}\n").encode("utf-8", "backslashreplace")


def _facts(figure: PageFigure) -> dict[str, Any]:
    return {**figure.source.facts(), **figure.facts}


def _flat(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts with one text or number each: those of an object by their names, without lists."""
    found: dict[str, Any] = {}
    for name, value in facts.items():
        inner = "version of" if name == "versions" else name
        if isinstance(value, Mapping):
            found |= {f"{inner} {key}": one for key, one in value.items()}
        elif not isinstance(value, list):
            found[name] = value
    return found


def _csv_cell(cell: Cell) -> Any:
    """Return a cell for the csv module: words with their places, texts that are no formula, numbers, "" for none."""
    if isinstance(cell, Word):
        return f"[{cell.place}] {cell.text}"
    value = _json_cell(cell)
    return "" if value is None else _safe(value) if isinstance(value, str) else int(value) if value is True else value


def _json_cell(cell: Cell) -> Any:
    """Return a cell for JSON; a float32 becomes the shortest decimal that reads back as the same; NaN and ±∞ are none."""
    if isinstance(cell, Word):
        return {"place": cell.place, "text": cell.text}
    if isinstance(cell, np.floating):
        return float(str(cell)) if np.isfinite(cell) else None
    if isinstance(cell, np.generic):
        return cell.item()
    return None if isinstance(cell, float) and not np.isfinite(cell) else cell


def _safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
