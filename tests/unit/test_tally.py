"""A tally on weights made by hand: right, wrong and left out, the rules beside it, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from attnviz import cli
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.linguistics import tally, tally_text
from attnviz.linguistics.marked_sentences import marked_sentence
from attnviz.text import words
from attnviz.types import AttentionRequest, HeadRef, Token

H = HeadRef(1, 2)  # of 2 layers with 3 heads


def trace(text: str, row: list[float], source: int, *, unknown: int | None = None, causal: bool = False) -> Trace:
    """A trace with a token for each word between two special ones; `row` are the weights of word `source` in L1·H2."""
    places = words(text)
    tokens = (
        Token("[CLS]", "[CLS]", 0, 0, None),
        *(Token(text[a:b], text[a:b], a, b, at, unknown=at == unknown) for at, (a, b) in enumerate(places)),
        Token("[SEP]", "[SEP]", len(text), len(text), None),
    )
    n = len(tokens)
    mask = np.tri(n) if causal else np.ones((n, n))
    weights = np.tile((mask / mask.sum(-1, keepdims=True)).astype(np.float32), (3, 1, 1))
    chosen = weights.copy()
    chosen[2, source + 1] = row
    block = Block("self", tokens, tokens, (Dense(weights), Dense(chosen)))
    return Trace(AttentionRequest("made", text), (block,))


def result(written: str, row: list[float], source: int, **more: object) -> tally.SentenceResult:
    one = marked_sentence(written)
    return tally.result(tally.sentence_row(one, trace(one.text, row, source, **more)), H)  # type: ignore[arg-type]


def test_the_right_word_needs_more_than_every_other_word_but_not_than_special_tokens():
    # [CLS] *cats* saw [it] ran [SEP]
    found = result("*cats* saw [it] ran", [0.4, 0.2, 0.1, 0.15, 0.05, 0.1], 2)
    assert (found.result, found.looks_at) == ("right", (0, 4))
    assert (found.weight, found.right_weight, found.special) == pytest.approx((0.2, 0.2, 0.5))


def test_the_word_itself_is_not_chosen_and_another_word_is_wrong():
    found = result("*cats* saw [it] ran", [0.1, 0.1, 0.2, 0.5, 0.05, 0.05], 2)
    assert (found.result, found.looks_at) == ("wrong", (5, 8))
    assert (found.weight, found.right_weight) == pytest.approx((0.2, 0.1))


def test_a_tie_is_wrong_and_says_so():
    found = result("*cats* saw [it] ran", [0.2, 0.25, 0.25, 0.1, 0.1, 0.1], 2)
    assert (found.result, found.looks_at, found.reason) == ("wrong", None, "several words get equally much")


def test_any_word_of_several_right_ones_counts():
    assert result("*Mary Smith* saw [her]", [0.1, 0.1, 0.5, 0.1, 0.1, 0.1], 3).result == "right"


def test_what_a_model_cannot_see_or_read_is_not_counted():
    row = [0.1, 0.2, 0.2, 0.3, 0.1, 0.1]
    assert result("*cats* saw [it] ran", row, 2, unknown=0).reason == tally.UNKNOWN
    assert result("*cats* saw [it] ran", row, 2, unknown=1).result == "wrong"  # another word is unknown
    later = [0.4, 0.3, 0.3, 0.0, 0.0, 0.0]
    assert result("cats [saw] *it* ran", later, 1, causal=True).reason == tally.LATER
    assert result("cats saw it ran", row, 2).result == "not counted"


def rows() -> list[tally.SentenceRow]:
    """Three sentences, right word two before, two before and one before; the head is right on the first and the last."""
    made = [
        ("*cats* saw [it] ran", [0.4, 0.2, 0.1, 0.15, 0.05, 0.1], 2),
        ("*cats* saw [it] ran", [0.1, 0.1, 0.2, 0.5, 0.05, 0.05], 2),
        ("cats *saw* [it] ran", [0.1, 0.1, 0.2, 0.5, 0.05, 0.05], 2),
        ("cats saw it ran", [0.1, 0.1, 0.2, 0.5, 0.05, 0.05], 2),
    ]
    return [tally.sentence_row(one := marked_sentence(text), trace(one.text, row, at)) for text, row, at in made]


def test_the_count_stands_beside_rules_that_do_not_read():
    made = tally.tally(rows(), H, "class.txt")
    assert (made.evidence.hits, made.evidence.n, made.offset) == (2, 3, -2)
    known = dict(made.evidence.baselines)
    assert known["offset"] == pytest.approx(2 / 3)
    assert known["chance"] == pytest.approx(1 / 3)  # three other words in each
    assert sum(made.left_out.values()) == 1
    assert made.lead is None
    assert tally_text.headline(made) == "right in 2 of 3"
    whole = tally_text.sentence(made, "made-up")
    assert "always the word 2 places before in 2 (66.7\u202f%)" in whole
    assert "too few for a claim" in whole


def test_thirty_sentences_have_a_lead_over_the_strongest_rule():
    made = tally.tally(rows()[:3] * 10, H, "class.txt")
    assert made.lead is not None
    assert made.lead[0] == pytest.approx(0.0)  # 20 of 30, as the fixed distance
    assert made.lead[3] > 0.5
    assert tally_text.CHOSEN in tally_text.sentence(made, "made-up")


def test_a_head_that_the_model_does_not_have_is_named():
    with pytest.raises(BadInputError, match="layers 0 to 1 with heads 0 to 2; there is no L2·H0"):
        tally.tally(rows(), HeadRef(2, 0), "class.txt")


def test_nothing_to_count_has_no_number():
    made = tally.tally(rows()[3:], H, "class.txt")
    assert made.evidence.n == 0
    assert tally_text.sentence(made, "made-up") == "L1·H2 of made-up: no sentence could be counted."


@pytest.mark.slow
def test_the_command_counts_a_file_and_reports_its_broken_lines(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    file = tmp_path / "class.txt"
    file.write_text("The *animal* didn't cross because [it] was tired\n[x\nThe dog slept\n", encoding="utf-8")
    assert cli.main(["tally", str(file), "--head", "L3·H1", "--format", "json"]) == 0
    out, err = capfd.readouterr()
    found = json.loads(out)
    assert (found["model"], found["layer"], found["head"], found["n"], found["hits"]) == ("minilm", 3, 1, 1, 1)
    assert found["sentences"][0]["looks_at"] == {"text": "animal", "start": 4, "end": 10}
    assert found["left_out"] == {"no word is in brackets, and no English pronoun was found": 1}
    assert [line["line"] for line in found["broken"]] == [2]
    assert "class.txt:2: A mark ends on its own line" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("{file}", "--head", "x"), "A head is written"),
        (("/nowhere", "--head", "3.1"), "A corpus is a file that can be read"),
        (("{file}", "--head", "3.1", "--model", "nothing"), "nothing"),
        (("{file}", "--head", "3.1"), "A tally needs sentences"),
    ],
)
def test_bad_input_ends_with_a_message(
    arguments: tuple[str, ...], says: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    file = tmp_path / "empty.txt"
    file.write_text("\n# nothing\n", encoding="utf-8")
    assert cli.main(["tally", *(one.format(file=file) for one in arguments)]) == 2
    assert says in capfd.readouterr().err


def test_the_nearest_noun_is_no_rule_for_sentences_that_are_not_english():
    german = [f"Die Katze jagt den *Hund* , weil [er] bellt und Nummer {at} nicht" for at in "ab"]
    english = "The cat chases the *dog* because [it] barks"

    def counted(*lines: str) -> tally.Tally:
        rows = []
        for line in lines:
            one = marked_sentence(line)
            n = len(words(one.text)) + 2
            rows.append(tally.sentence_row(one, trace(one.text, [1 / n] * n, 1)))
        return tally.tally(rows, H, "these")

    assert tally.NOUN in dict(counted(english).evidence.baselines)
    assert tally_text.no_noun(counted(english)) == ""
    for lines, says in (
        (german, "The sentences do not look English"), (german[:1], "The sentence does not look English"),
        ([english, *german], "2 of 3 sentences do not look English"), ([english, german[0]], "1 of 2 sentences does not look"),
    ):  # fmt: skip
        found = counted(*lines)
        assert tally.NOUN not in dict(found.evidence.baselines)
        assert tally_text.no_noun(found).startswith(says)
        assert "the parser that finds nouns reads only English" in tally_text.sentence(found, "made")
