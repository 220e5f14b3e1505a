"""Write what can be claimed about a tested head, in sentences that say no more than the counts."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib import resources

from attnviz import charset
from attnviz.analysis.row_stats import NARROW
from attnviz.errors import UnknownModelError
from attnviz.linguistics.claims import ENOUGH, BestHead, ClaimResult, Control
from attnviz.linguistics.fixed_rules import ERROR
from attnviz.models import catalog
from attnviz.rounding import fixed
from attnviz.types import Evidence, joined

MINUS = "\u2212"
CAUTION = "Attention is a signal, not an explanation of what the model does."

WORDINGS = (
    "Both halves have the same sentences of Winogender in other wordings, so for these the second half is not an "
    "independent test."
)


def sentence(claim: ClaimResult) -> str:
    """Return the whole claim: the counts, the comparison with the rules, the other half, the label scheme, and a caution."""
    return f"{finding(claim)} {CAUTION}"


def finding(claim: ClaimResult) -> str:
    """Return the claim without the caution, for a page that has it already."""
    if claim.verdict == "unseen":
        return _unseen(claim)
    parts = [counted(claim), *([apart(claim)] if claim.parts else []), *([pooled(claim)] if claim.pooled else [])]
    parts += [*([ceiling(claim)] if claim.evidence.ceiling < 1.0 else []), _verdict(claim)]
    if claim.held_out.n >= ENOUGH and claim.verdict != "few":
        parts.append(_held_out(claim.held_out, claim.offset))
        parts += [WORDINGS] if claim.held_out.groups else []
    parts += [control(claim.control, claim.heads)] if claim.control is not None else []
    if claim.causal:
        parts.append(f"The model reads left to right, so only {_visible(claim)} are counted.")
    return " ".join([*parts, f"Counted by this scheme: {claim.evidence.scheme}."])


def counted(claim: ClaimResult | BestHead, model: str = "") -> str:
    """Return the plain count: on what, which head, how often, and what the strongest baseline reaches.

    `model` names the model of a BestHead, which does not name it itself.
    """
    found, who = claim.evidence, f"{claim.head} of {named(claim.model if isinstance(claim, ClaimResult) else model)}"
    if not claim.direction:
        wordings = f", wordings of {found.groups:,} sentences" if found.groups else ""
        what = f"On {found.n:,} pronouns of {found.source}{wordings}, {who} gives the right candidate more than the wrong one"
    else:
        many, one, other = _words(claim.relation)
        looks = f"{who} looks most at {other}" if claim.direction == "dh" else f"{who} looks most from {other} at {one}"
        what = f"On {found.n:,} {many} of {found.source}, {looks}"
    interval = f"95{NARROW}% interval{' by sentences' if found.groups else ''} {span(found)}"
    return f"{what} in {share(found.rate)} ({interval}); {baseline(found, claim.offset)}."


def apart(claim: ClaimResult) -> str:
    """Say that different kinds of corpora are counted together, and give the rate on each."""
    each = [f"{one.source} {share(one.rate)} of {one.n:,} ({span(one)})" for one in claim.parts]
    return f"This counts different collections together; each alone: {', '.join(each)}. Say which one you mean."


def pooled(claim: ClaimResult) -> str:
    """Say that subtypes are counted together, and how to select each."""
    each = joined(tuple(f"{name} {n:,}" for name, n in claim.pooled.items()))
    plain = f"{claim.relation}:"
    means = f" ({plain} has no subtype)" if plain in claim.pooled else ""
    return f"{claim.relation} counts subtypes together: {each}{means}. A lead may come from one of them alone: test each."


def ceiling(claim: ClaimResult | BestHead) -> str:
    """Return the rate that no head can exceed, and why."""
    found = claim.evidence
    most = f"no head can be right in more than {share(found.ceiling)}"
    if claim.direction:
        return f"A head chooses one word, but some words have several such links, so {most}."
    if not isinstance(claim, ClaimResult) or claim.decidable is None:
        return f"Some questions look the same to the model and have different answers, so {most}."
    decidable = claim.decidable
    ambiguous = found.n - decidable.n
    seen = "Up to the pronoun, which is as far as this model has read," if claim.causal else "Word for word,"
    right = f"{share(decidable.rate)} ({span(decidable)})"
    only = f" On the other {decidable.n:,} it is right in {right}." if decidable.n else ""
    return f"{seen} {ambiguous:,} of these {found.n:,} are the same as others with another answer, so {most}.{only}"


def control(found: Control, heads: int) -> str:
    """Return the rate of an untrained model with the same architecture."""
    one = found.evidence
    return (
        f"The best of {heads} heads of an untrained model with the same architecture, {found.head}, is right in "
        f"{share(one.rate)} of {one.n:,} ({span(one)}) on the {half(one)}."
    )


def half(found: Evidence) -> str:
    """Name the half of the texts on which results are reported: held out, unless it has the same sentences in other words."""
    return "second half" if found.groups else "held-out half"


def share(rate: float) -> str:
    """Format a rate in percent with one decimal, `73.1 %`: every rate that is counted on texts."""
    return f"{fixed(100.0 * rate, 1)}{NARROW}%"


def label(relation: str) -> str:
    """Return a relation as pages write it: `nmod:`, which leaves subtypes out, is `nmod (plain)`."""
    return f"{relation.removesuffix(':')} (plain)" if relation.endswith(":") else relation


def link_ends(relation: str, direction: str) -> str:
    """Return a kind of link as its ends, from the word that looks: `determiner → head noun`."""
    _, one, other = (name.removeprefix("the ") for name in _words(relation))
    return f"{one} → {other}" if direction == "dh" else f"{other} → {one}"


def baseline(found: Evidence, offset: int | None) -> str:
    """Return in words how often the strongest baseline is right."""
    name, rate = found.baseline
    return f"{_rule(name, offset)} {'reaches' if name == 'chance' else 'is right in'} {share(rate)}"


def place(offset: int) -> str:
    """Return a distance in words: `+1` is the next word."""
    if abs(offset) == 1:
        return "the next word" if offset > 0 else "the word before"
    return f"the word {abs(offset)} places {'after' if offset > 0 else 'before'}"


def _rule(name: str, offset: int | None) -> str:
    """Return a baseline in words."""
    if name == "offset" and offset is not None:
        return f"always taking {place(offset)} (offset {signed(offset)})"
    return {"nearest": "taking the nearer candidate", "mentioned": "taking the name mentioned more often"}.get(name, name)


def span(found: Evidence) -> str:
    """Format an interval, `58.9 to 63.4 %`."""
    low, high = found.interval
    return f"{fixed(100.0 * low, 1)} to {share(high)}"


def signed(offset: int) -> str:
    """Format a distance in words with its sign, `+1` or `−2`."""
    return f"+{offset}" if offset > 0 else f"{MINUS}{-offset}"


def luck(claim: ClaimResult) -> str:
    """Explain an interval that excludes the baseline beside a lead that is not significant; "" otherwise."""
    rate = claim.evidence.baseline[1]
    if claim.significant or claim.evidence.interval[0] <= rate:
        return ""
    alone = f" ({chance(claim.p)})" if claim.p < ERROR else ""
    return (
        f"Its interval excludes {share(rate)}, but that is the interval of one head alone{alone}: "
        f"among {claim.heads} heads, some get this far by luck."
    )


def chance(p: float) -> str:
    """Format a p-value as papers do."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def named(model: str) -> str:
    """Return the name of a model of the catalogue; for any other model, its id."""
    try:
        return catalog.card(model).name
    except UnknownModelError:
        return model


