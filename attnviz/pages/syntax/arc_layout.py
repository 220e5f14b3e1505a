"""Layout of arcs between numbered words: the height of each arc, its start and its end.

Of arcs over the same words the shorter one lies below; at a word they fan out, to avoid needless crossings.
"""

from __future__ import annotations

from collections.abc import Sequence

Ends = tuple[int, int]  # the two words of an arc, in either order

APART = 9.0  # pixels between two arcs at one word
GAP = 15.0  # pixels between two words, at least
BEND = 9.0  # radius of an arc's corners, pixels


def levels(arcs: Sequence[Ends]) -> tuple[int, ...]:
    """Return the level of each arc, from 1: one more than the highest shorter arc that overlaps it."""
    spans = [(min(arc), max(arc)) for arc in arcs]
    found = [0] * len(arcs)
    done: list[int] = []
    for at in sorted(range(len(arcs)), key=lambda i: (spans[i][1] - spans[i][0], spans[i], i)):
        below = [found[other] for other in done if spans[other][0] < spans[at][1] and spans[at][0] < spans[other][1]]
        found[at] = 1 + max(below, default=0)
        done.append(at)
    return tuple(found)


def shifts(arcs: Sequence[Ends]) -> tuple[tuple[float, float], ...]:
    """Return the distance of each arc's two ends from the middles of their words, in pixels.

    From left to right: arcs to words on the left, the shortest first, then arcs to words on the right, the longest first.
    """
    at_word: dict[int, list[tuple[int, int]]] = {}  # word -> (arc, end)
    for number, arc in enumerate(arcs):
        for end in (0, 1):
            at_word.setdefault(arc[end], []).append((number, end))
    found = [[0.0, 0.0] for _ in arcs]
    for word, ends in at_word.items():
        reach = {(number, end): arcs[number][1 - end] - word for number, end in ends}
        ordered = sorted(ends, key=lambda one: (reach[one] > 0, -reach[one], one))
        for place, (number, end) in enumerate(ordered):
            found[number][end] = APART * (place - (len(ordered) - 1) / 2)
    return tuple((first, second) for first, second in found)


def places(widths: Sequence[float], arcs: Sequence[Ends], labels: Sequence[float], left: float = 0.0) -> tuple[float, ...]:
    """Return the middle of each word: no two words touch, and every arc has room for its label (both widths in pixels).

    `left` is the least x of the first word.
    """
    offsets = shifts(arcs)
    sides = [max([width / 2, *(abs(offsets[n][e]) for n, arc in enumerate(arcs) for e in (0, 1) if arc[e] == word)])
             for word, width in enumerate(widths)]  # fmt: skip
    ending: dict[int, list[tuple[int, float]]] = {}  # last word -> (first word, pixels from middle to middle)
    for arc, (first, second), label in zip(arcs, offsets, labels, strict=True):
        inner = first - second if arc[0] < arc[1] else second - first  # the ends are that much closer than the words
        ending.setdefault(max(arc), []).append((min(arc), label + 2 * BEND + inner))
    found: list[float] = []
    for word, side in enumerate(sides):
        at = left + side if not found else found[-1] + sides[word - 1] + GAP + side
        found.append(max([at, *(found[start] + room for start, room in ending.get(word, ()))]))
    return tuple(found)
