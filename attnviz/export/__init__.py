"""One head as a file: numbers (JSON, CSV, NPZ), pictures (SVG, PDF, PNG) or the board (HTML).

Every file says where its numbers come from; no file carries a date, so that equal input gives equal bytes.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from attnviz.errors import BadInputError
from attnviz.figures import encoding
from attnviz.figures.provenance import Provenance, _decimals
from attnviz.types import Pattern, Token, Unit

if TYPE_CHECKING:
    from attnviz.engine.trace import Trace

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip file can have


def as_json(pattern: Pattern, source: Provenance, unfiltered: Pattern | None = None) -> bytes:
    """Return one JSON object: `model block layer head tokens weights provenance`, and `keys` where these are not the queries.

    With `unfiltered`, the head without filters, it also has the `role` and the `profile`.

    Weights are the shortest decimals that read back as the same float32. Text stays legible; half a surrogate pair,
    which UTF-8 cannot encode, is escaped. Each token has `unknown`, whether it is unknown to the model, if that is known.
    """
    head, pair = source.head, source.text_b is not None or source.written is not None
    parts: dict[str, Any] = {"model": source.model, "block": head.block, "layer": head.layer, "head": head.head}
    known = source.reading is not None or source.unknown_tokens > 0
    parts["tokens"] = _tokens(pattern.queries, pattern.query_units, source.queries, pair, known=known)
    if head.block == "cross" or pattern.keys != pattern.queries:
        parts["keys"] = _tokens(pattern.keys, pattern.key_units, source.keys, pair, known=known)
    if unfiltered is not None:
        from attnviz.analysis import head_profile, head_roles
        from attnviz.analysis.positions import PositionClasses

        classes = PositionClasses.of(unfiltered, source.options.words)
        parts["role"] = head_roles.role(unfiltered, source.options.words, classes).as_dict()
        parts["profile"] = head_profile.profile(unfiltered, source.options.words, classes).as_dict()
    lines = [f"{json.dumps(name)}: {_line(value)}" for name, value in parts.items()]
    rows = ",\n  ".join(_line(row) for row in _decimals(pattern.weights))
    lines += [f'"weights": [\n  {rows}\n ]', f'"provenance": {_line(source.as_dict(pattern))}']
    return ("{\n " + ",\n ".join(lines) + "\n}\n").encode("utf-8", "backslashreplace")


def as_csv(pattern: Pattern, source: Provenance, unfiltered: Pattern | None = None) -> bytes:
    """Return a table: one row per query, one column per key, below `# name: JSON` lines; with `unfiltered`, one has the role.

    Read it with `pandas.read_csv(file, comment="#", index_col=0)`. Every label is `[place] text`, quoted: a word that
    stands twice stays two columns, no cell begins with a character that a spreadsheet takes for a formula, and the text
    after its place is unchanged; what the model cannot read has the mark `[UNK]` after it. For the same reason commas
    and semicolons in the lines above are JSON escapes: each line stays one cell. Lists are left out there; a row's hidden
    share is what it lacks to 1.
    """
    facts = source.as_dict(pattern)
    if unfiltered is not None:
        from attnviz.analysis import head_roles

        facts["role"] = head_roles.role(unfiltered, source.options.words).sentence
    del facts["reading"]
    facts |= {"unknown": source.unknown, "altered": source.altered}
    facts |= {f"version of {package}": version for package, version in facts.pop("versions").items()}
    out = io.StringIO()
    for name, value in facts.items():
        if not isinstance(value, list):
            text = json.dumps(value).replace(",", "\\u002c").replace(";", "\\u003b")
            out.write(f"# {name}: {text}\n")
    table = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    table.writerow(["query", *placed(pattern.keys, pattern.key_units)])
    for name, row in zip(placed(pattern.queries, pattern.query_units), _decimals(pattern.weights), strict=True):
        table.writerow([name, *row])
    return out.getvalue().encode("utf-8", "backslashreplace")


def as_npz(pattern: Pattern, source: Provenance) -> bytes:
    """Return an archive for `numpy.load`: `weights`, `hidden` (float32), `queries`, `keys` and `provenance` (JSON).

    `unknown` and `unknown_keys` are true for each query and key that the model cannot read, or not completely.
    """
    arrays = {
        "weights": pattern.weights,
        "hidden": pattern.hidden,
        "queries": np.array(pattern.queries, np.str_),
        "keys": np.array(pattern.keys, np.str_),
        "unknown": np.array(unknown(pattern.queries, pattern.query_units), bool),
        "unknown_keys": np.array(unknown(pattern.keys, pattern.key_units), bool),
        "provenance": np.array(json.dumps(source.as_dict(pattern))),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), entry.getvalue())
    return out.getvalue()


@dataclass(frozen=True, eq=False)
class ExportItem:
    """One head as it is shown, with all that its files need.

    `selected_rows` are the rows of the selected words. `unfiltered` is the head without filters; None computes it.
    """

    trace: Trace
    pattern: Pattern
    source: Provenance
    selected_rows: tuple[int, ...] = ()
    unfiltered: Pattern | None = None

    @property
    def all_weights(self) -> Pattern:
        """The head without filters: its role and profile describe all its weights."""
        if self.unfiltered is not None:
            return self.unfiltered
        from attnviz.analysis import view

        options = self.source.options
        return self.pattern if options == options.unfiltered else view.pattern(self.trace, self.source.head, options.unfiltered)


def as_html(item: ExportItem) -> bytes:
    """Return the board with every head as a page that loads nothing; numbers and provenance are below it."""
    from attnviz.board import frame, sheet
    from attnviz.board import page as board
    from attnviz.board.choice import Choice
    from attnviz.board.roles import roles
    from attnviz.export import html

    trace, source = item.trace, item.source
    data = frame(trace, source.head.block, name=source.name, roles=roles(trace, source.head.block), exact=True)
    written = board(
        data,
        Choice(source.head, source.focus, source.options),
        sheet=sheet(trace, source.head, data),
        title=html.title(source),
        meta=html.meta(item.pattern, source),
        beneath=html.beneath(item.pattern, source),
    )
    return written.encode("utf-8", "replace")


def _drawn(kind: str) -> Callable[[ExportItem], bytes]:
    """Return the function that draws a picture of this kind, 170 mm wide."""

    def made(item: ExportItem) -> bytes:
        from attnviz.figures import vector

        return getattr(vector, kind)(item.pattern, item.source, selected_rows=item.selected_rows)

    return made


FORMATS: dict[str, Callable[[ExportItem], bytes]] = {
    "json": lambda item: as_json(item.pattern, item.source, item.all_weights),
    "csv": lambda item: as_csv(item.pattern, item.source, item.all_weights),
    "npz": lambda item: as_npz(item.pattern, item.source),
    "html": as_html,
    **{kind: _drawn(kind) for kind in ("svg", "pdf", "png")},
}


def exported(name: str, item: ExportItem) -> bytes:
    """Return the file of format `name`: json, csv, npz, html, svg, pdf or png. Raises BadInputError for any other."""
    if name not in FORMATS:
        raise BadInputError(f"A format is one of {', '.join(FORMATS)}; got {name!r}.")
    return FORMATS[name](item)


def _tokens(
    labels: Sequence[str], units: Sequence[Unit], read: Sequence[Token], pair: bool, *, known: bool
) -> list[dict[str, Any]]:
    """Return the label of each row or column and its place in the text; for a pair, also which text."""
    if len(units) != len(labels):
        return [{"text": text, "start": None, "end": None, "word": None} for text in labels]
    found = []
    for unit in units:
        word = None if unit.special else read[unit.tokens[0]].word
        one = {"text": unit.text, "start": unit.start, "end": unit.end, "word": word}
        one |= {"unknown": unit.unknown} if known else {}
        one |= {"partly_unknown": True} if unit.partly else {}
        found.append(one | {"segment": unit.segment} if pair else one)
    return found


def _units(labels: Sequence[str], units: Sequence[Unit]) -> Sequence[Unit | None]:
    """Return the unit of each label; None if a pattern has none."""
    return units if len(units) == len(labels) else [None] * len(labels)


def unknown(labels: Sequence[str], units: Sequence[Unit]) -> list[bool]:
    """Return for each label whether the model cannot read it, or not completely; False where a pattern has no units."""
    return [unit is not None and unit.unknown for unit in _units(labels, units)]


def placed(labels: Sequence[str], units: Sequence[Unit]) -> list[str]:
    """Return each label after its place, `[8] it`, and `[9] 😀 [UNK]` where the model cannot read it."""
    named = (encoding.marked(text, unit) if unit else text for text, unit in zip(labels, _units(labels, units), strict=True))
    return [f"[{place}] {text}" for place, text in enumerate(named)]


def _line(value: Any) -> str:
    """Return legible JSON on one line."""
    return json.dumps(value, ensure_ascii=False)
