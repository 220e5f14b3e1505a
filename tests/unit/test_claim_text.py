"""What can be claimed about a head: one wording for each verdict, every number in it from the counts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from attnviz.analysis import statistics
from attnviz.linguistics import claim_text, claims
from attnviz.linguistics.claims import ClaimResult
from attnviz.types import HeadRef

TREES = "UD English EWT, dev"


def claim(hits: int, n: int, rules: dict[str, float], p: float, p_corrected: float, **more) -> ClaimResult:
    """A claim about L3·H1 of minilm; its held-out half is half as large, with the same rate."""
    count = partial(statistics.evidence, chosen="named", scheme=claims.LINKS, source=TREES)
    counts = count(hits, n, rules), count(hits // 2, n // 2, rules)
    made = ClaimResult("minilm", False, "det", "dh", HeadRef(3, 1), 1, *counts, rank=2, heads=72, p=p, p_corrected=p_corrected)
    return replace(made, **more)


RULES = {"offset": 0.52, "chance": 0.05}
CLEAR = claim(800, 1234, RULES, 1e-20, 1e-18)
SLIGHT = claim(753, 1234, RULES, 1e-10, 1e-8)
ENDS = f" Counted by this scheme: {claims.LINKS}. {claim_text.CAUTION}"


def test_a_head_clearly_better_than_its_baseline():
    # 800 of 1,234 = 64.8 %, Wilson 62.1 to 67.4 %, 12.8 points above 52; 400 of 617, Wilson 61.0 to 68.5 %.
    assert claim_text.sentence(CLEAR) == (
        "On 1,234 determiners of UD English EWT, dev, L3·H1 of all-MiniLM-L6-v2 looks most at the head noun in 64.8\u202f% "
        "(95\u202f% interval 62.1 to 67.4\u202f%); always taking the next word (offset +1) is right in 52.0\u202f%. "
        "That is 12.8 points more, and significant after correcting for trying 72 heads (Holm's method, p < 0.001). "
        "On the held-out half of the texts, where no head or offset was chosen, it is right in 64.8\u202f% of 617 "
        f"(61.0 to 68.5\u202f%), against 52.0\u202f% by always taking the next word (offset +1).{ENDS}"
    )


def test_a_head_that_leads_by_little():
    found = claim_text.sentence(SLIGHT)
    assert SLIGHT.verdict == "slight"
    assert (
        "in 61.0\u202f% (95\u202f% interval 58.3 to 63.7\u202f%); always taking the next word (offset +1) is right in "
        "52.0\u202f%." in found
    )
    assert "That is only 9.0 points more: significant after correcting" in found
    assert "small lead over a rule that ignores meaning" in found


def test_a_head_that_is_better_but_not_after_the_correction():
    found = claim_text.sentence(claim(680, 1234, RULES, 0.012, 0.86))
    assert "That is 3.1 points more, but not significant after correcting for trying 72 heads (" in found
    assert "p = 0.86)." in found


def test_an_interval_that_excludes_the_baseline_beside_a_lead_that_is_not_significant_is_explained():
    # 717 of 1,234 = 58.1 %, Wilson 55.3 to 60.8 %: above 52, but one of 72 heads may get there by luck.
    found = claim_text.luck(claim(717, 1234, RULES, 0.01, 1.0))
    assert found == (
        "Its interval excludes 52.0\u202f%, but that is the interval of one head alone (p = 0.01): "
        "among 72 heads, some get this far by luck."
    )
    assert claim_text.luck(CLEAR) == claim_text.luck(claim(656, 1234, RULES, 0.2, 1.0)) == ""


def test_a_head_that_is_no_better():
    found = claim_text.sentence(claim(600, 1234, RULES, 0.99, 1.0))
    assert "That is not more than this baseline, so do not claim that this head finds them." in found
    found = claim_text.sentence(claim(656, 1234, RULES, 0.2, 1.0))
    assert "That is 1.2 points more, which is not significant (p = 0.2)." in found
    found = claim_text.sentence(claim(645, 1234, RULES, 0.4, 1.0))
    assert "That is 0.3 points more, which is not significant (p = 0.4)." in found


def test_too_few_instances_say_nothing():
    found = claim_text.sentence(claim(9, 12, {"offset": 0.1, "chance": 0.05}, 1e-6, 1e-4))
    assert "On 12 determiners" in found
    assert "Fewer than 30 are too few to say anything about this head." in found
    assert "significant" not in found


@pytest.mark.parametrize("made", [CLEAR, SLIGHT, claim(9, 12, RULES, 0.1, 1.0), claim(0, 0, {}, 1.0, 1.0)])
def test_every_sentence_ends_with_what_attention_is(made: ClaimResult):
    assert claim_text.sentence(made).endswith("Attention is a signal, not an explanation of what the model does.")


def test_the_other_direction_looks_from_the_head():
    found = claim_text.counted(replace(CLEAR, direction="hd", offset=-1))
    assert "looks most from the head noun at the determiner in 64.8\u202f%" in found
    assert "always taking the word before (offset −1)" in found


def test_pronouns():
    made = replace(claim(1500, 2000, {"nearest": 0.55, "chance": 0.5}, 1e-30, 1e-28), relation="gap", direction="", offset=None)
    found = claim_text.sentence(made)
    assert "On 2,000 pronouns of" in found
    assert "gives the right candidate more than the wrong one in 75.0\u202f%" in found
    assert "taking the nearer candidate is right in 55.0\u202f%" in found
    assert "by taking the nearer candidate." in found
    assert claim_text.WORDINGS not in found


def test_wordings_of_one_sentence_are_counted_as_one_and_say_so():
    counts = statistics.evidence(
        411, 720, {"nearest": 0.5, "chance": 0.5}, chosen="named", scheme=claims.QUESTIONS, source="Winogender", groups=120,
        effective_n=253.236,
    )  # fmt: skip
    made = replace(
        claim(0, 0, {}, 0.014, 1.0), evidence=counts, held_out=counts, relation="winogender", direction="", offset=None
    )
    found = claim_text.sentence(made)
    # 411 of 720 = 57.1 %, as 144.6 of 253.2: Wilson 50.9 to 63.0 %; of 720 coins it would be 53 to 61 %.
    assert found.startswith("On 720 pronouns of Winogender, wordings of 120 sentences, L3·H1 of all-MiniLM-L6-v2 gives")
    assert "in 57.1\u202f% (95\u202f% interval by sentences 50.9 to 63.0\u202f%)" in found
    assert "not significant after correcting for trying 72 heads" in found
    assert claim_text.WORDINGS in found


def test_unlike_collections_that_are_counted_together_are_named_with_their_own_rates():
    count = partial(statistics.evidence, chosen="named", scheme=claims.QUESTIONS)
    parts = (
        count(1600, 2000, {"chance": 0.5}, source="Names"),
        count(500, 1000, {"chance": 0.5}, source="Jobs"),
    )
    both = replace(claim(2100, 3000, {"chance": 0.5}, 1e-30, 1e-28), relation="coreference", direction="", offset=None)
    # Wilson: 1,600 of 2,000 78.2 to 81.7 %; 500 of 1,000 46.9 to 53.1 %.
    each = "each alone: Names 80.0\u202f% of 2,000 (78.2 to 81.7\u202f%), Jobs 50.0\u202f% of 1,000 (46.9 to 53.1\u202f%)"
    assert each in claim_text.sentence(replace(both, parts=parts))
    assert "alone" not in claim_text.sentence(both)


def test_a_claim_about_a_causal_model_says_what_is_tested():
    found = claim_text.sentence(replace(CLEAR, causal=True))
    assert "The model reads left to right, so only links to an earlier word are counted." in found
    found = claim_text.sentence(replace(CLEAR, causal=True, relation="gap", direction="", offset=None))
    assert "so only pronouns after both candidates are counted." in found


def test_nothing_counted_says_why():
    nothing = claim(0, 0, {}, 1.0, 1.0)
    assert claim_text.sentence(nothing).startswith(
        "No determiners were counted in this direction. So nothing can be said about this head."
    )
    late = claim_text.sentence(replace(nothing, causal=True))
    assert "the model reads left to right, and in these texts the head noun never comes before the determiner" in late


def test_a_relation_without_words_of_its_own_is_named_by_its_label():
    found = claim_text.counted(replace(CLEAR, relation="orphan"))
    assert "On 1,234 “orphan” links of" in found
    assert "looks most at the word that it depends on" in found


def test_chances_and_distances_as_papers_write_them():
    assert [claim_text.chance(p) for p in (0.0, 0.00099, 0.001, 0.0456, 1.0)] == [
        "p < 0.001", "p < 0.001", "p = 0.001", "p = 0.046", "p = 1",
    ]  # fmt: skip
    assert [claim_text.signed(offset) for offset in (1, -12)] == ["+1", "−12"]
    assert [claim_text.place(offset) for offset in (1, -1, 2, -12)] == [
        "the next word", "the word before", "the word 2 places after", "the word 12 places before",
    ]  # fmt: skip
    assert claim_text.named("./my-model") == "./my-model"
