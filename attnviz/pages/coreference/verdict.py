"""The answer of the chosen head in one sentence: what it looks at, and whether that is right."""

from __future__ import annotations

import numpy as np

from attnviz.analysis import link_ranking, specificity
from attnviz.figures import encoding
from attnviz.pages.coreference.question import HeadAnswers
from attnviz.types import HeadRef, joined
from attnviz.ui.markdown import plain


def verdict(answers: HeadAnswers, other: HeadAnswers | None, head: HeadRef) -> str:
    """Return the verdict on a sentence and its partner, in Markdown.

    Weights are sums over the pieces of a word; where these and the largest piece, which decides, give different verdicts, the
    weights are of the largest pieces.
    """
    both = [answers] if other is None else [answers, other]
    name = encoding.head_name(head)
    if late := next((line for one in both if (line := _late(one))), ""):
        return late
    if answers.question.right is None:
        start = "" if answers.question.own else "Nothing in this sentence decides, and "
        return f"{start}{name} looks {_looks(answers, head)}{_weak(both, head)}."
    return f"{name} is {_count(both, head)}: {_how(both, head)}{_weak(both, head)}."


def beside(answers: HeadAnswers, head: HeadRef) -> str:
    """Return what other words give the candidate that the head chooses, and the head's rank on GAP, in Markdown; "" without.

    On a tie, it is the right candidate, or else the first.
    """
    question, found = answers.question, answers.others
    at = _chosen(answers, head)
    at = (question.right or 0) if at is None else at
    n, place = int(found.n[at]), (head.layer, head.head, at)
    sentences = []
    if n and at not in answers.antecedents.late:
        sentences.append(
            specificity.beside(
                f"“{plain(question.word(question.candidates[at]))}”", encoding.three(found.mean[place]), n,
                int(found.looking[place]), bool(found.everywhere[place]), f"“{plain(question.word(question.pronoun))}”",
            )
        )  # fmt: skip
    if (known := answers.on_corpus) is not None:
        sentences.append(f"{encoding.head_name(head)} is {plain(known.sentence(head))}.")
    return " ".join(sentences)


def _late(one: HeadAnswers) -> str:
    """Return why no head can answer: candidates of a causal model come after the pronoun; "" if none do."""
    words = [f"“{one.question.word(one.question.candidates[at])}”" for at in one.antecedents.late]
    if not words:
        return ""
    pronoun = one.question.word(one.question.pronoun)
    verb = "comes" if len(words) == 1 else "come"
    return plain(
        f"No head of this model can answer: {joined(tuple(words))} {verb} after “{pronoun}”, and it reads from left to right."
    )


def _count(both: list[HeadAnswers], head: HeadRef) -> str:
    """Return in how many of the sentences the head is right."""
    hits = [bool(one.hit(head)) for one in both]
    if len(hits) == 1:
        return f"**{'right' if hits[0] else 'wrong'}**"
    if len(set(hits)) == 1:
        return f"**{'right' if hits[0] else 'wrong'}** in both sentences"
    return f"**right in the {'first' if hits[0] else 'second'} sentence only**"


def _how(both: list[HeadAnswers], head: HeadRef) -> str:
    """Return where the head looks: in one sentence, or in both."""
    if len(both) == 1:
        return f"it looks {_looks(both[0], head)}"
    chosen = [_chosen(one, head) for one in both]
    if None in chosen:
        return joined(
            tuple(f"it looks {_looks(one, head)} in the {nth}" for nth, one in zip(("first", "second"), both, strict=True))
        )
    words = [_weighed(one, at, head) for one, at in zip(both, chosen, strict=True) if at is not None]
    differ = both[0].question.right != both[1].question.right
    if chosen[0] == chosen[1]:
        word = plain(both[0].question.word(both[0].question.candidates[chosen[0] or 0]))
        weights = " and ".join(encoding.three(_weights(one, head)[chosen[0] or 0]) for one in both)
        stubborn = ", like a head that always chooses the same word" if differ else ""
        return f"it looks most at “{word}” in both ({weights}){stubborn}"
    apart = f"it looks most at {words[0]} in the first and at {words[1]} in the second"
    right = differ and all(one.hit(head) for one in both)
    return f"{apart}, while a head that always chooses the same word is right in only one" if right else apart


def _looks(one: HeadAnswers, head: HeadRef) -> str:
    """Return which candidate gets most of the pronoun's attention in one sentence, with the weights."""
    order = np.argsort(-one.antecedents.peaks[head.layer, head.head], kind="stable").tolist()
    first, second = (_weighed(one, at, head) for at in order[:2])
    if _chosen(one, head) is None:
        return f"as much at {first} as at {second}"
    return f"more at {first} than at {second}"


def _chosen(one: HeadAnswers, head: HeadRef) -> int | None:
    """Return the candidate with the largest piece; None on a tie."""
    peaks = one.antecedents.peaks[head.layer, head.head]
    best = np.flatnonzero(peaks == peaks.max())
    return int(best[0]) if len(best) == 1 else None


def _weights(one: HeadAnswers, head: HeadRef) -> np.ndarray:
    """Return the weights of the candidates that fit the verdict: sums, or the largest pieces where the sums disagree."""
    sums, peaks = one.shares.values[head.layer, head.head], one.antecedents.peaks[head.layer, head.head]
    return sums if sums.argmax() == peaks.argmax() else peaks


def _weighed(one: HeadAnswers, at: int, head: HeadRef) -> str:
    """Return a candidate with its weight."""
    return f"“{plain(one.question.word(one.question.candidates[at]))}” ({encoding.three(_weights(one, head)[at])})"


def _weak(both: list[HeadAnswers], head: HeadRef) -> str:
    """Say that the head hardly looks at the candidates of some sentence, where that is so."""
    masses = [float(one.shares.mass[head.layer, head.head]) for one in both]
    if min(masses) >= link_ranking.ENOUGH:
        return ""
    where = " in one of them" if max(masses) >= link_ranking.ENOUGH else ""
    return f", though{where} the candidates together get only {encoding.three(min(masses))}"
