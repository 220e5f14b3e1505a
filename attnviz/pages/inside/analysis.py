"""One head's steps and a token in; what there is to be seen at each step, and the numbers that matter there, out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from attnviz.engine.reference.head_steps import HeadSteps

LARGEST = 3  # products, or values, that are named


@dataclass(frozen=True, eq=False)
class Shown:
    """What a step shows: `vectors` one below the other, `bars` one a token, `words` tinted, or who is `seen` by whom.

    `sums` are vectors of which some add up to another: they share one scale. Each row has a name and its
    numbers; bars of two rows stand side by side. `framed` are the places of each row that the formula works out.
    """

    kind: str
    rows: tuple[tuple[str, np.ndarray], ...]
    framed: tuple[tuple[range, ...], ...] = ()


@dataclass(frozen=True, eq=False)
class Sum:
    """A sum of products: `left` times `right`, place by place, the places from the largest product to the smallest."""

    left: Float[np.ndarray, " place"]
    right: Float[np.ndarray, " place"]
    order: Int[np.ndarray, " place"]

    @property
    def products(self) -> Float[np.ndarray, " place"]:
        """Each product, at its own place."""
        return self.left * self.right

    @property
    def largest(self) -> tuple[int, ...]:
        """The places of the products that are named."""
        return tuple(int(place) for place in self.order[:LARGEST])

    @property
    def of_largest(self) -> float:
        """What those alone add up to."""
        return float(self.products[list(self.largest)].sum())

    @property
    def total(self) -> float:
        """What all add up to."""
        return float(self.products.sum())


def multiplied(left: Float[np.ndarray, " place"], right: Float[np.ndarray, " place"]) -> Sum:
    """Two vectors, multiplied; the products that weigh most come first, whatever their sign."""
    return Sum(left, right, np.argsort(-np.abs(left * right), kind="stable"))


def visible(one: HeadSteps, at: int) -> Bool[np.ndarray, " key"]:
    """Which tokens the one at `at` may look at."""
    return np.isfinite(one.masked[at])


def best(one: HeadSteps, at: int) -> int:
    """The token whose key fits best, of those that may be seen."""
    return int(np.argmax(one.masked[at]))


def place(one: HeadSteps, at: int, key: int) -> int:
    """Where a token stands in the row of scores, from 1, of those that may be seen."""
    row = one.masked[at]
    return 1 + int((row > row[key]).sum())


def ahead(one: HeadSteps, at: int) -> float:
    """How far the best scaled score stands before the next; 0 where there is no other."""
    row = np.sort(one.masked[at][visible(one, at)])
    return float(row[-1] - row[-2]) if len(row) > 1 else 0.0


def parts(one: HeadSteps, at: int) -> Float[np.ndarray, "key dim"]:
    """What each token puts into the mix: its value times its weight."""
    return one.weights[at][:, None] * one.v


def most(one: HeadSteps, at: int) -> int:
    """The token whose part of the mix is longest."""
    return int(np.argmax(np.linalg.norm(parts(one, at), axis=-1)))


def alone(one: HeadSteps, at: int) -> float:
    """The share that the best token would get, were scores not divided by sqrt(dim)."""
    raw = np.where(visible(one, at), one.scores[at], -np.inf).astype(np.float64)
    shares = np.exp(raw - raw.max())
    return float(shares.max() / shares.sum())


def alike(one: HeadSteps, at: int) -> float:
    """The cosine between the token's embedding and what the layer is handed: 1 where they point the same way."""
    start, now = one.embedded[at], one.input[at]
    return float(start @ now / (np.linalg.norm(start) * np.linalg.norm(now)))


def turns(one: HeadSteps, at: int) -> tuple[int, float]:
    """Which pair of the query a rotary position moves most, and by what angle in radians, between 0 and 2 pi."""
    half = one.q.shape[1] // 2
    moved = np.hypot(*(one.q_turned[at] - one.q[at]).reshape(2, half))
    pair = int(np.argmax(moved))
    return pair, float(at * one.base ** (-pair / half) % (2 * np.pi))


def shown(one: HeadSteps, at: int, step: str) -> Shown:
    """The picture of a step for the token at `at`, as numbers."""
    return replace(SHOWN[step](one, at), framed=framed(one, at, step))


