"""The description of every head of both models on ordinary sentences, against a second, slow count of the same weights."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from attnviz.analysis import head_profile, head_roles, view
from attnviz.engine.trace import Trace
from attnviz.types import AttentionRequest, HeadRef
from attnviz.view_state import ViewOptions

pytestmark = pytest.mark.slow  # both models are loaded, and 342 heads counted in plain loops, ten times

SENTENCES = (
    "The dog chased the cat in the garden",
    "The animal didn't cross the street because it was too tired.",
    "She poured water from the bottle into the cup until it was full.",
    "My brother lives in Berlin, but his wife works in Paris.",
    "Yesterday the children played football in the park near our house.",
    "The old man who sold the boat never learned to swim.",
    "Although it was raining, they decided to walk home together.",
    "Scientists have discovered a new planet that might support life.",
    "I have never seen such a beautiful sunset in my whole life.",
    "The teacher told the students that the exam had been moved to Friday.",
)
PLACES = ("first", "separator", "previous", "next", "itself", "other")


def words_of(trace: Trace) -> list[list[int]]:
    """Tokens by word in the order of the text; special tokens stand alone."""
    found: list[list[int]] = []
    for at, token in enumerate(trace.tokens):
        if found and token.word is not None and trace.tokens[found[-1][0]].word == token.word:
            found[-1].append(at)
        else:
            found.append([at])
    return found


def counted(trace: Trace, layer: int, head: int, words: list[list[int]]) -> tuple[dict[str, float], Counter[str], int]:
    """Shares and first choices of every place, by loops over the head's own weights in Python's numbers."""
    tokens = [[float(w) for w in row] for row in trace.weights(layer, head)]
    special = [trace.tokens[word[0]].special for word in words]
    total, chosen, rows = dict.fromkeys(PLACES, 0.0), Counter[str](), 0
    for query, pieces in enumerate(words):
        seen = range(query + 1) if trace.causal else range(len(words))
        if special[query] or len(seen) < 2:
            continue
        rows += 1
        row = {key: sum(tokens[piece][t] for piece in pieces for t in words[key]) / len(pieces) for key in seen}
        names = {key: place(query, key, special) for key in seen}
        for key, weight in row.items():
            total[names[key]] += weight
        chosen[names[max(row, key=lambda key: row[key])]] += 1
    return {name: share / rows for name, share in total.items()}, chosen, rows


def place(query: int, key: int, special: list[bool]) -> str:
    """What a key is to a query."""
    if key == 0:
        return "first"
    if special[key]:
        return "separator"
    return {query - 1: "previous", query: "itself", query + 1: "next"}.get(key, "other")


@pytest.mark.parametrize("model", ["minilm", "smollm2"])
@pytest.mark.parametrize("text", SENTENCES)
def test_no_head_is_named_after_a_place_that_is_not_the_first_choice_of_most_words(model: str, text: str, backend):
    trace = backend.attend(AttentionRequest(model, text))
    words = words_of(trace)
    for layer, of_layer in enumerate(view.patterns(trace, ViewOptions())):
        for head, role in enumerate(head_roles.roles(of_layer)):
            shares, chosen, rows = counted(trace, layer, head, words)
            best, often = max(chosen.items(), key=lambda item: item[1])
            where = f"{model} L{layer}·H{head} on {text!r}: {role}"
            if role.kind in PLACES:
                assert chosen[role.kind] * 2 > rows, where
                assert (role.chosen, role.rows) == (chosen[role.kind], rows), where
                assert role.share == pytest.approx(shares[role.kind], abs=1e-5), where
                assert f"{role.chosen} of {rows}" in role.sentence, where
            elif best != "other" and often * 2 > rows:  # too little for a name, but the description says what most words do
                assert f"{often} of {rows} words look first at " in role.sentence, where
            if role.kind == "word":
                weights = of_layer[head].weights
                counts = [row for row, pieces in enumerate(words) if not trace.tokens[pieces[0]].special][trace.causal :]
                key = Counter(max(range(len(words)), key=lambda at: weights[row, at]) for row in counts).most_common(1)[0]
                assert (role.chosen, role.rows) == (key[1], rows), where
                assert role.chosen * 2 > rows, where
                assert role.share == pytest.approx(np.mean([weights[row, key[0]] for row in counts]), abs=1e-5), where
            assert role.kind in (*PLACES, "broad", "mixed", "same", "word"), where


@pytest.mark.parametrize("model", ["minilm", "smollm2"])
def test_profile_entropy_and_scores_are_of_the_same_rows(model: str, backend):
    trace = backend.attend(AttentionRequest(model, SENTENCES[1]))
    words = words_of(trace)
    scores = {name: head_roles.scores(trace, name).values for name in ("first", "previous", "entropy")}
    for layer, of_layer in enumerate(view.patterns(trace, ViewOptions())):
        for head, pattern in enumerate(of_layer):
            found, (shares, _, rows) = head_profile.profile(pattern), counted(trace, layer, head, words)
            kinds = {look.kind or "other": look.share for look in found.lines}
            assert kinds == pytest.approx({name: shares[name] for name in kinds}, abs=1e-5)
            assert sum(look.percent for look in found.lines) == 100
            assert found.rows == rows
            got = [scores[name][layer, head] for name in scores]
            assert got == pytest.approx([kinds["first"], kinds["previous"], found.entropy], abs=1e-5)


def test_a_first_word_that_seven_words_look_at_is_named_though_two_of_them_have_a_twin(backend):
    # The first token is first choice in 6 of 7 rows; only "the" (no. 3) has a twin that is not the first token.
    pattern = view.pattern(backend.attend(AttentionRequest("smollm2", SENTENCES[0])), HeadRef(0, 8), ViewOptions())
    found = head_roles.role(pattern)
    assert (found.kind, found.chosen, found.rows) == ("first", 6, 7)
    assert found.share == pytest.approx(np.mean([pattern.weights[row, 0] for row in range(1, 8)]), abs=1e-6)
    assert "same" not in found.sentence


def test_the_first_row_of_a_decoder_counts_nothing_and_its_first_word_has_a_line(backend):
    pattern = view.pattern(backend.attend(AttentionRequest("smollm2", SENTENCES[0])), HeadRef(25, 0), ViewOptions())
    found = {look.label: look for look in head_profile.profile(pattern).lines}
    rows = range(1, 8)
    assert found["the first word"].share == pytest.approx(0.932, abs=5e-4)
    assert found["itself"].share == pytest.approx(0.0151, abs=5e-5)
    assert found["itself"].share == pytest.approx(np.mean([pattern.weights[row, row] for row in rows]), abs=1e-6)
    assert found["the first word"].share_text == "93\u202f%"
    assert "93\u202f% of its attention" in head_roles.role(pattern).sentence


def test_a_word_that_every_word_looks_at_is_not_called_a_sink(backend):
    pattern = view.pattern(backend.attend(AttentionRequest("minilm", SENTENCES[1])), HeadRef(5, 11), ViewOptions())
    found = head_roles.sink(pattern)
    assert found is not None
    assert found.sentence.startswith("Most words look first at “animal”: it takes ")
    assert "sink" not in found.sentence
    role = head_roles.role(pattern)
    assert (role.kind, role.place) == ("word", "“animal”")
    assert role.sentence.startswith("On this text, most words look first at “animal”: 7 of 12, 41\u202f%")
