"""Compare docs/findings.md with the shipped atlases: every row of its tables, and every sentence with a figure.

After the atlases were rebuilt, `python -m tests.content.test_findings` prints them again.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest

from attnviz.analysis.row_stats import NARROW
from attnviz.linguistics import claim_text, claims, external_results, habit_report
from attnviz.linguistics.atlas import reader, shared_texts
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.claims import ENOUGH, BestHead
from attnviz.linguistics.habit_report import MEANING, SimilarityResult, results
from attnviz.linguistics.probes.dependencies import LATER

FINDINGS = Path(__file__).parents[2] / "docs" / "findings.md"
MODELS = ("minilm", "smollm2")
EVERY = pytest.mark.parametrize("model", MODELS)
LOOKS = {"dh": "dependent at head", "hd": "head at dependent", "": "pronoun at candidate"}


@lru_cache(maxsize=len(MODELS))
def made(model: str) -> Atlas:
    found = reader.shipped(model)
    assert found is not None
    return found


@lru_cache(maxsize=len(MODELS))
def table(model: str) -> tuple[BestHead, ...]:
    """The rows of the document: every kind of link with enough instances on the odd half."""
    return tuple(one for one in claims.best_heads(made(model)) if one.evidence.n >= ENOUGH)


def apart(model: str) -> list[BestHead]:
    """The rows of links in which no subtypes are counted together, so that no link counts twice."""
    return [one for one in table(model) if one.direction and len(made(model).names[one.relation]) == 1]


def rate(share: float) -> str:
    return f"{100 * share:.1f}{NARROW}%"


def minus(written: str) -> str:
    return written.replace("-", "−")


def best(model: str, relation: str, direction: str = "") -> BestHead:
    return next(one for one in table(model) if (one.relation, one.direction) == (relation, direction))


def row(one: BestHead) -> str:
    """One line of a table."""
    found, twin = one.evidence, one.control
    low, high = found.interval
    name, strongest = found.baseline
    rule = f"offset {one.offset:+d}" if name == "offset" else name
    lead = f"{one.points:+.1f}" if one.beats else f"({one.points:+.1f})"
    n = f"{found.n:,} ({found.groups:,} sentences)" if found.groups else f"{found.n:,}"
    most = f", at most {rate(found.ceiling)}" if found.ceiling < 1.0 else ""
    assert twin is not None
    return minus(
        f"| {claim_text.label(one.relation)} | {LOOKS[one.direction]} | {n} | {one.head} | {rate(found.rate)} "
        f"({100 * low:.1f} to {100 * high:.1f}){most} | {rule} {rate(strongest)} | {lead} | "
        f"{one.interval[0]:+.1f} to {one.interval[1]:+.1f} | {rate(twin.evidence.rate)} |"
    )


def rows(model: str) -> list[str]:
    return [row(one) for one in table(model)]


def rate_and_rule(model: str, relation: str, direction: str = "") -> str:
    """How often the best head is right, and what the strongest rule reaches."""
    one = best(model, relation, direction)
    return f"{rate(one.evidence.rate)} of {one.evidence.n:,} (by rule {rate(one.evidence.baseline[1])})"


def lead(model: str, relation: str, direction: str) -> str:
    """A lead over a rule in points, with its interval."""
    one = best(model, relation, direction)
    return minus(f"{one.points:+.1f} points ({one.interval[0]:+.1f} to {one.interval[1]:+.1f})")


def chance(model: str) -> str:
    """The p-value of the best head on Winogender, corrected for trying all heads."""
    p = best(model, "winogender").p_corrected
    assert p is not None
    return f"p = {p:.2g}"


def mentioned(model: str) -> str:
    """How often the rule “the name mentioned more often” is right on GAP, on the odd half."""
    return rate(dict(best(model, "gap").evidence.baselines)["mentioned"])


def together(mine: str, other: str) -> BestHead:
    """The best head on the texts of GAP that both models were asked about."""
    found = shared_texts.best_head(made(mine), made(other), "gap")
    assert found is not None
    return found


def decidable(model: str) -> tuple[int, int]:
    """Hits and number of those questions in Winogender's odd half that differ from all questions with another answer."""
    found = made(model).questions("winogender")
    odd = found.where(~found.even)
    some, head = odd.where(odd.decidable), best(model, "winogender").head
    return int(some.counts[head.layer, head.head]), len(some)


