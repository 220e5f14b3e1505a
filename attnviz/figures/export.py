"""One head as it is shown in, the bytes of a file out: numbers (JSON, CSV, NPZ), pictures (SVG, PDF, PNG) or the board (HTML).

Every file says where its numbers come from; no file carries a date, so that equal input gives equal bytes.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from attnviz.analysis import legible
from attnviz.errors import BadInputError
from attnviz.figures import encoding
from attnviz.legibility import Legibility
from attnviz.types import Focus, HeadRef, ModelCard, Pattern, Token, Unit, ViewOptions

if TYPE_CHECKING:
    from attnviz.engine.trace import Trace

PACKAGES = ("attnviz", "torch", "transformers")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can name


@dataclass(frozen=True)
class Provenance:
    """Where a pattern's numbers come from: model, weights, versions, text, head, options.

    `digest` is of the weights that answered, `quantised` says how they differ from the published ones ("" where they do
    not); `queries` and `keys` are the tokens as the model read them; `focus` is what the reader held. `written` is the
    target that the model wrote where none was given, `layers` says which of its layers attend where not all do, `batched`
    that other texts were read in the same pass: then numbers are within 1e-5 of those of the text alone. `reading` says
    how much of the text the model reads as typed, `chat` that the text is a message inside the model's chat template.
    """

    model: str
    name: str
    digest: str
    quantised: str
    versions: tuple[tuple[str, str], ...]
    text: str
    text_b: str | None
    head: HeadRef
    options: ViewOptions
    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    focus: Focus | None = None
    written: str | None = None
    layers: str = ""
    batched: bool = False
    reading: Legibility | None = None
    chat: bool = False

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens of the rows and columns, those of one text once."""
        return self.queries if self.queries == self.keys else self.keys + self.queries

    @property
    def unknown_tokens(self) -> int:
        """How many tokens the model reads only as its unknown token."""
        return sum(token.unknown for token in self.tokens)

    @property
    def unknown(self) -> str:
        """What the model cannot read, as a line: `1 of 3 words, 1 of 6 characters: 😀`."""
        names = ": " + ", ".join(legible.unknown_words(self.tokens)) if self.unknown_tokens else ""
        if self.reading is None:
            return f"{self.unknown_tokens} tokens{names}"
        words, characters = f"{self.reading.unknown_words} of {self.reading.words} words", self.reading.characters
        return f"{words}, {self.reading.unknown_characters} of {characters} characters{names}"

    @property
    def altered(self) -> str:
        """What the model does not read as typed, as a line: `CAFÉ as cafe; A as a`."""
        found = self.reading.altered if self.reading else ()
        return "; ".join(f"{one.typed} as {one.read}" if one.read else f"{one.typed} not at all" for one in found)

    def as_dict(self, pattern: Pattern) -> dict[str, Any]:
        """Everything as JSON has it, with what the pattern says was hidden, merged or rescaled."""
        return {
            "model": self.model,
            "name": self.name,
            "weights_sha256": self.digest,
            "quantised": self.quantised,
            "versions": dict(self.versions),
            "text": self.text,
            "text_b": self.text_b,
            "written": self.written,
            "layers": self.layers,
            "batched": self.batched,
            **({"chat": True} if self.chat else {}),
            "block": self.head.block,
            "head": str(self.head),
            "words": self.options.words,
            "special": self.options.special,
            "keep": None if self.options.keep is None else str(self.options.keep),
            "between": self.options.between,
            "focus": None if self.focus is None else str(self.focus),
            "note": pattern.note,
            "hidden": _decimals(pattern.hidden),
            "unknown_tokens": self.unknown_tokens,
            "reading": None if self.reading is None else self.reading.as_dict(),
            "query_pieces": [token.piece for token in self.queries],
            "key_pieces": [token.piece for token in self.keys],
        }


def provenance(card: ModelCard, trace: Trace, head: HeadRef, options: ViewOptions, focus: Focus | None = None) -> Provenance:
    """Where the numbers of one head come from. Raises UnknownHeadError for a block that is not there."""
    block, request = trace.block(head.block), trace.request
    return Provenance(
        model=card.id,
        name=card.name,
        digest=trace.digest,
        quantised=card.quantised,
        versions=tuple((package, _version(package)) for package in PACKAGES),
        text=request.text,
        text_b=request.text_b,
        head=head,
        options=options,
        queries=block.queries,
        keys=block.keys,
        focus=focus,
        written=trace.written,
        layers=block.note,
        batched=trace.batched,
        reading=trace.reading,
        chat=request.chat,
    )


def as_json(pattern: Pattern, source: Provenance, whole: Pattern | None = None) -> bytes:
    """One object: `model block layer head tokens weights provenance`, and `keys` where these are not the queries.

    Of `whole`, the head without filters, it has the `role` and the `profile` as well.

    Weights are the shortest decimals that read back as the same float32. Text stays legible; half a surrogate pair,
    which UTF-8 cannot hold, is escaped. Each token says whether it is `unknown` to the model, if that is known.
    """
    head, pair = source.head, source.text_b is not None or source.written is not None
    parts: dict[str, Any] = {"model": source.model, "block": head.block, "layer": head.layer, "head": head.head}
    known = source.reading is not None or source.unknown_tokens > 0
    parts["tokens"] = _tokens(pattern.queries, pattern.query_units, source.queries, pair, known=known)
    if head.block == "cross" or pattern.keys != pattern.queries:
        parts["keys"] = _tokens(pattern.keys, pattern.key_units, source.keys, pair, known=known)
    if whole is not None:
        from attnviz.analysis import patterns
        from attnviz.analysis.ground import Ground

        ground = Ground.of(whole, source.options.words)
        parts["role"] = patterns.role(whole, source.options.words, ground).as_dict()
        parts["profile"] = patterns.facts(whole, source.options.words, ground).as_dict()
    lines = [f"{json.dumps(name)}: {_line(value)}" for name, value in parts.items()]
    rows = ",\n  ".join(_line(row) for row in _decimals(pattern.weights))
    lines += [f'"weights": [\n  {rows}\n ]', f'"provenance": {_line(source.as_dict(pattern))}']
    return ("{\n " + ",\n ".join(lines) + "\n}\n").encode("utf-8", "backslashreplace")


