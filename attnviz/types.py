"""Values shared by all rooms: frozen, checked when made, safe to share between threads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from jaxtyping import Float

from attnviz.errors import BadInputError, ShapeError

BLOCKS = ("self", "encoder", "decoder", "cross")
_HEAD = re.compile(r"L(\d+)[·.]?H(\d+)", re.IGNORECASE)


def frozen_copy(array: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """Return a contiguous copy of `array` that is read-only."""
    copy = np.array(array, dtype=dtype, order="C", copy=True)
    copy.flags.writeable = False
    return copy


@dataclass(frozen=True)
class Token:
    """One piece of the text as the model reads it.

    `text` is `input[start:end]` as typed (special tokens by name, a lone byte as `<0xF0>`); `piece` is the
    tokenizer's own string. `start` and `end` are character offsets into the text of `segment` (0: text, 1: text_b)
    and leave out leading blanks. `word` counts words within the segment and is None for special tokens. `unknown` is
    True where the model reads only its unknown token here: its vocabulary does not have what is typed, and any two
    unknown texts are the same to it. Without a tokenizer nothing is known to be unknown.
    """

    text: str
    piece: str
    start: int
    end: int
    word: int | None
    segment: int = 0
    unknown: bool = False

    @property
    def special(self) -> bool:
        """Whether the model added this token itself, or it stands for a mask: it belongs to no word."""
        return self.word is None


@dataclass(frozen=True)
class AttentionRequest:
    """A request to a backend. Hashable: it is the cache key. An empty second text is none.

    With `chat` the text is a user's message inside the chat template of the model's tokenizer.
    """

    model: str
    text: str
    text_b: str | None = None
    chat: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text_b", None if self.text_b == "" else self.text_b)
        wanted = (
            ("model", self.model, "the name of a model"),
            ("text", self.text, "a text"),
            ("text_b", self.text_b, "a text"),
        )
        for name, value, meaning in wanted:
            if not isinstance(value, str) and (value, name) != (None, "text_b"):
                raise BadInputError(f"{name} must be {meaning}, a string; got {type(value).__name__}. Put it in quotes.")


@dataclass(frozen=True, order=True)
class HeadRef:
    """Which head, 0-based: the only place that decides the base. Prints as `L3·H1`."""

    layer: int
    head: int
    block: str = "self"

    def __post_init__(self) -> None:
        if self.layer < 0 or self.head < 0:
            raise BadInputError(f"Layers and heads count from 0; got layer {self.layer}, head {self.head}.")
        if self.block not in BLOCKS:
            raise BadInputError(f"A block is one of {', '.join(BLOCKS)}; got {self.block!r}.")

    def __str__(self) -> str:
        return f"L{self.layer}·H{self.head}"

    @classmethod
    def parse(cls, name: str, block: str = "self") -> HeadRef:
        """`L3·H1`, `L3H1` or `3.1` to a HeadRef; raises BadInputError with the form wanted."""
        match = _HEAD.fullmatch(name.strip()) or re.fullmatch(r"(\d+)\.(\d+)", name.strip())
        if not match:
            raise BadInputError(f"A head is written L3·H1 or 3.1 (layer, head, counted from 0); got {name!r}.")
        return cls(int(match[1]), int(match[2]), block)


@dataclass(frozen=True)
class Unit:
    """What the reader sees as one thing: a word, or a token. `tokens` are indices into the block's queries or keys.

    `unknown` is True where at least one of its tokens is the unknown token, `partly` where the model reads its other
    tokens as typed.
    """

    text: str
    start: int
    end: int
    tokens: tuple[int, ...]
    special: bool = False
    segment: int = 0
    unknown: bool = False
    partly: bool = False


UNKNOWN, PARTLY_UNKNOWN = "[UNK]", "[partly UNK]"  # beside what the model cannot read, whatever its own token is called


def unknown_mark(what: Unit | Token) -> str:
    """Return the mark of a word or token that the model cannot read, or not all of it; "" of any other.

    Text, so that it needs no colour and screen readers say it. A special token that is unknown says so by its name.
    """
    if not what.unknown or what.special:
        return ""
    return PARTLY_UNKNOWN if isinstance(what, Unit) and what.partly else UNKNOWN


RULES = ("least", "top", "mass")


@dataclass(frozen=True)
class Keep:
    """Which weights of a row are shown: those of at least `value`, the `value` largest, or the largest that reach it together.

    `rule` is `least` (0 < value <= 1), `top` (a whole number from 1) or `mass` (0 < value <= 1, a share of the row).
    """

    rule: str
    value: float

    def __post_init__(self) -> None:
        right = 1 <= self.value <= 9999 and self.value == int(self.value) if self.rule == "top" else 0 < self.value <= 1
        if self.rule not in RULES or not right:
            raise BadInputError(f"Weights are kept by least:0.1, top:3 or mass:0.9; got {quoted(f'{self.rule}:{self.value}')}.")

    def __str__(self) -> str:
        return f"{self.rule}:{self.value:g}"

    @classmethod
    def parse(cls, text: str) -> Keep:
        """Return the inverse of str(), to four digits; raises BadInputError with the forms wanted."""
        match = re.fullmatch(r"(least|top|mass):(\d{1,4}|0?\.\d{1,4})", text, re.ASCII)
        if not match:
            raise BadInputError(f"Weights are kept by least:0.1, top:3 or mass:0.9; got {quoted(text)}.")
        return cls(match[1], float(match[2]))


class HiddenPart(Enum):
    """A place that takes attention and has no column in a pattern."""

    SPECIAL_TOKENS = "hidden tokens"
    LEARNED_SINK = "a learned sink"
    OTHER_TEXT = "the text that is not shown"


@dataclass(frozen=True, eq=False)
class Pattern:
    """Attention as labelled rows, `[query, key]`: of one head on one text, or any other rows. Row i sums to `1 - hidden[i]`.

    `queries` and `keys` are labels; `hidden` is the share of each row that is not shown (special tokens left out, or a
    learned sink); `note` says in words what was hidden, merged or rescaled. `query_units` and `key_units`, when given,
    say where in the text each label stands. `causal` is True if rows and keys are the
    same units and the upper triangle cannot be seen. `keep`, when
    given, has left weak weights out: a weight of 0 is then none at all, and pictures leave its cell blank. `hidden_parts`
    names what else takes the hidden shares.
    """

    queries: tuple[str, ...]
    keys: tuple[str, ...]
    weights: Float[np.ndarray, "query key"]
    hidden: Float[np.ndarray, "query"]
    note: str = ""
    query_units: tuple[Unit, ...] = ()
    key_units: tuple[Unit, ...] = ()
    causal: bool = False
    keep: Keep | None = None
    hidden_parts: frozenset[HiddenPart] = frozenset()

    def __post_init__(self) -> None:
        want = (len(self.queries), len(self.keys))
        if self.weights.shape != want:
            raise ShapeError(f"{want[0]} queries and {want[1]} keys need weights {want}, got {self.weights.shape}.")
        if self.hidden.shape != want[:1]:
            raise ShapeError(f"{want[0]} queries need {want[0]} hidden shares, got {self.hidden.shape}.")
        object.__setattr__(self, "weights", frozen_copy(self.weights))
        object.__setattr__(self, "hidden", frozen_copy(self.hidden))


@dataclass(frozen=True, eq=False)
class HeadScores:
    """One number for every head: `values` is [layer, head]; `unit` and `low`..`high` say what the numbers mean."""

    name: str
    values: Float[np.ndarray, "layer head"]
    unit: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise ShapeError(f"Head scores are [layer, head]; got {self.values.ndim} axes.")
        object.__setattr__(self, "values", frozen_copy(self.values))


@dataclass(frozen=True)
class Link:
    """A directed link between two character spans of the text, e.g. pronoun to antecedent. `kind` names it."""

    source: tuple[int, int]
    target: tuple[int, int]
    kind: str = "link"


@dataclass(frozen=True)
class Evidence:
    """How often a claim about a head holds: `hits` of `n`, beside named baselines and a 95 % interval.

    `chosen` says how the head was picked, `scheme` by which rule and labels it was scored, `source` on which text. `groups`
    is how many sentences the n instances are wordings of, by which the interval then goes; None if each is its own.
    `ceiling` is the highest rate that any head could have, below 1 where instances look the same and differ in the answer.
    """

    hits: int
    n: int
    baselines: tuple[tuple[str, float], ...]
    interval: tuple[float, float]
    chosen: str
    scheme: str
    source: str
    groups: int | None = None
    ceiling: float = 1.0

    @property
    def independent(self) -> int:
        """Number of independent instances, on which every claim must rest."""
        return self.n if self.groups is None else self.groups

    @property
    def rate(self) -> float:
        """Hits of all, 0 to 1; NaN if there is nothing to count."""
        return self.hits / self.n if self.n else float("nan")

    @property
    def baseline(self) -> tuple[str, float]:
        """The strongest baseline, of equals chance: its name and its rate. Of none, a nameless rate of 0."""
        return max(self.baselines, key=lambda one: (one[1], one[0] == "chance"), default=("", 0.0))

    @property
    def beats(self) -> bool:
        """Whether the whole interval lies above the strongest baseline."""
        return self.n > 0 and self.interval[0] > self.baseline[1]


@dataclass(frozen=True)
class ModelCard:
    """What the catalogue says of one model; nothing here needs its weights.

    `kind` is encoder, decoder or encoder-decoder. `package` is an installed package that carries the weights (pip calls
    it `requirement`), in its `folder` or in the file `gguf`; without a package, `folder` is a folder of the reader's
    own. `sha256` pins the hash of each (file, hash); `hub` is the repository that a network would fetch.
    `quantised` says in words how the weights differ from the published ones ("" if they do not).
    """

    id: str
    name: str
    kind: str
    layers: int
    heads: int
    max_tokens: int
    licence: str
    source: str
    summary: str = ""
    package: str = ""
    requirement: str = ""
    folder: str = ""
    gguf: str = ""
    sha256: tuple[tuple[str, str], ...] = ()
    hub: str = ""
    quantised: str = ""
    head: tuple[int, int] = (0, 0)
    extra: tuple[tuple[str, str], ...] = field(default=())

    @property
    def causal(self) -> bool:
        """Whether its only attention is masked so that no token sees a later one."""
        return self.kind == "decoder"

    @property
    def pairs(self) -> bool:
        """Whether a second text may be given: a sentence pair, or the target of an encoder-decoder."""
        return self.kind != "decoder"

    @property
    def blocks(self) -> tuple[str, ...]:
        """The attention blocks a trace of this model has."""
        return ("encoder", "decoder", "cross") if self.kind == "encoder-decoder" else ("self",)


def joined(parts: Sequence[str], last: str = "and") -> str:
    """Return a list as in a sentence: `a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}" if parts else ""


def quoted(value: str, limit: int = 40) -> str:
    """Return a value from outside as a message quotes it: one line, at most `limit` characters."""
    line = " ".join(value.split())
    return f"“{line[:limit]}…”" if len(line) > limit else f"“{line}”"