def optimism(model: str, few: bool) -> str:
    """How many points more the chosen heads have, on average, on the half that they were chosen on."""
    single = [one for one in claims.best_heads(made(model)) if not one.direction or len(made(model).names[one.relation]) == 1]
    some = [one for one in single if (one.evidence.n < ENOUGH) == few]
    return f"{sum(100 * (one.chosen_on.rate - one.evidence.rate) for one in some) / len(some):.1f} points"


def leading(model: str) -> str:
    """The head that leads most of the relations' rows, and in how many rows it leads."""
    heads = Counter(one.head for one in apart(model) if one.beats)
    head, times = heads.most_common(1)[0]
    return f"{head} leads {times} of the {heads.total()} rows"


def untrained(model: str) -> tuple[float, float]:
    """How often the best heads of an untrained twin are right on links: on average over the rows, and at most."""
    rates = [one.control.evidence.rate for one in apart(model) if one.control is not None]
    return sum(rates) / len(rates), max(rates)


def like_untrained(model: str) -> list[BestHead]:
    """The rows in which a head beats its rule, but is not shown to be right more often than an untrained head."""
    return [one for one in apart(model) if one.beats and one.control and one.evidence.interval[0] <= one.control.evidence.rate]


def not_above_untrained() -> str:
    """Such rows of both models, in words."""
    found = [
        f"{claim_text.label(one.relation)} of {model} ({LOOKS[one.direction]}) beats its rule with "
        f"{rate(one.evidence.rate)} of "
        f"{one.evidence.n:,}, but the untrained model has {rate(one.control.evidence.rate)}"
        for model in MODELS
        for one in like_untrained(model)
        if one.control is not None
    ]
    return "; ".join(found) or "here every lead is one"


def sinks(model: str) -> str:
    """Heads that give the first token more than 0.3 on average (Gu et al. 2025)."""
    values = made(model).habit("sink").values
    return f"{int((values > 0.3).sum())} of {values.size} heads"


def similarity(model: str) -> str:
    """The head chosen on the even half for similarity of meaning, with its result on the odd half, also with words shuffled."""
    found, _ = most_similar(model)
    (low, high), shuffled = found.interval, round(found.shuffled, 3) + 0.0  # no zero has a sign
    written = (
        f"{found.head} {found.mean:.3f} ({low:.3f} to {high:.3f}; words shuffled {shuffled:.3f}) over {found.words:,} words of "
        f"{found.texts:,} sentences"
    )
    return written.replace("-", "−")


def most_similar(model: str) -> tuple[SimilarityResult, SimilarityResult]:
    """The head that follows similarity of meaning most, on the odd half and on the even half."""
    found = habit_report.best_similarity(made(model))
    assert found is not None
    return found


def habit_cells(model: str, key: str) -> str:
    """Three cells of the table of habits: the strongest head, its value, and the mean of all heads.

    "none" stands for a habit that this model cannot have; "not measured" for one that its atlas was built without.
    """
    one = next((one for one in results(made(model)) if one.key == key), None)
    if one is None:
        return "none | | " if key in made(model).header.habits else "not measured | | "
    unit = " bits" if one.scores.unit == "bits" else ""
    beside = "" if one.baseline is None else f" (shuffled {round(one.baseline, 3) + 0.0:.3f})"
    return f"{one.head} | {one.value:.3f}{unit}{beside} | {round(one.mean, 3) + 0.0:.3f}{unit}"


def habit_rows() -> list[str]:
    """One line for each habit, both models side by side."""
    named = {one.key: one.name for model in MODELS for one in results(made(model))}
    order = [key for key in (*made("minilm").header.habits, MEANING) if key in named]
    return [
        f"| {named[key]} | {habit_cells('minilm', key)} | {habit_cells('smollm2', key)} |".replace("-", "−") for key in order
    ]


def other_corpus() -> str:
    """What another corpus shows about relations on which the atlas shows no lead."""
    (corpus,) = external_results.corpora("minilm")
    leads = ", ".join(
        f"{one.relation} {one.points:+.1f} ({one.interval[0]:+.1f} to {one.interval[1]:+.1f}; {one.head}, n = {one.n:,})"
        for one in corpus.leads
    )
    return (
        f"On {corpus.name} ({corpus.used:,} of {corpus.texts:,} texts, not in the atlas), the heads and offsets of minilm that "
        "were chosen on the even half here lead by these points, after correcting for all "
        f"{corpus.tests} rows without a lead (Holm): {leads}."
    )


