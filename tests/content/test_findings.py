"""docs/findings.md held to the shipped atlases: every row of its tables, and every sentence with a figure.

`python -m tests.content.test_findings` prints them anew, for whoever builds the atlases again.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest

from attnviz.analysis.shares import NARROW
from attnviz.linguistics import atlas, claims
from attnviz.linguistics import likeness as meant
from attnviz.linguistics.atlas import Atlas
from attnviz.linguistics.claims import ENOUGH, Best
from attnviz.linguistics.decisions import LATER
from attnviz.linguistics.leanings import MEANING, leanings
from attnviz.linguistics.likeness import Followed

FINDINGS = Path(__file__).parents[2] / "docs" / "findings.md"
MODELS = ("minilm", "smollm2")
EVERY = pytest.mark.parametrize("model", MODELS)
LOOKS = {"dh": "dependent at head", "hd": "head at dependent", "": "pronoun at candidate"}


@lru_cache(maxsize=len(MODELS))
def made(model: str) -> Atlas:
    found = atlas.shipped(model)
    assert found is not None
    return found


@lru_cache(maxsize=len(MODELS))
def table(model: str) -> tuple[Best, ...]:
    """What the document lists: all that has enough instances on the odd half."""
    return tuple(one for one in claims.table(made(model)) if one.evidence.n >= ENOUGH)


def rate(share: float) -> str:
    return f"{100 * share:.1f}{NARROW}%"


def best(model: str, relation: str, direction: str = "") -> Best:
    return next(one for one in table(model) if (one.relation, one.direction) == (relation, direction))


def row(one: Best) -> str:
    """One line of a table."""
    found = one.evidence
    low, high = found.interval
    name, strongest = found.baseline
    rule = f"offset {one.offset:+d}" if name == "offset" else name
    lead = f"{one.points:+.1f}" if one.beats else f"({one.points:+.1f})"
    n = f"{found.n:,} ({found.groups:,} sentences)" if found.groups else f"{found.n:,}"
    written = (
        f"| {one.relation} | {LOOKS[one.direction]} | {n} | {one.head} | {rate(found.rate)} "
        f"({100 * low:.1f} to {100 * high:.1f}) | {rule} {rate(strongest)} | {lead} |"
    )
    return written.replace("-", "−")


def rows(model: str) -> list[str]:
    return [row(one) for one in table(model)]


def said(model: str, relation: str, direction: str = "") -> str:
    """How often the best head is right, and what the strongest rule reaches."""
    one = best(model, relation, direction)
    return f"{rate(one.evidence.rate)} of {one.evidence.n:,} (by rule {rate(one.evidence.baseline[1])})"


def chance(model: str) -> str:
    """What is left of the best head on Winogender after correcting for the choice among all heads."""
    p = best(model, "winogender").p_corrected
    assert p is not None
    return f"p = {p:.2g}"


def optimism(model: str, few: bool) -> str:
    """How many points better the chosen heads look on the half that they were chosen on, on average."""
    some = [one for one in claims.table(made(model)) if (one.evidence.n < ENOUGH) == few]
    return f"{sum(100 * (one.chosen_on.rate - one.evidence.rate) for one in some) / len(some):.1f} points"


def leading(model: str) -> str:
    """For how many of the relations' rows one head is the best, and which one it is for most of them."""
    heads = Counter(one.head for one in table(model) if one.direction and one.beats)
    head, times = heads.most_common(1)[0]
    return f"{head} leads {times} of the {heads.total()} rows"


def resting(model: str) -> str:
    """Heads that give the first token more than 0.3 on average (Gu et al. 2025)."""
    values = made(model).habit("sink").values
    return f"{int((values > 0.3).sum())} of {values.size} heads"


def likeness(model: str) -> str:
    """The head that follows the likeness of words most on the even half, by the odd one, and what a shuffle leaves of it."""
    found, _ = followed(model)
    (low, high), shuffled = found.interval, round(found.shuffled, 3) + 0.0  # no zero has a sign
    written = (
        f"{found.head} {found.mean:.3f} ({low:.3f} to {high:.3f}; words shuffled {shuffled:.3f}) over {found.words:,} words of "
        f"{found.texts:,} sentences"
    )
    return written.replace("-", "−")


