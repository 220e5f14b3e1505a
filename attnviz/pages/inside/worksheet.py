"""The worksheet of Inside: from scores to weights by hand, with a head's own numbers."""

from __future__ import annotations

import math

import numpy as np

from attnviz.analysis.questions import SheetQuestion
from attnviz.engine.reference.head_steps import HeadSteps
from attnviz.figures import encoding
from attnviz.figures.worksheet import Picture, Sheet, listed
from attnviz.models import catalog
from attnviz.rounding import fixed

TITLE = "From scores to weights"
SHOWN = 4  # keys that students compute


def sheet(one: HeadSteps, at: int, text: str, model: str) -> Sheet:
    """Return the sheet on the row of token `at`: the scores of the keys with the largest ones, the others as one sum."""
    seen = at + 1 if one.causal else len(one.tokens)
    scores = one.scaled[at, :seen].astype(float)
    keys = sorted(int(key) for key in np.argsort(-scores, kind="stable")[:SHOWN])
    raised = {key: math.exp(round(scores[key], 2)) for key in keys}
    rest = float(np.exp(scores).sum() - sum(math.exp(scores[key]) for key in keys))
    total = sum(raised.values()) + rest
    names = {key: encoding.label(one.tokens[key].text) for key in keys}
    rows = [(f"“{names[key]}”", f"score {_signed(scores[key])}    e^score = __________    weight = __________") for key in keys]
    word, head = encoding.label(one.tokens[at].text), encoding.head_name(one.head)
    products = f"√{one.q.shape[1]} = {fixed(math.sqrt(one.q.shape[1]), 2)}"
    best = max(keys, key=lambda key: scores[key])
    asked = (
        SheetQuestion(
            f"Compute e^score for each key in the list (a calculator has e^x), and add them up. The other {seen - len(keys)} "
            f"keys add {fixed(rest, 2)} together.",
            "; ".join(f"“{names[key]}” {fixed(raised[key], 2)}" for key in keys) + f"; with the rest {fixed(total, 2)}.",
        ),
        SheetQuestion(
            "Divide each by the sum: these are the weights. Do they and the rest add up to 1?",
            "; ".join(f"“{names[key]}” {fixed(raised[key] / total, 3)}" for key in keys)
            + f"; the rest {fixed(rest / total, 3)}. Sum 1. From unrounded scores the model has "
            + "; ".join(f"“{names[key]}” {encoding.three(one.weights[at, key])}" for key in keys) + ".",
        ),
        SheetQuestion(
            f"The scores are products of query and key, divided by {products}. What was the product of “{word}” and "
            f"“{names[best]}” before?",
            f"{fixed(float(one.scores[at, best]), 2)}.", 1,
        ),
        SheetQuestion(
            "What happens to the largest weight if all scores are doubled? Guess first, then compute.",
            f"It grows: from {fixed(_largest(scores), 3)} to {fixed(_largest(2 * scores), 3)}. Softmax turns differences of "
            "scores into ratios of weights.",
        ),
    )  # fmt: skip
    picture = Picture(listed(rows), f"The row of “{word}” in {head}")
    return Sheet(TITLE, f"{catalog.card(model).name}, head {head}", (text,), (picture,), asked, scaled=False)


def _largest(scores: np.ndarray) -> float:
    """Return the largest weight of scores."""
    powers = np.exp(scores - scores.max())
    return float((powers / powers.sum()).max())


def _signed(score: float) -> str:
    return fixed(score, 2)