def lane(one: HeadSteps, at: int, step: str) -> int:
    """Which number of a vector a step works out: the one that place or attention changes most, else the largest."""
    if step == "position":
        return turns(one, at)[0] if one.causal else int(np.argmax(np.abs(one.positions[at])))
    source = {"norm": one.normed, "mix": one.mix, "added": one.projected}.get(step, one.q)
    return int(np.argmax(np.abs(source[at])))


def framed(one: HeadSteps, at: int, step: str) -> tuple[tuple[range, ...], ...]:
    """The places of each row of a picture that are in the formula, or that this head fills."""
    number, dim = lane(one, at, step), one.q.shape[1]
    if step == "embedding":
        return (_at(0, 1, 2),)
    if step == "position" and one.causal:
        return (_at(number, number + dim // 2),) * 2
    if step == "qkv":
        return _at(*multiplied(one.query_map[number], one.projects[at]).largest), _at(number)
    if step == "product":
        return (_at(*multiplied(one.q_turned[at], one.k_turned[best(one, at)]).largest),) * 3
    if step == "heads":
        return ((range(one.head.head * dim, (one.head.head + 1) * dim),),)
    return (_at(number),) * {"position": 4, "norm": 2, "mix": LARGEST + 2, "added": 3}.get(step, 0)


def _at(*places: int) -> tuple[range, ...]:
    """Single places."""
    return tuple(range(place, place + 1) for place in places)


def _row(*names: tuple[str, str], kind: str = "bars") -> Callable[[HeadSteps, int], Shown]:
    """What the token has under these names, each a row of numbers."""
    return lambda one, at: Shown(kind, tuple((said, getattr(one, name)[at]) for said, name in names))


def _vectors(*names: tuple[str, str]) -> Callable[[HeadSteps, int], Shown]:
    """Vectors of the token under these names."""
    return _row(*names, kind="vectors")


def _position(one: HeadSteps, at: int) -> Shown:
    """What is added to the word, or how query and key are turned."""
    if one.causal:
        turned = ("query", "q"), ("query, turned", "q_turned"), ("key", "k"), ("key, turned", "k_turned")
        return _vectors(*turned)(one, at)
    names = ("word", "words"), ("place", "positions"), ("which text", "segments"), ("sum", "unnormed")
    return _row(*names, kind="sums")(one, at)


def _product(one: HeadSteps, at: int) -> Shown:
    """A query, a key, and their products."""
    found = multiplied(one.q_turned[at], one.k_turned[best(one, at)])
    token, other = (one.tokens[place].text for place in (at, best(one, at)))
    names = f"query of “{token}”", f"key of “{other}”", "products"
    return Shown("vectors", tuple(zip(names, (found.left, found.right, found.products), strict=True)))


def _mix(one: HeadSteps, at: int) -> Shown:
    """The longest parts, the sum of all others, and the mix."""
    each = parts(one, at)
    order = np.argsort(-np.linalg.norm(each, axis=-1), kind="stable")
    named = tuple((f"{one.weights[at, key]:.3f} × “{one.tokens[key].text}”", each[key]) for key in order[:LARGEST])
    others = (("all others", each[order[LARGEST:]].sum(0)),) if len(order) > LARGEST else ()
    return Shown("sums", (*named, *others, ("mix", one.mix[at])))


def _added(one: HeadSteps, at: int) -> Shown:
    """The input, what is added, the sum, and the norm where one follows."""
    names = [("handed in", "input"), ("from attention", "projected"), ("sum", "added")]
    return _row(*names, *([] if one.causal else [("normed", "added_norm")]), kind="sums")(one, at)


SHOWN: dict[str, Callable[[HeadSteps, int], Shown]] = {
    "embedding": _vectors(("word", "words")),
    "position": _position,
    "norm": _vectors(("before the norm", "unnormed"), ("after it", "normed")),
    "input": _vectors(("at the start", "embedded"), ("as handed in", "input")),
    "qkv": _vectors(("what comes in", "projects"), ("query", "q"), ("key", "k"), ("value", "v")),
    "product": _product,
    "scores": _row(("score", "scores")),
    "scaled": _row(("score", "scores"), ("divided", "scaled")),
    "mask": lambda one, at: Shown("seen", (("may look", np.isfinite(one.masked)),)),
    "softmax": _row(("score, divided and masked", "masked"), ("share", "weights")),
    "weights": _row(("weight", "weights"), kind="words"),
    "mix": _mix,
    "heads": _vectors(("all heads side by side", "joined"), ("projected", "projected")),
    "added": _added,
}
