"""A Pattern (or a Trace) in; what a head does on this text out: facts, role, sink and sentences, each with its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from attnviz.analysis.filters import ELSEWHERE
from attnviz.analysis.ground import Ground
from attnviz.analysis.legible import unread_units
from attnviz.analysis.shares import (
    after,
    among,
    before,
    choosing,
    entropy,
    first_choices,
    quoted,
    share,
    spelled,
    units_of,
    words_among,
)
from attnviz.analysis.view import HIDDEN, LEARNED_SINK, patterns_of_layer, percent, shown, sides
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.types import HeadScores, Pattern, ViewOptions, joined

MOST = 0.5  # a head is called after a place only where that place gets more than all others together
POSITIONAL = 0.9  # Voita et al. 2019, section 5.1: the argmax stands at the same offset at least 90 % of the time
FEW = 5  # on fewer words nothing is called positional: nine tenths of two words is no habit
RESTING = 0.3  # Gu et al. 2025 (arXiv:2410.10781): a first token is a sink where its mean attention is above 0.3
TWICE = 2.0  # and, in a short text, where an even look would give it nearly as much, at least twice that
BROAD = 0.85  # of the most entropy: as spread as an even look at n^0.85 places, 9 of 13 or 50 of 100
SINK_CHOICE, SINK_SHARE = 0.5, 0.4  # a note is worth its place where most words choose the key and it takes this much
MENTION = 0.005  # what would be written "0 %" is not mentioned

SCORES = ("entropy", "previous", "next", "first", "special")


@dataclass(frozen=True)
class Facts:
    """Where a head looks on average: (label, share) in reading order, which add up to 1; entropy in bits of at most `most`."""

    shares: tuple[tuple[str, float], ...]
    entropy: float
    most: float
    rows: int


@dataclass(frozen=True)
class Role:
    """What a head does on this text: a kind, the share of attention behind it, and a sentence that says both.

    `kind` is previous, next, itself, first, separator, same, hidden, broad or mixed; for broad, `share` is the entropy
    as a part of the most it could be.
    """

    kind: str
    share: float
    sentence: str


@dataclass(frozen=True)
class Sink:
    """A key that most words choose first and that takes much of the head: its index, mean share, and how often it is first."""

    key: int
    label: str
    share: float
    chosen: float
    sentence: str


def facts(pattern: Pattern, words: bool = True, ground: Ground | None = None) -> Facts:
    """The rows of "On average, this head looks at", averaged over the words (special queries left out).

    Special tokens stand under their names, first ones first; a causal model has no word after; cross-attention has
    neither neighbours nor itself. Where something is hidden it is one more row, and one more place in the entropy, so
    that both speak of whole rows. `most` is the mean over the words of log2 of the places each can see: log2 n, and
    less in a causal model.
    """
    ground = ground or Ground.of(pattern, words)
    rows = ground.rows
    shares = [(label, float(share(pattern.weights, marked, rows))) for label, marked in ground.columns]
    if pattern.hidden.any():
        shares.append((_hidden_label(pattern), _mean(pattern.hidden, rows)))
    bits, most = _bits(pattern, ground.seen)
    return Facts(tuple(shares), _mean(bits, rows), _mean(most, rows), int(rows.sum()))


def role(pattern: Pattern, words: bool = True, ground: Ground | None = None) -> Role:
    """What the head does on this text in one or two sentences, with the number behind it. A habit on one text, not a law.

    A head is called after the place that gets more than MOST of its attention, or after the neighbour that is first
    choice POSITIONAL of the time; else after a first token that gets more than RESTING; else broad, else mixed. `ground` is
    the pattern's own, where the caller has it.
    """
    ground = ground or Ground.of(pattern, words)
    word, places = ground.word, _places(pattern, ground)
    if not places:
        return Role("mixed", 0.0, f"This text is too short to show a habit: no {word} sees more than one place.")
    positional = [p for p in places if p.kind in ("previous", "next") and p.rows >= FEW and p.chosen >= POSITIONAL * p.rows]
    named = [p for p in places if p.share > MOST] or positional
    if named:
        best = max(named, key=lambda place: place.share)
        more = " This is a positional head in the sense of Voita et al. 2019." if best in positional else ""
        return Role(best.kind, best.share, best.sentence(word) + more)
    resting = [p for p in places if p.kind == "first" and p.share > max(RESTING, TWICE * p.even)]
    if resting:
        taken, where = resting[0].share, resting[0].label
        return Role("first", taken, f"On this text {percent(taken)} of its attention rests on {where}.")
    found = facts(pattern, words, ground)
    spread = f"entropy {found.entropy:.1f} of at most {found.most:.1f} bits"
    if found.most > 0.0 and found.entropy >= BROAD * found.most:
        return Role("broad", found.entropy / found.most, f"On this text it looks broadly, at many {word}s at once: {spread}.")
    label, most = max(found.shares, key=lambda item: item[1])
    return Role("mixed", most, f"On this text it has no single habit: {percent(most)} goes to {label}, {spread}.")


def roles(patterns: Iterable[Pattern], words: bool = True) -> Iterator[Role]:
    """What each of many heads does; those that read the same text share what is known of its places."""
    ground: Ground | None = None
    for pattern in patterns:
        if ground is None or not ground.holds(pattern):
            ground = Ground.of(pattern, words)
        yield role(pattern, words, ground)


def sink(pattern: Pattern) -> Sink | None:
    """The key that is first choice of over SINK_CHOICE of the words and takes over SINK_SHARE of the head, if there is one.

    Words that can see only one key have no choice and are left out.
    """
    _, keys = units_of(pattern)
    rows = choosing(pattern)
    if not rows.any():
        return None
    chosen = first_choices(pattern)[rows].mean(0)
    key = int(chosen.argmax())
    taken, often = float(pattern.weights[rows, key].mean()), float(chosen[key])
    if often <= SINK_CHOICE or taken <= SINK_SHARE:
        return None
    sentence = f"{quoted(keys, key)} takes {percent(taken)} of this head: a resting place, called a sink."
    return Sink(key, keys[key].text, taken, often, sentence)


def in_words(pattern: Pattern, query: int) -> str:
    """One row as a sentence: “it” gives 64 % of its attention to “animal”, then 12 % to [CLS] and 7 % to itself."""
    queries, keys = units_of(pattern)
    row, lost, who = pattern.weights[query], float(pattern.hidden[query]), quoted(queries, query)
    best = [int(key) for key in np.argsort(-row, kind="stable")[:3] if row[key] >= MENTION]
    if not best:
        return f"{who} gives {percent(lost)} of its attention to {_hidden_label(pattern)} and next to nothing to what is shown."
    own = query if queries == keys else None
    places = [f"{percent(float(row[key]))} to {'itself' if key == own else quoted(keys, key)}" for key in best]
    if lost >= MENTION:
        places.append(f"{percent(lost)} to {_hidden_label(pattern)}")
    top = places[0].replace(" to ", " of its attention to ", 1)
    said = f"{who} gives {top}{', then ' + joined(places[1:]) if len(places) > 1 else ''}."
    return f"{said}{unread_units([queries[query], *(keys[key] for key in best)])}"


def unseen(pattern: Pattern, query: int) -> str:
    """Of a causal model, which words come too late for this one, as a sentence; "" where every word is seen."""
    queries, _ = units_of(pattern)
    later = [unit for unit in queries[query + 1 :] if not unit.special]
    if not pattern.causal or not later:
        return ""
    text = spelled(later[:4]) + (" …" if len(later) > 4 else "")
    verb = "comes" if len(later) == 1 else "come"
    return f"This model reads left to right: “{text}” {verb} after {quoted(queries, query)} and cannot change this row."


def scores(trace: Trace, name: str, *, words: bool = True, block: str = "self") -> HeadScores:
    """One number for every head on this text, averaged over the words, layer by layer; NaN where a layer has fewer heads.

    `entropy` in bits; the others are shares: `previous` (Olsson et al. 2022) and `next` over the words that have such a
    neighbour, `first` the first token (Gu et al. 2025, who count its own row too), `special` all special tokens. In a
    causal model `next` is 0, and a word that sees only itself has no choice and does not count.
    """
    if name not in SCORES:
        raise BadInputError(f"A score is one of {', '.join(SCORES)}; got {name!r}.")
    part, options = trace.block(block), ViewOptions(words=words)
    queries, keys = (shown(side, options) for side in sides(part, options))
    if queries != keys and name in ("previous", "next"):
        raise BadInputError(f"Cross-attention has no {name} word: its keys are another text. Choose entropy, first or special.")
    rows = words_among(queries)
    if part.causal or (name == "first" and queries == keys):
        rows[:1] = False
    cells = np.zeros((len(queries), len(keys)), bool)
    if name in ("previous", "next"):
        cells = before(keys) if name == "previous" else after(keys)
        rows = rows & cells.any(-1)
    elif name == "first":
        cells[:, :1] = True
    elif name == "special":
        cells[:] = ~words_among(keys)
    values = np.full((part.layers, part.heads), np.nan, np.float32)
    for layer, weights in enumerate(patterns_of_layer(trace, options, block)):
        if name == "entropy":
            values[layer, : len(weights)] = entropy(weights)[:, rows].mean(-1) if rows.any() else 0.0
        else:
            values[layer, : len(weights)] = share(weights, cells, rows)
    if name == "entropy":
        return HeadScores(name, values, "bits", 0.0, float(np.log2(max(len(keys), 1))))
    return HeadScores(name, values, "share", 0.0, 1.0)


@dataclass(frozen=True)
class _Place:
    """One kind of place to look at: how much it gets, of how many of `rows` words it is the first choice.

    `even` is what it would get from a head without preferences.
    """

    kind: str
    label: str
    share: float
    chosen: int
    rows: int
    even: float = 0.0

    def sentence(self, word: str) -> str:
        """The habit of looking there, in words."""
        if self.kind == "hidden":
            return f"On this text most of its attention goes to {self.label}: {percent(self.share)} on average."
        start = "it looks mostly at" if self.share > MOST else "nearly every first choice is"
        among = f"{self.chosen} of {self.rows} {word}{'' if self.rows == 1 else 's'}"
        return f"On this text {start} {self.label}: {percent(self.share)} of its attention on average, first choice of {among}."


def _places(pattern: Pattern, ground: Ground) -> list[_Place]:
    """How much this head gives to every kind of place that its text offers, each measured over the words that have one."""
    if not ground.choosing.any():
        return []
    choice = first_choices(pattern)
    found = [
        _Place(
            kind=kind.name,
            label=kind.label,
            share=float(among(pattern.weights, kind.cells) / kind.rows),
            chosen=int((choice & kind.cells).sum()),
            rows=kind.rows,
            even=kind.even,
        )
        for kind in ground.kinds
    ]
    if pattern.hidden.any():
        rows = ground.choosing
        found.append(_Place("hidden", _hidden_label(pattern), _mean(pattern.hidden, rows), 0, int(rows.sum())))
    return found


def _bits(pattern: Pattern, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Entropy of each row and the most it could be; what is hidden counts as one more place."""
    seen = visible.sum(-1)
    if not pattern.hidden.any():
        return entropy(pattern.weights), np.log2(np.maximum(seen, 1))
    return entropy(np.concatenate([pattern.weights, pattern.hidden[:, None]], -1)), np.log2(seen + 1)


def _hidden_label(pattern: Pattern) -> str:
    """What the hidden share went to, as the pattern's note has it."""
    parts = (["hidden tokens"] if HIDDEN in pattern.note else []) + ([LEARNED_SINK] if LEARNED_SINK in pattern.note else [])
    parts += ([ELSEWHERE] if ELSEWHERE in pattern.note else []) + (["what is left out"] if pattern.keep else [])
    return joined(parts) or "hidden tokens"


def _mean(values: np.ndarray, rows: np.ndarray) -> float:
    """The mean over the rows that count; 0 where there are none."""
    return float(values[rows].mean()) if rows.any() else 0.0