def followed(model: str) -> tuple[Followed, Followed]:
    """The head of meaning on the odd half, and on the even one."""
    found = meant.best(made(model))
    assert found is not None
    return found


def leaning(model: str, key: str) -> str:
    """Three cells of the table of habits: the head that has most, how much, and what all heads have."""
    one = next((one for one in leanings(made(model)) if one.key == key), None)
    if one is None:
        return "none | | "
    unit = " bits" if one.scores.unit == "bits" else ""
    beside = "" if one.baseline is None else f" (shuffled {round(one.baseline, 3) + 0.0:.3f})"
    return f"{one.head} | {one.value:.3f}{unit}{beside} | {round(one.mean, 3) + 0.0:.3f}{unit}"


def habit_rows() -> list[str]:
    """One line for each habit, both models side by side."""
    named = {one.key: one.name for model in MODELS for one in leanings(made(model))}
    order = [key for key in (*made("minilm").header.habits, MEANING) if key in named]
    return [f"| {named[key]} | {leaning('minilm', key)} | {leaning('smollm2', key)} |".replace("-", "−") for key in order]


def facts() -> list[str]:
    """The sentences on what is surprising, with their figures from the files."""
    later = dict(made("smollm2").header.corpora[0].left_out)[LATER]
    first, second = best("minilm", "gap").head, best("smollm2", "gap").head
    adjectives = best("minilm", "amod", "dh").evidence
    return [
        "**Two small models have heads that find antecedents, but hardly where the world decides.** On GAP, where names stand "
        f"in running text, {first} of minilm is right in {said('minilm', 'gap')}, {second} of smollm2 in "
        f"{said('smollm2', 'gap')}. On Winogender, where only what happens in the sentence tells who is meant, the best head "
        f"of minilm is right in {said('minilm', 'winogender')}, that of smollm2 in {said('smollm2', 'winogender')}: no better "
        "than a coin, once it is said that these are wordings of 120 sentences, that both halves hold the same ones, and that "
        f"the best of many was taken ({chance('minilm')} and {chance('smollm2')} after correcting for that).",
        f"**A head seldom has one relation of its own.** In minilm, {leading('minilm')} in which a head beats its rule; in "
        f"smollm2, {leading('smollm2')}. The head that finds antecedents in smollm2, {second}, is also the best one from a "
        f"predicate to its subject: {said('smollm2', 'nsubj', 'hd')}. Calling any of them “the subject head” says too much.",
        "**Some of the commonest links need no head.** Adjectives stand before their noun so often that “the next word” is "
        f"right in {rate(adjectives.baseline[1])} of them, and the best head of minilm adds nothing that could be told from "
        f"luck: {said('minilm', 'amod', 'dh')}; in smollm2 {said('smollm2', 'amod', 'hd')}. In minilm, compounds are the same. "
        f"Without the rule beside it, {rate(adjectives.rate)} would look like a find.",
        "**The largest lead in both models is that of objects, not of determiners.** Objects look at their verb: minilm "
        f"{said('minilm', 'obj', 'dh')}, smollm2 {said('smollm2', 'obj', 'dh')}. Determiners of minilm look at their noun in "
        f"{said('minilm', 'det', 'dh')}.",
        f"**Reading from left to right decides what can be asked.** {later:,} links of the corpus lead to a later word, and "
        "smollm2 cannot see them: no determiner ever looks at its noun. Seen from the noun, "
        f"{best('smollm2', 'det', 'hd').head} finds it in {said('smollm2', 'det', 'hd')}.",
        "**The best of many looks better than it is.** On the half on which they were chosen, the heads of these tables are "
        f"right {optimism('minilm', few=False)} more often in minilm and {optimism('smollm2', few=False)} in smollm2, on "
        f"average; those of kinds of link with fewer than {ENOUGH} instances, left out here, {optimism('minilm', few=True)} "
        f"and {optimism('smollm2', few=True)}.",
        f"**Most heads of smollm2 rest on the first token.** {resting('smollm2')} give it more than 0.3 of their attention on "
        "average (as Gu et al. 2025, arXiv:2410.10781, but without that token's own row); in minilm, where it is [CLS], "
        f"{resting('minilm')}.",
        "**Some heads follow likeness of meaning.** Rank correlation of a word's attention with the likeness of the words' "
        "input embeddings, of the head that leads on the even half, by the odd one (95 % interval over sentences): "
        f"{likeness('minilm')} in minilm, {likeness('smollm2')} in smollm2.",
    ]


