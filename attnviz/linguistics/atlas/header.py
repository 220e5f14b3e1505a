"""Read and check the header of an atlas file: its model, corpora and rule."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypeVar

from attnviz.linguistics.probes.habits import RENAMED

FORMAT = 3  # 1 had no halves of `meaning`; 2 no subtypes, contexts and control
MAX_COUNT = 4096  # layers or heads; the largest models have a few hundred
MAX_HEADER = 4 * 2**20  # bytes
NAMES = 255  # relations and corpora are counted in one byte
T = TypeVar("T")


@dataclass(frozen=True)
class Corpus:
    """Texts of one kind that heads were measured on, and what was left out, by reason."""

    kind: str
    name: str
    source: str
    licence: str
    texts: int
    used: int
    left_out: tuple[tuple[str, int], ...]
    files: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Header:
    """The facts of an atlas.

    `digest` is of the weights that were measured; `relations` are labels with their subtypes; `likened` has how many texts,
    and how many words, the similarity of meaning was averaged over on the even and on the odd half; `files` of a corpus are
    (name, sha256); `control` is the seed of the untrained twin, None without one; `probes` is
    None in an atlas that was built without them.
    """

    model: str
    digest: str
    layers: int
    heads: int
    causal: bool
    rule: str
    corpora: tuple[Corpus, ...]
    relations: tuple[str, ...]
    habits: tuple[str, ...]
    likened: tuple[tuple[int, int], tuple[int, int]]
    control: int | None = None
    probes: Probes | None = None


@dataclass(frozen=True)
class Probes:
    """The facts of an atlas on its probes with random tokens.

    `names` are the probes, `uniform` what uniform attention over all visible tokens would score in each; `sequences` are the
    even and the odd ones, of twice `length` random tokens out of `drawn_from` ids, between the special tokens `start` and
    `end`. Where `missing` gives a reason, nothing was measured and all else is empty.
    """

    version: int
    names: tuple[str, ...] = ()
    uniform: tuple[float, ...] = ()
    rule: str = ""
    seed: int = 0
    length: int = 0
    sequences: tuple[int, int] = (0, 0)
    drawn_from: int = 0
    start: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    missing: str = ""


class FormatError(ValueError):
    """An atlas with an unsupported version: a valid header of a format that is not read here."""


def header(written: bytes) -> Header:
    """Return the header from its JSON; raises FormatError for an unsupported version, ValueError for damage."""
    try:
        raw = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its header is no JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ValueError(f"its header should be a table and is {type(raw).__name__}")
    if (written_as := _between(raw, "format", 1, 999)) != FORMAT:
        raise FormatError(f"format {written_as}, where format {FORMAT} is read")
    control = raw.get("control")
    likened = _of(raw, "meaning", dict)
    return Header(
        _of(raw, "model", str),
        _of(raw, "digest", str),
        _between(raw, "layers", 1, MAX_COUNT),
        _between(raw, "heads", 1, MAX_COUNT),
        _of(raw, "causal", bool),
        _of(raw, "rule", str),
        tuple(_corpus(one) for one in _several(raw, "corpora", dict)),
        tuple(_several(raw, "relations", str)),
        tuple(RENAMED.get(name, name) for name in _several(raw, "habits", str)),
        (_halves(likened, "texts"), _halves(likened, "words")),
        None if control is None else _between(_of(raw, "control", dict), "seed", 0, 2**63),
        _probes(_of(raw, "probes", dict)) if "probes" in raw else None,
    )


def _probes(raw: dict[str, Any]) -> Probes:
    """Return the facts on the probes."""
    version = _between(raw, "version", 1, 999)
    if "missing" in raw:
        return Probes(version, missing=_of(raw, "missing", str))
    names, even = _several(raw, "names", str), _several(raw, "even_look", float)
    if len(even) != len(names) or not all(0.0 <= one <= 1.0 for one in even):  # also for NaN
        raise ValueError(f"even_look should be {len(names)} shares from 0 to 1 and is {even}")
    sequences = _halves(raw, "sequences")
    if min(sequences) < 2 or not names or len(set(names)) < len(names):
        raise ValueError(f"probes should have names, each once, and 2 sequences a half or more, not {names} and {sequences}")
    return Probes(
        version,
        tuple(names),
        tuple(even),
        _of(raw, "rule", str),
        _between(raw, "seed", 0, 2**63),
        _between(raw, "length", 1, 2**20),
        sequences,
        _between(raw, "drawn_from", 1, 2**31),
        tuple(_several(raw, "start", str)),
        tuple(_several(raw, "end", str)),
    )


def _corpus(raw: dict[str, Any]) -> Corpus:
    """Return one corpus of a header."""
    left_out = _of(raw, "left_out", dict)
    return Corpus(
        _of(raw, "kind", str),
        _of(raw, "name", str),
        _of(raw, "source", str),
        _of(raw, "licence", str),
        _between(raw, "texts", 0, 2**40),
        _between(raw, "used", 0, 2**40),
        tuple((reason, _between(left_out, reason, 0, 2**40)) for reason in left_out),
        tuple((_of(file, "name", str), _of(file, "sha256", str)) for file in _several(raw, "files", dict)),
    )


def _of(raw: dict[str, Any], name: str, kind: type[T]) -> T:
    """Return one field; raises ValueError if its type is wrong."""
    value = raw.get(name)
    if not isinstance(value, kind):
        raise ValueError(f"{name} should be {kind.__name__} and is {type(value).__name__}")
    return value


def _between(raw: dict[str, Any], name: str, low: int, high: int) -> int:
    """Return one whole number; raises ValueError if it is out of bounds."""
    value = _of(raw, name, int)
    if isinstance(value, bool) or not low <= value <= high:
        raise ValueError(f"{name} should lie between {low} and {high} and is {value}")
    return value


def _halves(raw: dict[str, Any], name: str) -> tuple[int, int]:
    """Return a number for the even and one for the odd half."""
    values = _several(raw, name, int)
    if len(values) != 2 or not all(0 <= value <= 2**40 for value in values):
        raise ValueError(f"{name} should be two numbers from 0 and is {values}")
    return values[0], values[1]


def _several(raw: dict[str, Any], name: str, kind: type[T]) -> list[T]:
    """Return a list of at most NAMES values of a type."""
    values = _of(raw, name, list)
    if len(values) > NAMES or not all(isinstance(value, kind) for value in values):
        raise ValueError(f"{name} should be a list of at most {NAMES}, each {kind.__name__}")
    return values