def as_csv(pattern: Pattern, source: Provenance, whole: Pattern | None = None) -> bytes:
    """A table with a row a query and a column a key, below `# name: JSON` lines; with `whole`, one says the head's role.

    Read it with `pandas.read_csv(file, comment="#", index_col=0)`. Every label is `[place] text`, quoted: a word that
    stands twice stays two columns, no cell begins with a character that a spreadsheet takes for a formula, and the text
    behind its place is unchanged; what the model cannot read has the mark `[UNK]` behind it. For the same reason commas
    and semicolons in the lines above are JSON escapes: each line stays one cell. Lists are left out there; a row's hidden
    share is what it lacks to 1.
    """
    facts = source.as_dict(pattern)
    if whole is not None:
        from attnviz.analysis import patterns

        facts["role"] = patterns.role(whole, source.options.words).sentence
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
    """An archive for `numpy.load`: `weights`, `hidden` (float32), `queries`, `keys` and `provenance` (JSON), all as arrays.

    `unknown` and `unknown_keys` say of each query and each key whether the model cannot read it, or not all of it.
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
class Exhibit:
    """One head as it is shown, with all that its files need; `held` are the rows of the words that the reader holds."""

    trace: Trace
    pattern: Pattern
    source: Provenance
    held: tuple[int, ...] = ()

    @property
    def whole(self) -> Pattern:
        """The head without filters: what is said of it is said of all its weights."""
        from attnviz.analysis import view

        options = self.source.options
        return self.pattern if options == options.unfiltered else view.pattern(self.trace, self.source.head, options.unfiltered)


def as_html(exhibit: Exhibit) -> bytes:
    """The board as a page of its own, with every head; it fetches nothing. Numbers and provenance stand below it."""
    from attnviz.figures import page
    from attnviz.figures.board import frame, sheet
    from attnviz.figures.board import page as board
    from attnviz.figures.board.choice import Choice
    from attnviz.figures.board.roles import roles

    trace, source = exhibit.trace, exhibit.source
    data = frame(trace, source.head.block, name=source.name, roles=roles(trace, source.head.block), exact=True)
    written = board(
        data,
        Choice(source.head, source.focus, source.options),
        sheet=sheet(trace, source.head, data),
        title=page.title(source),
        meta=page.meta(exhibit.pattern, source),
        beneath=page.beneath(exhibit.pattern, source),
    )
    return written.encode("utf-8", "replace")


def _drawn(kind: str) -> Callable[[Exhibit], bytes]:
    """A picture as wide as a page of a journal."""

    def made(exhibit: Exhibit) -> bytes:
        from attnviz.figures import vector

        return getattr(vector, kind)(exhibit.pattern, exhibit.source, held=exhibit.held)

    return made


FORMATS: dict[str, Callable[[Exhibit], bytes]] = {
    "json": lambda exhibit: as_json(exhibit.pattern, exhibit.source, exhibit.whole),
    "csv": lambda exhibit: as_csv(exhibit.pattern, exhibit.source, exhibit.whole),
    "npz": lambda exhibit: as_npz(exhibit.pattern, exhibit.source),
    "html": as_html,
    **{kind: _drawn(kind) for kind in ("svg", "pdf", "png")},
}


def exported(name: str, exhibit: Exhibit) -> bytes:
    """The file called `name`: json, csv, npz, html, svg, pdf or png. Raises BadInputError for any other."""
    if name not in FORMATS:
        raise BadInputError(f"A format is one of {', '.join(FORMATS)}; got {name!r}.")
    return FORMATS[name](exhibit)


def _tokens(
    labels: Sequence[str], units: Sequence[Unit], read: Sequence[Token], pair: bool, *, known: bool
) -> list[dict[str, Any]]:
    """What stands at each row or column, and where in the text; of a pair, also in which text."""
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
    """The unit of each label; None where a pattern has none."""
    return units if len(units) == len(labels) else [None] * len(labels)


def unknown(labels: Sequence[str], units: Sequence[Unit]) -> list[bool]:
    """Of each label whether the model cannot read it, or not all of it; False where a pattern has no units."""
    return [unit is not None and unit.unknown for unit in _units(labels, units)]


def placed(labels: Sequence[str], units: Sequence[Unit]) -> list[str]:
    """`[8] it`: each label behind its place, and `[9] 😀 [UNK]` where the model cannot read it."""
    named = (encoding.marked(text, unit) if unit else text for text, unit in zip(labels, _units(labels, units), strict=True))
    return [f"[{place}] {text}" for place, text in enumerate(named)]


def _decimals(array: Float[np.ndarray, "*shape"]) -> list:
    """Nested lists of the shortest decimals that read back as the same float32."""
    return array.astype(np.str_).astype(np.float64).tolist()


def _line(value: Any) -> str:
    """JSON on one line, legible."""
    return json.dumps(value, ensure_ascii=False)


@cache
def _version(package: str) -> str:
    """The installed version of a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
