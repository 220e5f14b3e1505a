"""Numbers for the sentences and formulas of each step, as text by gap name.

Sentences get a true minus sign and unescaped words of the reader; formulas get plain LaTeX and no words of the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from attnviz.engine.reference.head_steps import HeadSteps
from attnviz.figures import encoding
from attnviz.figures.units import Numbers, as_text, tex, within
from attnviz.pages.inside import analysis
from attnviz.pages.inside.analysis import LARGEST, DotProduct
from attnviz.types import joined


def name(one: HeadSteps, at: int) -> str:
    """Return a token as a sentence writes it."""
    return encoding.label(one.tokens[at].text)


def sentence(one: HeadSteps, at: int, step: str) -> Numbers:
    """Return the gaps of a step's sentences, question and answer."""
    best = analysis.best_key(one, at)
    found = best_product(one, at)
    seen = analysis.visible(one, at)
    row = np.where(seen, one.scores[at], np.inf)
    worst, most = int(np.argmin(row)), analysis.largest_contributor(one, at)
    powers = np.exp(one.masked[at].astype(np.float64))
    dim, width = one.q.shape[1], one.words.shape[1]
    joint, head, layer = one.joined.shape[1], one.head.head, one.head.layer
    ahead = analysis.margin(one, at)
    lanes = analysis.component(one, at, step)
    unnormed = one.unnormed[at].astype(np.float64)
    length = np.linalg.norm
    return {
        "token": name(one, at), "width": str(width), "dim": str(dim), "place": str(at), "at": str(at), "n": str(len(seen)),
        "component": str(lanes), "other": str(lanes + dim // 2), "mean": as_text(unnormed.mean()),
        "deviation": as_text(np.sqrt((unnormed**2).mean()) if one.causal else unnormed.std()),
        "layer": str(layer), "layers": f"{layer} layers have" if layer > 1 else "One layer has",
        "cosine": as_text(analysis.cosine(one, at)),
        "head": str(head), "heads": str(one.heads), "groups": str(one.groups), "group": str(one.group),
        "best": name(one, best), "score": as_text(one.scores[at, best]), "components": joined([str(i) for i in found.largest]),
        "largest": as_text(found.of_largest), "worst": name(one, worst), "low": as_text(one.scores[at, worst]),
        "scaled": as_text(one.scaled[at, best]), "with": weight_text(float(one.weights[at, best])),
        "without": weight_text(analysis.unscaled_weight(one, at)),
        "seen": str(int(seen.sum())), "hidden": str(int((~seen).sum())),
        "sum": as_text(powers.sum()), "power": as_text(powers[best]), "margin": as_text(ahead),
        "ratio": as_text(np.exp(ahead)), "named": joined(_named(one, at)), "total": encoding.three(one.weights[at].sum()),
        "adds": name(one, most), "share": encoding.three(one.weights[at, most]), "value": as_text(length(one.v[most])),
        "length": as_text(length(analysis.contributions(one, at)[most])), "mixed": as_text(length(one.mix[at])),
        "others": str(one.heads - 1), "joint": str(joint), "begin": str(head * dim), "end": str((head + 1) * dim - 1),
        "brought": as_text(length(one.projected[at])), "input_length": as_text(length(one.input[at])),
    }  # fmt: skip


def guess_values(one: HeadSteps, at: int, key: int) -> Numbers:
    """Return the gaps about a guessed token: for the best score, and for the largest part of the mix."""
    length = np.linalg.norm
    return {
        "guess": name(one, key), "guessed": as_text(one.scores[at, key]), "place": str(analysis.rank(one, at, key)),
        "weighs": encoding.three(one.weights[at, key]), "valued": as_text(length(one.v[key])),
        "part": as_text(length(analysis.contributions(one, at)[key])),
    }  # fmt: skip


def formula(one: HeadSteps, at: int, step: str) -> Numbers:
    """Return the gaps of a step's formula."""
    return {"at": str(at), "dim": str(one.q.shape[1])} | FORMULAS[step](one, at)


def best_product(one: HeadSteps, at: int) -> DotProduct:
    """Return the dot product of the token's query and its best key."""
    return analysis.dot_product(one.q_rotated[at], one.k_rotated[analysis.best_key(one, at)])


def _named(one: HeadSteps, at: int) -> list[str]:
    """Return the largest weights of the row, each with its token."""
    order = np.argsort(-one.weights[at], kind="stable")[: min(LARGEST, int(analysis.visible(one, at).sum()))]
    return [f"{encoding.three(one.weights[at, key])} to “{name(one, int(key))}”" for key in order]


def _products(found: DotProduct) -> str:
    """Return the largest products as LaTeX."""
    return _plus([rf"({tex(found.left[i])})({tex(found.right[i])})" for i in found.largest])


def _plus(parts: Sequence[str]) -> str:
    """Join the terms of a sum; the third begins a new line, since three are too wide for a phone."""
    return " + ".join(parts[:2]) + "".join(rf" \\ &\quad + {part}" for part in parts[2:])


def weight_text(weight: float) -> str:
    """Return a weight, `0.640`; one just below 1 is `more than 0.999`."""
    written = encoding.three(weight)
    return f"more than {encoding.three(0.999)}" if written == encoding.three(1.0) and weight < 1 else written


def _embedding(one: HeadSteps, at: int) -> Numbers:
    first, second, third = (tex(value) for value in one.words[at, :3])
    return {"first": first, "second": second, "third": third, "width": str(one.words.shape[1])}


def _position(one: HeadSteps, at: int) -> Numbers:
    lane, half = analysis.component(one, at, "position"), one.q.shape[1] // 2
    if one.causal:
        return {
            "component": str(lane), "half": str(half), "place": str(at), "base": f"{one.base:.0f}",
            "angle": tex(analysis.rotation(one, at)[1]), "q": tex(one.q[at, lane]), "q_other": tex(one.q[at, lane + half]),
            "rotated": tex(one.q_rotated[at, lane]), "q_": within(one.q[at, lane]), "q_other_": within(one.q[at, lane + half]),
        }  # fmt: skip
    word, total = tex(one.words[at, lane]), tex(one.unnormed[at, lane])
    position, segment = within(one.positions[at, lane]), within(one.segments[at, lane])
    return {"component": str(lane), "place": str(at), "word": word, "position": position, "segment": segment, "sum": total}


def _norm(one: HeadSteps, at: int) -> Numbers:
    x = one.unnormed[at].astype(np.float64)
    lane = analysis.component(one, at, "norm")
    spread = (x**2).mean() if one.causal else x.var()
    return {
        "component": str(lane), "x": tex(x[lane]), "mean": tex(x.mean()), "root": tex(np.sqrt(spread + one.epsilon)),
        "gain": tex(one.gain[lane]), "shift": tex(one.shift[lane]), "after": tex(one.normed[at, lane]),
        "mean_": within(x.mean()), "gain_": within(one.gain[lane]), "shift_": within(one.shift[lane]),
    }  # fmt: skip


def _input(one: HeadSteps, at: int) -> Numbers:
    start, now = one.embedded[at], one.input[at]
    return {
        "layer": str(one.head.layer), "dot": tex(start @ now), "long": tex(np.linalg.norm(start)),
        "longer": tex(np.linalg.norm(now)), "cosine": tex(analysis.cosine(one, at)),
    }  # fmt: skip


def _qkv(one: HeadSteps, at: int) -> Numbers:
    lane = analysis.component(one, at, "qkv")
    found = analysis.dot_product(one.query_map[lane], one.projects[at])
    return {
        "component": str(lane),
        "products": _products(found),
        "bias_": within(one.query_bias[lane]),
        "q": tex(one.q[at, lane]),
    }


def _product(one: HeadSteps, at: int) -> Numbers:
    found, key = best_product(one, at), analysis.best_key(one, at)
    return {
        "key": str(key), "products": _products(found), "rest_": within(found.total - found.of_largest),
        "more": str(one.q.shape[1] - LARGEST), "score": tex(one.scores[at, key]),
    }  # fmt: skip


def _scores(one: HeadSteps, at: int) -> Numbers:
    key = analysis.best_key(one, at)
    last = int(np.argmin(np.where(analysis.visible(one, at), one.scores[at], np.inf)))
    return {"key": str(key), "score": tex(one.scores[at, key]), "last": str(last), "low": tex(one.scores[at, last])}


def _scaled(one: HeadSteps, at: int) -> Numbers:
    key = analysis.best_key(one, at)
    return {
        "key": str(key), "score": tex(one.scores[at, key]), "root": tex(one.q.shape[1] ** 0.5),
        "scaled": tex(one.scaled[at, key]),
    }  # fmt: skip


def _mask(one: HeadSteps, at: int) -> Numbers:
    seen = analysis.visible(one, at)
    return {"end": str(len(seen) - 1), "seen": str(int(seen.sum())), "hidden": str(int((~seen).sum()))}


def _softmax(one: HeadSteps, at: int) -> Numbers:
    key, powers = analysis.best_key(one, at), np.exp(one.masked[at].astype(np.float64))
    return {
        "key": str(key), "scaled_": tex(one.masked[at, key]), "power_": tex(powers[key]), "sum_": tex(powers.sum()),
        "weight": encoding.three(one.weights[at, key]),
    }  # fmt: skip


def _weights(one: HeadSteps, at: int) -> Numbers:
    largest = np.sort(one.weights[at])[::-1][:LARGEST]
    return {"terms": " + ".join(encoding.three(weight) for weight in largest), "total": encoding.three(one.weights[at].sum())}


def _mix(one: HeadSteps, at: int) -> Numbers:
    lane = analysis.component(one, at, "mix")
    found = analysis.dot_product(one.weights[at], one.v[:, lane])
    products = _plus([rf"({encoding.three(found.left[i])})({tex(found.right[i])})" for i in found.largest])
    return {"component": str(lane), "products": products, "m": tex(one.mix[at, lane])}


def _heads(one: HeadSteps, at: int) -> Numbers:
    return {
        "lasthead": str(one.heads - 1), "head": str(one.head.head), "bias": "" if one.causal else " + b",
        "mixed": tex(np.linalg.norm(one.mix[at])), "length": tex(np.linalg.norm(one.projected[at])),
    }  # fmt: skip


def _added(one: HeadSteps, at: int) -> Numbers:
    lane = analysis.component(one, at, "added")
    x, o, a = (array[at, lane] for array in (one.input, one.projected, one.added))
    return {"component": str(lane), "x": tex(x), "o": tex(o), "o_": within(o), "a": tex(a)}


FORMULAS: dict[str, Callable[[HeadSteps, int], Numbers]] = {
    "embedding": _embedding, "position": _position, "norm": _norm, "input": _input, "qkv": _qkv, "product": _product,
    "scores": _scores, "scaled": _scaled, "mask": _mask, "softmax": _softmax, "weights": _weights, "mix": _mix,
    "heads": _heads, "added": _added,
}  # fmt: skip
