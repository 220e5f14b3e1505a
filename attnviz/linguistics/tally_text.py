"""Say in sentences what a tally shows, and no more."""

from __future__ import annotations

from attnviz.linguistics import claim_text
from attnviz.linguistics.marked_sentences import PRONOUN, READY, MarkedSentence
from attnviz.linguistics.tally import CHANCE, ENOUGH, NOUN, OFFSET, SentenceResult, Tally, word
from attnviz.rounding import fixed
from attnviz.types import joined

FEW = f"Fewer than {ENOUGH} sentences describe what this head does on them, and are too few for a claim about it on others."
CHOSEN = "The p-value holds for one head that was chosen before looking; it is too small if you tried several."


def headline(tally: Tally) -> str:
    """Return the count, `right in 14 of 20`; what is missing if nothing was counted."""
    found = tally.evidence
    return f"right in {found.hits} of {found.n}" if found.n else "no sentence could be counted"


def rule(tally: Tally, name: str) -> str:
    """Return what a rule is called, with its distance."""
    distance = "" if tally.offset is None else claim_text.place(tally.offset)
    return {NOUN: "the nearest noun", OFFSET: f"always {distance}", CHANCE: "a random other word"}[name]


def rules(tally: Tally) -> tuple[str, ...]:
    """Return how often each rule that does not read is right."""
    found = tally.evidence
    return tuple(
        f"{rule(tally, name)} in {_count(share * found.n)} ({claim_text.share(share)})" for name, share in found.baselines
    )


def no_noun(tally: Tally) -> str:
    """Say why the nearest noun is not among the rules; "" where it is, or nothing was counted."""
    n = tally.evidence.n
    if tally.nouns or not n:
        return ""
    if tally.foreign:
        which = "The sentences do" if tally.foreign == n > 1 else "The sentence does" if n == 1 else _some(tally.foreign, n)
        return (
            f"{which} not look English, so there is no rule “{rule(tally, NOUN)}”: "
            "the parser that finds nouns reads only English."
        )
    return f"There is no rule “{rule(tally, NOUN)}”: the English parser finds none in some of these sentences."


def sentence(tally: Tally, model: str) -> str:
    """Return the whole result: the count, the rules, what it is worth, and a caution."""
    found = tally.evidence
    if not found.n:
        return f"{tally.head} of {model}: {headline(tally)}."
    parts = [
        f"{tally.head} of {model} is {headline(tally)} sentences: {claim_text.share(found.rate)}, 95\u202f% interval "
        f"{claim_text.span(found)}.",
        f"Rules that do not read: {joined(rules(tally))}.",
        *filter(None, [no_noun(tally)]),
    ]
    if tally.lead is None:
        parts.append(FEW)
    else:
        points, low, high, p = tally.lead
        best = rule(tally, found.baseline[0])
        ends = " to ".join(_signed(end) for end in (low, high))
        parts += [f"The lead over {best} is {_signed(points)} points ({ends}), {claim_text.chance(p)}.", CHOSEN]
    return " ".join([*parts, f"Counted by this scheme: {found.scheme}.", claim_text.CAUTION])


def assumed(one: MarkedSentence) -> str:
    """Say what was assumed about a sentence that is not marked in full; "" where both marks are given."""
    if one.found == READY:
        return f"a ready sentence: {word(one, one.source)} refers to {word(one, one.target)}"
    return f"assumed: the pronoun {word(one, one.source)} looks" if one.found == PRONOUN and one.source else ""


def looks(one: SentenceResult) -> str:
    """Return the word that the head looks at most, in quotation marks; `several` for a tie."""
    return word(one.sentence, one.looks_at) or "several"


def _some(some: int, of: int) -> str:
    """Return how many of the sentences, with the verb."""
    return f"{some} of {of} sentences {'does' if some == 1 else 'do'}"


def _count(number: float) -> str:
    """Format how often a rule is right: a whole number, or one decimal for chance."""
    return f"{number:.1f}".removesuffix(".0")


def _signed(points: float) -> str:
    """Format points with their sign."""
    return f"{'+' if points >= 0 else claim_text.MINUS}{fixed(abs(points), 1)}"