def unshown(model: str) -> str:
    """The kinds of link on which no head is shown to beat a rule, each with the lead that the test would find."""
    leads = claims.leads(made(model))
    some = [one for one in leads if not one.significant]
    named = ", ".join(f"{claim_text.label(one.relation)} ({one.detectable:.0f})" for one in some)
    return (
        f"On {len(some)} of {len(leads)} kinds of link no head is shown to beat a fixed rule, in either direction. In "
        f"brackets, the lead in points that a test on this many sentences finds four times in five: {named}."
    )


def facts() -> list[str]:
    """The sentences about what is surprising, with their figures from the files."""
    later = dict(made("smollm2").header.corpora[0].left_out)[LATER]
    first, second = best("minilm", "gap").head, best("smollm2", "gap").head
    adjectives = best("minilm", "amod", "dh").evidence
    shared, jobs = together("minilm", "smollm2"), best("smollm2", "winogender").evidence
    hits, n = decidable("smollm2")
    mean, most = untrained("minilm")
    mean_two, most_two = untrained("smollm2")
    asked = made("smollm2").questions("winogender")
    undecidable = len(asked) - int(asked.decidable.sum())
    return [
        "**Two small models have heads that find antecedents.** On GAP, texts from Wikipedia with two names and a pronoun, "
        f"{first} of minilm is right in {rate(best('minilm', 'gap').evidence.rate)} of {best('minilm', 'gap').evidence.n:,}, "
        f"{second} of smollm2 in {rate(best('smollm2', 'gap').evidence.rate)} of "
        f"{best('smollm2', 'gap').evidence.n:,}. Always taking "
        "the name that the text mentions more often (a tie counts half) is right in "
        f"{mentioned('minilm')} and {mentioned('smollm2')} of these. The texts are not the same, because a model that reads "
        "left to right is tested only on pronouns after both names. On the "
        f"{shared.evidence.n:,} pronouns that both were tested on, minilm has {rate(shared.evidence.rate)}, "
        "which is the figure to compare.",
        "**Where knowledge of the world decides, minilm is not shown to beat chance, and smollm2 can hardly be tested.** In "
        "Winogender, only what happens "
        f"in the sentence shows who is meant. The best head of minilm is right in {rate_and_rule('minilm', 'winogender')}: "
        "not significant, because these are wordings of 120 sentences, which are the same in both halves, and it is the best "
        f"of many heads ({chance('minilm')} after correcting for that). For smollm2, {undecidable // 2} of the "
        f"{len(asked) // 2} pairs are the same up to the pronoun, so a head is right on at most one "
        "of the two, and no head can "
        f"have more than {rate(jobs.ceiling)}. Its best head has {rate(jobs.rate)} of {jobs.n:,}, and {rate(hits / n)} of the "
        f"{n:,} that differ before the pronoun: Winogender is hardly a test for a model that reads left to right.",
        "**A relation can hide its parts.** nmod counts nouns after a preposition and possessors together: in minilm its head "
        "leads the rule by "
        f"{lead('minilm', 'nmod', 'dh')}, nmod without subtypes by {lead('minilm', 'nmod:', 'dh')} and possessors "
        "(nmod:poss) by "
        f"{lead('minilm', 'nmod:poss', 'dh')}, because one offset cannot fit both. Particles (compound:prt) lead by "
        f"{lead('minilm', 'compound:prt', 'dh')}, other compounds by {lead('minilm', 'compound:', 'dh')}.",
        f"**A head seldom follows only one relation.** In minilm, {leading('minilm')} in which a head beats its rule; in "
        f"smollm2, {leading('smollm2')}. The head that finds antecedents in smollm2, {second}, is also the best one from a "
        f"predicate to its subject: {rate_and_rule('smollm2', 'nsubj', 'hd')}. Calling any of them "
        "“the subject head” claims too much.",
        "**A simple rule can explain a high rate.** Adjectives come before their noun so often that “the next word” is right "
        f"in {rate(adjectives.baseline[1])} of them; the best head of minilm has {rate(adjectives.rate)} of "
        f"{adjectives.n:,}, a lead "
        f"of {lead('minilm', 'amod', 'dh')}, which this many sentences cannot distinguish from zero. In smollm2 it is "
        f"{lead('smollm2', 'amod', 'hd')}. Without the rule beside it, {rate(adjectives.rate)} would look like a discovery.",
        "**A lead that is not shown may still exist.** The odd half of EWT dev has few links of many kinds, so a test that "
        f"finds no lead there does not prove that there is none. {other_corpus()}",
        "**In both models, objects have the largest lead, not determiners.** Objects look at their verb: minilm "
        f"{rate_and_rule('minilm', 'obj', 'dh')}, smollm2 {rate_and_rule('smollm2', 'obj', 'dh')}. "
        "Determiners of minilm look at their noun in "
        f"{rate_and_rule('minilm', 'det', 'dh')}.",
        "**Training makes these heads.** The best head of an untrained model with the same architecture and tokenizer is right "
        f"in {rate(mean)} of the links of a row on average and in {rate(most)} at most for minilm, in {rate(mean_two)} and "
        f"{rate(most_two)} for smollm2, whose heads choose only among earlier words. A lead over a "
        "rule is not always a lead over "
        f"the untrained model: {not_above_untrained()}.",
        f"**Reading from left to right limits what can be tested.** {later:,} links of the corpus lead to a later word, which "
        "smollm2 cannot see: no determiner can look at its noun. From the noun, "
        f"{best('smollm2', 'det', 'hd').head} finds the determiner in {rate_and_rule('smollm2', 'det', 'hd')}.",
        "**The best of many looks better than it is.** On the half that they were chosen on, the heads of these tables are "
        f"right {optimism('minilm', few=False)} more often in minilm and {optimism('smollm2', few=False)} in smollm2, on "
        f"average. For kinds of link with fewer than {ENOUGH} instances, left out here, it is {optimism('minilm', few=True)} "
        f"and {optimism('smollm2', few=True)}.",
        f"**Most heads of smollm2 use the first token as a sink.** {sinks('smollm2')} give it more than 0.3 of their attention "
        "on average (as Gu et al. 2025, arXiv:2410.10781, but without that token's own row); in minilm, where it is [CLS], "
        f"{sinks('minilm')}.",
        "**Some heads follow similarity of meaning.** The rank correlation of a word's attention with the similarity of the "
        "words' input embeddings, on the odd half, for the head chosen on the even half (95 % interval over sentences): "
        f"{similarity('minilm')} in minilm, {similarity('smollm2')} in smollm2.",
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
        counts = {one.counted: one.n for one in results(made(model))}
        assert f"{counts['texts']:,} texts" in flat
        assert f"{counts['words']:,} words of {model}" in flat


@EVERY
def test_on_how_many_kinds_of_link_no_head_is_shown_to_beat_a_rule(model: str):
    assert unshown(model) in " ".join(section(model).split())


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
    assert together("minilm", "smollm2").evidence.n == best("smollm2", "gap").evidence.n
    assert together("minilm", "smollm2").evidence.rate < best("minilm", "gap").evidence.rate
    asked = made("smollm2").questions("winogender")
    assert (len(asked), asked.ceiling) == (720, 456 / 720)
    assert made("minilm").questions("winogender").ceiling == 1.0
    counts = asked.where(~asked.decidable).counts
    assert counts.max() <= 264  # one of each pair
    assert best("minilm", "nmod", "dh").beats
    assert not best("minilm", "nmod:", "dh").beats
    assert best("minilm", "nmod:poss", "dh").beats
    assert best("minilm", "compound:prt", "dh").beats
    assert best("smollm2", "nsubj", "hd").head == best("smollm2", "gap").head
    for one in (best("minilm", "amod", "dh"), best("smollm2", "amod", "hd")):
        assert not one.beats
        assert one.interval[1] > 0
    for model in MODELS:
        assert max((one for one in table(model) if one.direction), key=lambda one: one.points) == best(model, "obj", "dh")
        for one in table(model):
            assert one.control is not None
        assert len(like_untrained(model)) <= 2
    unshown_here = {one.relation for one in claims.leads(made("minilm")) if not one.significant}
    assert {one.relation for corpus in external_results.corpora("minilm") for one in corpus.leads} <= unshown_here
    assert made("smollm2").relations["det", "dh"] == 0
    for model in MODELS:
        held_out, _ = most_similar(model)
        assert held_out.interval[0] > held_out.shuffled_interval[1] + 0.1


if __name__ == "__main__":
    print(*(f"- {fact}" for fact in facts()), sep="\n")
    print(*habit_rows(), sep="\n")
    for model in MODELS:
        print(model, unshown(model), sep="\n")
        print(*(f"{corpus.name}: {corpus.used:,} of {corpus.texts:,} texts" for corpus in made(model).header.corpora), sep="\n")
        print(*rows(model), sep="\n")
