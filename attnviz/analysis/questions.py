"""Questions for a worksheet on heads, each with its answer computed from the same weights that the picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attnviz.analysis.link_ranking import LinkScore
from attnviz.analysis.row_stats import before, choosing, entropy, first_choices, percent, quoted, units_of
from attnviz.rounding import fixed
from attnviz.types import HeadRef, Pattern, Unit, joined, unknown_mark

LISTED = 6  # words that an answer names one by one
OFTEN = 0.5  # of a link: more than all other words together


@dataclass(frozen=True)
class SheetQuestion:
    """A question in plain text, its answer, and how many ruled lines it gets."""

    text: str
    answer: str
    lines: int = 1


def names(parts: Sequence[Unit]) -> tuple[str, ...]:
    """Return the words as labels of a picture, numbered where the text has one more than once: `the 2`."""
    found = [part.text for part in parts]
    marks = [f" {mark}" if not part.special and (mark := unknown_mark(part)) else "" for part in parts]
    numbers = [f" {found[: at + 1].count(text)}" if found.count(text) > 1 else "" for at, text in enumerate(found)]
    return tuple(map("{}{}{}".format, found, numbers, marks))


def about_head(pattern: Pattern, row: int, head: HeadRef) -> tuple[SheetQuestion, ...]:
    """Return the questions on one head, of which `row` is the word to begin with."""
    queries, keys = units_of(pattern)
    word, weights = quoted(queries, row), pattern.weights[row]
    order = np.argsort(-weights, kind="stable")
    best, second = int(order[0]), int(order[1]) if len(order) > 1 else None
    then = f", then {quoted(keys, second)} ({fixed(weights[second], 3)})" if second is not None and weights[second] > 0 else ""
    left = 1.0 - float(weights[best])
    found = [
        SheetQuestion(
            f"Find the row of {word}. At what does it look most in {head}, and at what second?",
            f"Most at {quoted(keys, best)} ({fixed(weights[best], 3)}){then}.",
        ),
        SheetQuestion(
            "Estimate the largest weight of this row with the scale below the picture. All weights of a row add up to 1. "
            "How much is left for all the others?",
            f"{fixed(weights[best], 3)}, so {fixed(left, 3)} is left for the others.",
        ),
        _first_choice(pattern),
        _before(pattern),
        SheetQuestion(
            f"Change one word of the sentence so that you expect {word} to look at another word. Write the new sentence and "
            "your prediction. Then try it.",
            "Open. Type the sentence and compare. A prediction that can turn out wrong tells more than one that cannot, and "
            "one sentence is not evidence about a head.",
            2,
        ),
    ]  # fmt: skip
    return tuple(found)


def _first_choice(pattern: Pattern) -> SheetQuestion:
    """Return the question which column most words choose first."""
    keys, rows = units_of(pattern)[1], choosing(pattern)
    chosen = first_choices(pattern.weights)[rows].sum(0)
    key, share = int(np.argmax(chosen)), pattern.weights[rows].mean(0) if rows.any() else pattern.weights.mean(0)
    answer = f"{int(chosen[key])} of {int(rows.sum())} words look most at {quoted(keys, key)}; "
    answer += f"it gets {percent(float(share[key]))} on average."
    return SheetQuestion(
        "At what do most of the words look first? Look for the column with the strongest colours, and count.", answer
    )


def _before(pattern: Pattern) -> SheetQuestion:
    """Return the question which words look most at the word just before them."""
    queries, keys = units_of(pattern)
    found: list[str] = []
    if queries == keys:
        cells = first_choices(pattern.weights) & before(queries)
        found = [quoted(queries, int(row)) for row in np.flatnonzero(cells.any(-1))]
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    answer = f"{joined(found[:LISTED]) if not more else ', '.join(found[:LISTED]) + more}." if found else "No word does."
    return SheetQuestion("Which words look most at the word just before them? Write “none” if no word does.", answer)


def about_two(patterns: tuple[Pattern, Pattern], rows: tuple[int, int], titles: tuple[str, str]) -> tuple[SheetQuestion, ...]:
    """Return the questions on two pictures side by side; `rows` are the word to begin with in each."""
    words, bests, weights = [], [], []
    for pattern, row in zip(patterns, rows, strict=True):
        queries, keys = units_of(pattern)
        best = int(np.argmax(pattern.weights[row]))
        words.append(quoted(queries, row))
        bests.append(quoted(keys, best))
        weights.append(float(pattern.weights[row, best]))
    same = "the same word" if bests[0] == bests[1] else "not the same word"
    more = 1 if weights[0] > weights[1] else 2
    spread = [float(entropy(one.weights[choosing(one)]).mean()) if choosing(one).any() else 0.0 for one in patterns]
    wider = 1 if spread[0] > spread[1] else 2
    word = words[0] if words[0] == words[1] else f"{words[0]} (picture 1) and {words[1]} (picture 2)"
    return (
        SheetQuestion(
            f"Find the row of {word}. At what does it look most in picture 1, and in picture 2?",
            f"Picture 1: {bests[0]} ({fixed(weights[0], 3)}). Picture 2: {bests[1]} ({fixed(weights[1], 3)}): {same}.",
        ),
        SheetQuestion(
            "In which of the two pictures is this strongest weight larger? Estimate by how much, with the scale.",
            "They are equal." if weights[0] == weights[1]
            else f"In picture {more}, by {fixed(abs(weights[0] - weights[1]), 3)}.",
        ),
        SheetQuestion(
            "Which of the two spreads its attention more evenly over the words? How do you see it?",
            f"Picture {wider} ({titles[wider - 1]}): its rows have {fixed(spread[wider - 1], 1)} bits of entropy on average, "
            f"those of the other {fixed(spread[2 - wider], 1)}. More cells of a row are coloured, and none stands out.",
        ),
        _largest_change(*patterns),
    )  # fmt: skip


def _largest_change(first: Pattern, second: Pattern) -> SheetQuestion:
    """Return the question where both pictures differ most."""
    asked = "Find a cell with a strong colour in one picture and a weak one in the other. Which two words does it link?"
    (queries, keys), others = units_of(first), units_of(second)
    if first.weights.shape != second.weights.shape:
        return SheetQuestion(asked, "Open: the two texts have different numbers of words. Compare the rows of the same words.")
    gap = np.abs(first.weights - second.weights)
    row, key = np.unravel_index(int(np.argmax(gap)), gap.shape)
    here, there = quoted(queries, int(row)), quoted(keys, int(key))
    changed = quoted(others[0], int(row)), quoted(others[1], int(key))
    also = "" if changed == (here, there) else f" (in picture 2 {changed[0]} and {changed[1]})"
    return SheetQuestion(
        asked,
        f"The largest difference: {here} and {there}{also}, {fixed(first.weights[row, key], 3)} in picture 1 and "
        f"{fixed(second.weights[row, key], 3)} in picture 2.",
    )


def about_ranking(ranked: Sequence[LinkScore], link: str, seen: int) -> tuple[SheetQuestion, ...]:
    """Return the questions on a map of all heads; `link` names what they are ranked by, `seen` the words of the text."""
    best, heads = ranked[0], len(ranked)
    often = sum(one.weight > OFTEN for one in ranked)
    even = 1.0 / max(seen, 1)
    above = sum(one.weight > 3 * even for one in ranked)
    layers = sorted({one.layer for one in ranked})
    means = {layer: float(np.mean([one.weight for one in ranked if one.layer == layer])) for layer in layers}
    top = max(layers, key=lambda layer: means[layer])
    ahead = sum(one.margin > 0 for one in ranked)
    return (
        SheetQuestion(
            f"Which head gives {link} the most weight? Write its layer and head, and estimate the weight.",
            f"{HeadRef(best.layer, best.head)}: {fixed(best.weight, 3)}.",
        ),
        SheetQuestion(
            f"How many of the {heads} heads give it more than half of the attention?",
            f"{often} of {heads}.", 1,
        ),
        SheetQuestion(
            f"A head that looks evenly at all {seen} tokens would give it 1/{seen} = {fixed(even, 3)}. How many heads "
            "give at least three times as much?",
            f"{above} of {heads}.",
        ),
        SheetQuestion(
            "In which layer do the heads give it most on average? Is that near the start, the middle or the end of the model?",
            f"Layer {top} of 0 to {layers[-1]}, {fixed(means[top], 3)} on average.",
        ),
        SheetQuestion(
            f"The best of {heads} heads looks good by luck alone. Name two things that you would do before you say that this "
            "head does this in general.",
            f"Open. For example: test the head on many other sentences; ask how often another word gets more (here the target "
            f"is ahead of every other word in {ahead} of {heads} heads); compare with a simple rule, such as the nearest noun.",
            2,
        ),
    )  # fmt: skip