def section(model: str) -> str:
    """The part of the document about one model."""
    found = re.search(rf"^## [^\n]*\(`{model}`\)\n(.+?)(?=^## |\Z)", FINDINGS.read_text(), re.M | re.S)
    assert found is not None
    return found[1]


@EVERY
def test_the_table_is_that_of_the_shipped_atlas(model: str):
    lines = [line for line in section(model).splitlines() if line.startswith("| ") and "·H" in line]
    assert lines == rows(model)


def test_the_table_of_habits_is_that_of_the_shipped_atlases():
    text = FINDINGS.read_text()
    part = text[text.index("## Habits") :]
    assert [line for line in part.splitlines() if line.startswith("| ") and "·H" in line] == habit_rows()
    flat = " ".join(part.split())
    for model in MODELS:
        counts = {one.counted: one.n for one in leanings(made(model))}
        assert f"{counts['texts']:,} texts" in flat
        assert f"{counts['words']:,} words of {model}" in flat


@EVERY
def test_how_many_relations_no_head_beats_a_fixed_rule_on(model: str):
    unbeaten, counted = claims.unbeaten(claims.table(made(model)))
    text = " ".join(section(model).split())
    assert f"On {len(unbeaten)} of {len(counted)} relations no head beats a fixed rule, in either direction" in text
    assert ", ".join(unbeaten) in text


@EVERY
def test_the_counts_of_the_corpora_are_the_atlass(model: str):
    text = " ".join(section(model).split())
    for corpus in made(model).header.corpora:
        assert f"{corpus.name}: {corpus.used:,} of {corpus.texts:,} texts" in text


def test_each_surprise_is_what_the_atlases_say():
    text = " ".join(FINDINGS.read_text().split())
    found = re.search("## What is surprising (.+?) ## ", text)
    assert found is not None
    assert found[1] == " ".join(" ".join(f"- {fact}" for fact in facts()).split())


def test_each_surprise_has_figures_that_bear_it_out():
    for model in MODELS:
        assert best(model, "gap").beats
        assert best(model, "gap").evidence.interval[0] > best(model, "winogender").evidence.interval[1]
        assert best(model, "winogender").evidence.groups == 120
        assert not best(model, "winogender").beats
    assert best("smollm2", "nsubj", "hd").head == best("smollm2", "gap").head
    assert not best("minilm", "amod", "dh").beats
    assert not best("smollm2", "amod", "hd").beats
    assert {"amod", "compound"} <= {*claims.unbeaten(claims.table(made("minilm")))[0]}
    for model in MODELS:
        assert max((one for one in table(model) if one.direction), key=lambda one: one.points) == best(model, "obj", "dh")
    assert made("smollm2").relations["det", "dh"] == 0
    for model in MODELS:
        held_out, _ = followed(model)
        assert held_out.interval[0] > held_out.shuffled_interval[1] + 0.1


if __name__ == "__main__":
    print(*(f"- {fact}" for fact in facts()), sep="\n")
    print(*habit_rows(), sep="\n")
    for model in MODELS:
        print(model, claims.unbeaten(claims.table(made(model))), sep="\n")
        print(*(f"{corpus.name}: {corpus.used:,} of {corpus.texts:,} texts" for corpus in made(model).header.corpora), sep="\n")
        print(*rows(model), sep="\n")
