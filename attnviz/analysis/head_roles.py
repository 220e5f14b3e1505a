"""What a head does on one text: its profile, role, sink and sentences, each with its numbers.

What a head does on thousands of sentences, its habits, is in an atlas: `linguistics.habit_report`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from attnviz.analysis.head_profile import (
    MENTION,
    Counts,
    HeadProfile,
    ProfileLine,
    counts,
    hidden_label,
    profile,
    profile_lines,
)
from attnviz.analysis.legibility_text import unread_units
from attnviz.analysis.positions import REST, PositionClasses, resting
from attnviz.analysis.row_stats import choosing, entropy, first_choices, percent, quoted, spelled, units_of
from attnviz.analysis.view import patterns_of_layer, sides
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.rounding import fixed
from attnviz.types import HeadScores, Pattern, joined
from attnviz.view_state import ViewOptions

MAJORITY = 0.5  # "mostly" is more than all other places together
FEW = 5  # with fewer words nothing is called a habit: two of two say nothing about a head
CLEAR = 0.3  # Gu et al. 2025 (arXiv:2410.10781): a first token is a sink if its mean attention is above 0.3
BEYOND = 1.5  # a habit is 1.5 times uniform attention, which is much in a short text
BROAD = 0.85  # of the most entropy: as spread as uniform attention over n^0.85 places, 9 of 13 or 50 of 100
SINK_CHOICE, SINK_SHARE = 0.5, 0.4  # a note is shown if most words choose the key and it takes this much

SCORES = ("entropy", "previous", "next", "first", "special")


@dataclass(frozen=True)
class Role:
    """What a head does on this text: a kind, its numbers, and a sentence with them.

    `kind` is previous, next, itself, first, separator, same, word (one that most look at), hidden, broad or mixed. `share`
    is what the place gets, `uniform` what uniform attention would give it (None if that is not known), `chosen` of how many of
    `rows` words it is the first choice, `share_text` the share in words. For broad, `share` is the entropy as a part of the
    most it could be; for mixed, `place` is the one that gets most.
    """

    kind: str
    share: float
    sentence: str
    place: str = ""
    uniform: float | None = None
    chosen: int = 0
    rows: int = 0
    share_text: str = ""

    @classmethod
    def of(cls, kind: str, line: ProfileLine, rows: int, sentence: str) -> Role:
        """Return a role with the numbers of one line of the profile."""
        return cls(kind, line.share, sentence, line.place, line.uniform, line.chosen, rows, line.share_text)

    def as_dict(self) -> dict[str, object]:
        """Return the role as its JSON object."""
        return {
            "kind": self.kind, "place": self.place or None, "share": self.share, "even": self.uniform, "chosen": self.chosen,
            "rows": self.rows, "sentence": self.sentence,
        }  # fmt: skip


@dataclass(frozen=True)
class Sink:
    """A key that most words choose first and that takes much of the head: its index, mean share, and how often it is first.

    Only a first or special token is called a sink (`resting`); for another word, the sentence only describes the weights.
    """

    key: int
    label: str
    share: float
    chosen: float
    resting: bool
    sentence: str


def role(pattern: Pattern, words: bool = True, classes: PositionClasses | None = None) -> Role:
    """Describe what the head does on this text in a few sentences, with its numbers: a habit on one text, not a law.

    A head is named after the one place that is the first choice of more than half of all rows that count, FEW of them at
    least, and gets more than CLEAR of the attention and BEYOND times what uniform attention would give it; hidden
    tokens, if they get MAJORITY of it. Else it is broad or mixed. Pass the `classes` of the pattern if you have them.
    """
    classes = classes or PositionClasses.of(pattern, words)
    return next(array_roles(pattern.weights[None], pattern.hidden[None], hidden_label(pattern), classes))


def _role(weights: np.ndarray, found: Counts, hidden_label: str, classes: PositionClasses) -> Role:
    """Return the role of a head with these weights and counts."""
    word, rows = classes.word, len(classes.at)
    if not rows:
        return Role("mixed", 0.0, f"This text is too short to show a habit: no {word} sees more than one place.")
    lines, same = profile_lines(found, hidden_label, classes)
    if rows < FEW:
        most = max(lines, key=lambda line: line.share)
        short = f"This text is too short to show a habit: only {_count(rows, word)} can choose where to look"
        return Role.of("mixed", most, rows, f"{short}. {most.share_text} goes to {most.place}.")
    steady = next((line for line in lines if line.kind != REST and line.chosen > rows / 2), None)
    more = "" if same is None else _repeat_sentence(same, classes)
    if steady is None and same is not None and same.chosen > rows / 2:
        steady, more = same, ""
    steady = steady or _one_word(weights, found, classes)
    if steady is not None and _named(steady):
        more = _besides(lines, steady) + more
        return Role.of(steady.kind, steady, rows, _habit(steady, rows, word) + more)
    if steady is not None:
        more = f" {_of(steady.chosen, rows, word)} look first at {steady.place}, with {steady.share_text}.{more}"
    spread = HeadProfile(lines, found.entropy, found.most, rows).spread
    if found.most > 0.0 and found.entropy >= BROAD * found.most:
        broad = f"On this text, this head looks broadly, at many {word}s at once: {spread}."
        return Role("broad", found.entropy / found.most, broad + more, rows=rows)
    most = max(lines, key=lambda line: line.share)
    first = f"first choice of {_of(most.chosen, rows, word)}"
    mixed = f"On this text, this head has no single habit: {most.share_text} goes to {most.place} ({first}), {spread}."
    return Role.of("mixed", most, rows, mixed + more)


def roles(patterns: Iterable[Pattern], words: bool = True) -> Iterator[Role]:
    """Return what each of many heads does; the position classes of neighbours that read the same text are computed once."""
    classes: PositionClasses | None = None
    for pattern in patterns:
        classes = classes if classes is not None and classes.covers(pattern) else PositionClasses.of(pattern, words)
        yield role(pattern, words, classes)


def array_roles(weights: np.ndarray, hidden: np.ndarray, hidden_label: str, classes: PositionClasses) -> Iterator[Role]:
    """Yield the roles of heads that share their position classes: all are counted at once.

    `weights` [head, query, key] and `hidden` [head, query] are those of their patterns; `hidden_label` names what is hidden.
    """
    for one, found in zip(weights, counts(weights, hidden, classes), strict=True):
        yield _role(one, found, hidden_label, classes)


def sink(pattern: Pattern, words: bool = True) -> Sink | None:
    """Return the key that is first choice of over SINK_CHOICE of the rows that count and takes over SINK_SHARE of the head.

    None if there is none, where it gets less than BEYOND times what uniform attention gives, or on fewer than FEW rows.
    """
    _, keys = units_of(pattern)
    rows = choosing(pattern)
    if rows.sum() < FEW:
        return None
    chosen = first_choices(pattern.weights)[rows].mean(0)
    key = int(chosen.argmax())
    taken, often = float(pattern.weights[rows, key].mean(dtype=np.float64)), float(chosen[key])
    classes = PositionClasses.of(pattern, words)
    uniform = float((classes.visible[:, key] / classes.visible.sum(-1)).mean())
    if often <= SINK_CHOICE or taken <= max(SINK_SHARE, BEYOND * uniform):
        return None
    share = _share_text(pattern, classes, key, taken)
    if resting(keys, key):
        sentence = f"{quoted(keys, key)} takes {share}: heads park unused attention there (a “sink”)."
    else:
        sentence = f"Most {classes.word}s look first at {quoted(keys, key)}: it takes {share} of this head."
    return Sink(key, keys[key].text, taken, often, resting(keys, key), sentence)


def as_text(pattern: Pattern, query: int) -> str:
    """Return one row as a sentence: “it” looks most at “animal” (0.640), then at [CLS] (0.124) and itself (0.068)."""
    queries, keys = units_of(pattern)
    row, lost, who = pattern.weights[query], float(pattern.hidden[query]), quoted(queries, query)
    best = [int(key) for key in np.argsort(-row, kind="stable")[:3] if row[key] >= MENTION]
    if not best:
        return f"{who} gives {percent(lost)} of its attention to {hidden_label(pattern)} and next to nothing to what is shown."
    own = query if queries == keys else None
    places = [(float(row[key]), "itself" if key == own else quoted(keys, key)) for key in best]
    if lost >= MENTION:
        places.append((lost, hidden_label(pattern)))
    first, *others = [f"{name} ({fixed(weight, 3)})" for weight, name in places]
    sentence = f"{who} looks {'most ' if others else ''}at {first}{', then at ' + joined(others) if others else ''}."
    return f"{sentence}{unread_units([queries[query], *(keys[key] for key in best)])}"


def unseen(pattern: Pattern, query: int) -> str:
    """Return the words that come too late for this one in a causal model, as a sentence; "" if every word is seen."""
    queries, _ = units_of(pattern)
    later = [unit for unit in queries[query + 1 :] if not unit.special]
    if not pattern.causal or not later:
        return ""
    text = spelled(later[:4]) + (" …" if len(later) > 4 else "")
    verb = "comes" if len(later) == 1 else "come"
    return f"This model reads left to right: “{text}” {verb} after {quoted(queries, query)} and cannot change this row."


def scores(trace: Trace, name: str, *, words: bool = True, block: str = "self") -> HeadScores:
    """Return a number for every head on this text, averaged over the rows that count; NaN if a layer has fewer heads.

    `entropy` is in bits; the others are the shares of lines of the profile: `previous`, `next`, `first` (the first token;
    Gu et al. 2025 count its own row too), `special` (all special tokens). In a causal model, `next` is 0.
    """
    if name not in SCORES:
        raise BadInputError(f"A score is one of {', '.join(SCORES)}; got {name!r}.")
    part, options = trace.block(block), ViewOptions(words=words)
    queries, keys = sides(part, options)
    if queries != keys and name in ("previous", "next"):
        raise BadInputError(f"Cross-attention has no {name} word: its keys are another text. Choose entropy, first or special.")
    classes = PositionClasses.among(queries, keys, part.causal, words)
    rows = classes.rows
    if name == "special":
        cells = np.array([key.special for key in keys], bool)
    elif name == "first":
        cells = np.arange(len(keys)) == 0
    else:
        cells = np.array([*(line.kind == name for line in classes.lines), False], bool)[classes.at]
    values = np.full((part.layers, part.heads), np.nan, np.float32)
    for layer, weights in enumerate(patterns_of_layer(trace, options, block)):
        if not rows.any():
            values[layer, : len(weights)] = 0.0
        elif name == "entropy":
            values[layer, : len(weights)] = entropy(weights[:, rows]).mean(-1)
        else:
            values[layer, : len(weights)] = (weights[:, rows] * cells).sum(-1, dtype=np.float64).mean(-1)
    if name == "entropy":
        return HeadScores(name, values, "bits", 0.0, float(np.log2(max(len(keys), 1))))
    return HeadScores(name, values, "share", 0.0, 1.0)


def _besides(lines: tuple[ProfileLine, ...], named: ProfileLine) -> str:
    """Return a sentence on a place that gets most of the attention, and more than the one that most words look at first."""
    most = max((line for line in lines if line.kind not in (REST, named.kind)), key=lambda line: line.share, default=named)
    if most.share <= max(MAJORITY, named.share):
        return ""
    return f" Of all its attention, {most.share_text} goes to {most.place}."


def _one_word(weights: np.ndarray, found: Counts, classes: PositionClasses) -> ProfileLine | None:
    """Return a key that is the first choice of most rows but has no line of its own: a word that most words look at."""
    rows, chosen = classes.rows, found.firsts
    key = int(chosen.argmax())
    if chosen[key] <= len(classes.at) / 2:
        return None
    share = float(weights[rows, key].mean(dtype=np.float64))
    uniform = float((classes.visible[:, key] / classes.visible.sum(-1)).mean())
    name = quoted(classes.keys, key)
    return ProfileLine("word", name, name, share, int(float(fixed(100.0 * share))), uniform, int(chosen[key]))


def _repeat_sentence(repeat: ProfileLine, classes: PositionClasses) -> str:
    """Return a sentence on repeated words, if a head looks at their other places; "" if it does not."""
    able = int(np.count_nonzero(classes.repeat_rows))
    share, uniform = (part * len(classes.repeat_rows) / able for part in (repeat.share, repeat.uniform or 0.0))
    if repeat.chosen <= able / 2 or share <= max(MAJORITY, BEYOND * uniform):
        return ""
    where = f"Where a {classes.word} stands more than once ({_count(able, classes.word)})"
    return f" {where}, it gives {percent(share)} to {repeat.place}."


def _named(line: ProfileLine) -> bool:
    """Return whether a place that is first choice of most rows gets enough for a head to be called after it."""
    if line.uniform is None:
        return line.share > MAJORITY
    return line.share > max(CLEAR, BEYOND * line.uniform)


def _habit(line: ProfileLine, rows: int, word: str) -> str:
    """Return the habit of looking at one place, in words."""
    if line.uniform is None:
        return f"On this text, most of this head's attention goes to {line.place}: {line.share_text} on average."
    beside = f"({percent(line.uniform)} if spread evenly)"
    if line.share > MAJORITY:
        much = f"On this text, this head looks mostly at {line.place}: {line.share_text} of its attention on average {beside}"
        return f"{much}, first choice of {line.chosen} of {_count(rows, word)}."
    first = f"On this text, most {word}s look first at {line.place}: {line.chosen} of {rows}"
    return f"{first}, {line.share_text} of this head's attention on average {beside}."


def _count(count: int, word: str) -> str:
    """Return `1 word` or `7 words`."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def _of(count: int, rows: int, word: str) -> str:
    """Return `6 of 7 words`."""
    return f"{count} of {_count(rows, word)}"


def _share_text(pattern: Pattern, classes: PositionClasses, key: int, taken: float) -> str:
    """Return a key's share in words, with the digits of the profile if the key has its own line there."""
    line = int(classes.at[0, key])
    if line < len(classes.lines) and (classes.at[:, key] == line).all() and (classes.at == line).sum() == len(classes.at):
        return profile(pattern, classes=classes).lines[line].share_text
    return percent(taken)