def _verdict(claim: ClaimResult) -> str:
    """Say how the count compares with the strongest baseline."""
    points = "less than 0.1 points" if claim.points < 0.05 else f"{fixed(claim.points, 1)} points"
    corrected = f"after correcting for trying {claim.heads} heads (Holm's method, {chance(claim.p_corrected)})"
    if claim.verdict == "few":
        return f"Fewer than {ENOUGH} are too few to say anything about this head."
    if claim.verdict == "none" and claim.points <= 0:
        return "That is not more than this baseline, so do not claim that this head finds them."
    if claim.verdict == "none":
        return f"That is {points} more, which is not significant ({chance(claim.p)})."
    if claim.verdict == "uncorrected":
        return f"That is {points} more, but not significant {corrected}."
    if claim.verdict == "slight":
        return f"That is only {points} more: significant {corrected}, but a small lead over a rule that ignores meaning."
    return f"That is {points} more, and significant {corrected}."


def _held_out(found: Evidence, offset: int | None) -> str:
    """Return the count on the half of the texts on which nothing was chosen."""
    name, rate = found.baseline
    unseen = "" if found.groups else ", where no head or offset was chosen,"
    return (
        f"On the {half(found)} of the texts{unseen} it is right in {share(found.rate)} of {found.n:,} "
        f"({span(found)}), against {share(rate)} by {_rule(name, offset)}."
    )


def _visible(claim: ClaimResult) -> str:
    """Say which links or questions a causal model is tested on."""
    return "links to an earlier word" if claim.direction else "pronouns after both candidates"


def _unseen(claim: ClaimResult) -> str:
    """Say why there is nothing to count."""
    if not claim.direction:
        return "There are no such questions in this atlas, so nothing can be said about this head."
    many, one, other = _words(claim.relation)
    start, end = (one, other) if claim.direction == "dh" else (other, one)
    why = f": the model reads left to right, and in these texts {end} never comes before {start}" if claim.causal else ""
    back = "hd" if claim.direction == "dh" else "dh"
    reverse = f" The other way round, {end} looking at {start}, {claim.other_way:,} are counted: direction {back}."
    nothing = f"No {many} were counted in this direction{why}. So nothing can be said about this head."
    return f"{nothing}{reverse if claim.other_way else ''}"


def _words(relation: str) -> tuple[str, str, str]:
    """Return how a sentence names the links of a relation: the dependents, one of them, and the word it depends on."""
    entry = _entries().get(relation) or _entries().get(relation.removesuffix(":"))
    if entry is None:
        return f"“{label(relation)}” links", "the dependent", "the word that it depends on"
    return entry["many"], entry["one"], entry["other"]


@lru_cache(maxsize=1)
def _entries() -> dict[str, dict[str, str]]:
    """Read the file content/claims.toml."""
    return tomllib.loads(charset.read(resources.files("attnviz").joinpath("content/claims.toml")))["relation"]
