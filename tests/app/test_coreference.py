"""The coreference page on sentences of the reader's own, on pairs, and on what a link says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from attnviz.errors import BadInputError
from attnviz.lessons.examples import example, sentences
from attnviz.linguistics import claims
from attnviz.linguistics.atlas import reader
from attnviz.selection import TEXT
from attnviz.types import AttentionRequest, HeadRef
from attnviz.ui.backend import backend
from tests import atlases
from tests.app.conftest import unlinked, written
from tests.atlases import Q

OWN = "Anna met \x07 Ruth in the garden and she laughed"
PAGE = "pages/learn/coreference.py"


@pytest.fixture
def asked(opened: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Opens the page as a link with these parameters does."""
    return lambda **params: opened(**params, page=PAGE)


def text(app: AppTest) -> str:
    return "\n".join([written(app), *(html.proto.body for html in app.get("html"))])


def test_of_a_pair_of_texts_only_the_first_is_read_and_the_page_says_so(asked: Callable[..., AppTest]):
    app = asked(text=TEXT, text_b="The street is wide", focus="43")
    assert "it: animal 0.640, the right one, hit; street 0.052" in text(app)
    assert "it: animal 0.266; street 0.128, the right one, miss" in text(app)
    assert "animal **−0.374**" in text(app)
    assert "the second one is left out here" in text(app)


def test_the_selected_word_is_the_pronoun_and_the_candidates_stay_in_the_link(asked: Callable[..., AppTest]):
    app = asked(text=OWN, focus=str(OWN.index("garden")))
    assert app.selectbox(key="pronoun").value == (OWN.index("garden"), OWN.index("garden") + 6)
    she = (OWN.index("she"), OWN.index("she") + 3)
    app.selectbox(key="pronoun").set_value(she).run()
    assert app.query_params["focus"] == str(she[0])
    app.multiselect(key="candidates").set_value([(0, 4), (OWN.index("Ruth"), OWN.index("Ruth") + 4)]).run()
    assert app.query_params["candidates"] == f"0,{OWN.index('Ruth')}"
    assert "ranked by the share of Anna** (the first you chose)" in text(app)
    assert "the right one" not in text(app)

    again = asked(**app.query_params)
    assert "ranked by the share of Anna** (the first you chose)" in text(again)
    again.switch_page("pages/explore/attention.py").run().switch_page(PAGE).run()
    assert "ranked by the share of Anna** (the first you chose)" in text(again)


def test_a_word_that_the_model_does_not_read_is_not_offered(asked: Callable[..., AppTest]):
    app = asked(text=OWN)
    assert not any("\x07" in option for option in app.selectbox(key="pronoun").options)
    assert not app.exception


@pytest.mark.parametrize(
    "params", [{"layer": "99", "text": OWN}, {"candidates": "nobody", "text": OWN}], ids=["layer", "candidates"]
)
def test_what_is_wrong_with_a_link_is_reported_before_a_question_is_asked(
    asked: Callable[..., AppTest], params: dict[str, str]
):
    value = next(iter(params.values()))
    assert value in text(asked(**params))


def test_another_text_forgets_the_candidates(asked: Callable[..., AppTest]):
    app = asked(text=OWN, candidates="0,11")
    assert "Every head" in text(app)
    app.text_input[0].set_value("Ben met Tom and he laughed").run()
    assert "candidates" not in app.query_params
    assert not app.exception


def click(app: AppTest, word: str) -> AppTest:
    """Click a word of the sentence of the reader's own."""
    return app.button(key=f"word-{OWN.index(word)}").click().run()


def test_words_are_clicked_for_candidates_and_clicked_again_to_take_them_away(asked: Callable[..., AppTest]):
    app = asked(text=OWN)
    assert app.selectbox(key="pronoun").value == place("she")
    click(app, "Ruth")
    assert "at least two words that it could refer to" in text(app)
    click(app, "garden")
    assert "ranked by the share of Ruth** (the first you chose)" in text(app)
    assert app.query_params["candidates"] == f"{OWN.index('Ruth')},{OWN.index('garden')}"
    assert app.button(key=f"word-{OWN.index('Ruth')}").label == "Ruth :small[candidate 1]"
    assert app.multiselect(key="candidates").value == [place("Ruth"), place("garden")]

    again = asked(**app.query_params)
    assert "ranked by the share of Ruth** (the first you chose)" in text(again)
    assert again.button(key=f"word-{OWN.index('she')}").label == "she :small[pronoun]"
    click(again, "Ruth")
    assert again.query_params["candidates"] == str(OWN.index("garden"))
    assert not again.exception


def test_the_pronoun_can_be_clicked_and_is_then_not_a_candidate(asked: Callable[..., AppTest]):
    app = asked(text=OWN, candidates=f"0,{OWN.index('Ruth')}")
    app.radio(key="click_chooses").set_value("the pronoun").run()
    click(app, "Ruth")
    assert app.query_params["focus"] == str(OWN.index("Ruth"))
    assert app.query_params["candidates"] == "0"
    assert app.radio(key="click_chooses").value == "a word that it could refer to", "the next click is a candidate again"
    click(app, "garden")
    assert app.query_params["candidates"] == f"0,{OWN.index('garden')}"
    assert asked(**app.query_params).selectbox(key="pronoun").value == place("Ruth")


def test_with_a_right_word_hits_and_misses_are_shown_and_the_link_keeps_it(asked: Callable[..., AppTest]):
    app = asked(text=OWN, candidates=f"0,{OWN.index('Ruth')}")
    assert "until you choose it, nothing is a hit" in text(app)
    app.radio(key="click_chooses").set_value("the word that it does refer to").run()
    click(app, "Ruth")
    assert app.query_params["meant"] == str(OWN.index("Ruth"))
    assert app.button(key=f"word-{OWN.index('Ruth')}").label == "Ruth :small[candidate 2, right]"
    assert "ranked by the share of Ruth** among the candidates" in text(app)
    assert "right?" in app.dataframe[0].value.columns
    assert "decided by the largest piece of each word (as on GAP)" in text(app)

    again = asked(**app.query_params)
    assert "ranked by the share of Ruth** among the candidates" in text(again)
    assert again.selectbox(key="meant").value == place("Ruth")
    again.selectbox(key="meant").set_value(None).run()
    assert "meant" not in again.query_params
    assert "right?" not in again.dataframe[0].value.columns


def test_a_removed_right_word_is_no_longer_right_and_a_new_one_becomes_a_candidate(asked: Callable[..., AppTest]):
    app = asked(text=OWN, candidates=f"0,{OWN.index('Ruth')}", meant="0")
    click(app, "Anna")
    assert "meant" not in app.query_params
    app.radio(key="click_chooses").set_value("the word that it does refer to").run()
    click(app, "garden")
    assert app.query_params["candidates"] == f"{OWN.index('Ruth')},{OWN.index('garden')}"
    assert app.query_params["meant"] == str(OWN.index("garden"))
    click(app, "garden")
    assert app.query_params["candidates"] == f"{OWN.index('Ruth')},{OWN.index('garden')}"
    assert "meant" not in app.query_params
    app.text_input[0].set_value("Ben met Tom and he laughed").run()
    assert "meant" not in app.query_params


def test_a_click_that_chooses_nothing_says_why_once(asked: Callable[..., AppTest]):
    app = asked(text=OWN, candidates=f"0,5,{OWN.index('Ruth')},{OWN.index('garden')}")
    for _ in range(2):
        click(app, "laughed")
    assert text(app).count("At most 4 words can be candidates") == 1
    click(app, "she")
    assert "A word cannot refer to itself" in text(app)
    assert "At most 4" not in text(app)
    assert app.query_params["candidates"] == f"0,5,{OWN.index('Ruth')},{OWN.index('garden')}"


def test_a_text_without_a_pronoun_has_none_until_the_reader_clicks_one(asked: Callable[..., AppTest]):
    app = asked(text="Das Tier war zu müde")
    assert "No English pronoun found" in text(app)
    assert app.selectbox(key="pronoun").value is None
    assert not [button.label for button in app.button if "pronoun" in button.label]
    app.button(key="word-4").click().run()
    assert "No English pronoun found" not in text(app)
    assert app.button(key="word-4").label == "Tier :small[selected]"
    app.button(key="word-0").click().run()
    assert app.query_params["candidates"] == "0"
    assert asked(text="The cat slept because it's warm").button(key="word-22").label == "it's :small[pronoun]"


def test_of_a_long_text_the_words_around_the_pronoun_are_buttons_and_the_lists_have_all(asked: Callable[..., AppTest]):
    long = f"{'red ' * 100}cats saw it {'blue ' * 60}end"
    app = asked(text=long)
    words = [button for button in app.button if (button.key or "").startswith("word-")]
    assert len(words) == 80
    assert "it :small[pronoun]" in [button.label for button in words]
    assert len(app.selectbox(key="pronoun").options) == 164
    assert "80 of 164 words are buttons" in text(app)


def test_one_list_has_all_sentences_by_what_they_teach_and_next_goes_through_it_and_starts_again(
    asked: Callable[..., AppTest],
):
    app = asked()
    listed = app.selectbox(key="ready_sentence")
    assert listed.value == "tired"
    assert len(listed.options) == len(sentences())
    assert "Plausibility · Animal: tired" in listed.options
    assert [box.label for box in app.selectbox] == ["Model", listed.label], "no second list of sentences"
    listed.set_value("bill").run()
    assert app.query_params["text"] == example("bill").text
    assert app.query_params["focus"] == str(example("bill").pronoun[0])
    app.button(key="next_sentence").click().run()
    assert app.query_params["text"] == sentences()[0].text
    assert app.selectbox(key="ready_sentence").value == sentences()[0].id


def test_a_sentence_of_the_readers_own_has_a_place_in_the_list_until_a_ready_one_is_chosen(asked: Callable[..., AppTest]):
    app = asked(text=OWN)
    assert app.selectbox(key="ready_sentence").value == ""
    assert app.selectbox(key="ready_sentence").options[0] == "Your own sentence"
    app.selectbox(key="ready_sentence").set_value("far-less").run()
    assert app.query_params["text"] == example("far-less").text
    assert "Your own sentence" not in app.selectbox(key="ready_sentence").options


def place(word: str) -> tuple[int, int]:
    return OWN.index(word), OWN.index(word) + len(word)


def test_the_verdict_says_in_which_sentences_of_a_pair_a_head_is_right_and_what_that_is_worth(asked: Callable[..., AppTest]):
    same = "it looks most at “animal” in both (0.640 and 0.266), like a head that always chooses the same word."
    assert f"L3·H1 is **right in the first sentence only**: {same}" in text(asked())
    result = text(asked(text=example("bus-it").text))
    assert "L3·H1 is **right** in both sentences: it looks most at" in result
    assert "while a head that always chooses the same word is right in only one." in result
    far = text(asked(text=example("far-less").text))
    assert "L3·H1 is **right** in both sentences: it looks most at “lighthouse” in both" in far
    assert "always chooses" not in far, "both times the same word is right"


def test_the_verdict_stands_before_the_note_and_says_so_where_a_head_hardly_looks_at_the_candidates(
    asked: Callable[..., AppTest],
):
    app = asked(layer="0", head="0")
    lines = [unlinked(one.value) for one in app.markdown]
    (at,) = [n for n, line in enumerate(lines) if line.startswith("L0·H0 is **")]
    assert "other words give" in lines[at + 1]
    assert "Only the last word tells" in lines[at + 2]
    assert "the candidates together get only 0." in lines[at]


def test_a_model_opens_on_a_head_that_is_claimed_for_the_sentence_unless_a_link_names_one(asked: Callable[..., AppTest]):
    app = asked(text=example("wide").text, model="smollm2")
    assert "L13·H8" in example("wide").note
    assert (app.query_params["layer"], app.query_params["head"]) == ("13", "8")
    app.switch_page("pages/learn/glossary.py").run()
    assert (app.query_params["layer"], app.query_params["head"]) == ("16", "5"), "the model's own head again"
    app.switch_page(PAGE).run()
    app.selectbox(key="ready_sentence").set_value("bus-they").run()
    claimed = {str(one.head) for one in example("bus-they").claims if one.model == "smollm2"}
    assert f"L{app.query_params['layer']}·H{app.query_params['head']}" in claimed
    linked = asked(text=example("wide").text, model="smollm2", layer="2", head="3")
    assert (linked.query_params["layer"], linked.query_params["head"]) == ("2", "3")


def test_only_under_a_decoders_pair_the_page_says_what_reading_from_left_to_right_means(asked: Callable[..., AppTest]):
    note = "cannot change where “it” looks"
    assert note in text(asked(model="smollm2"))
    assert note not in text(asked())
    assert "left to right:" not in text(asked(model="smollm2", text=example("cup").text))


def test_where_nothing_decides_nothing_is_hit_or_missed(asked: Callable[..., AppTest]):
    app = asked(text=example("cup").text)
    assert "There is no right answer here, so no head hits or misses." in text(app)
    assert "it: cup 0.612; plate 0.016" in text(app)
    assert not any(sign in text(app) for sign in "✓✗")
    assert "right?" not in app.dataframe[0].value.columns
    assert "(only the first: none is right)" in text(app)


def test_hits_and_misses_are_in_the_table_on_the_map_and_beside_the_number_expected_by_chance(asked: Callable[..., AppTest]):
    app = asked()
    table = app.dataframe[0].value
    hits = int(table["right?"].eq("✓ hit").sum())
    assert hits + int(table["right?"].eq("✗ miss").sum()) == 72
    assert f"✓ {hits} of 72 heads hit, ✗ {72 - hits} miss; guessing would give 36." in text(app)
    (picture,) = [html.proto.body for html in app.get("html") if 'class="headmap"' in html.proto.body]
    assert picture.count(">✓</i>") == hits
    assert picture.count(">✗</i>") == 72 - hits
    assert "decided by the largest piece of each word (as on GAP)" in text(app)


def test_beside_the_weight_stands_what_other_words_give_and_heads_can_be_ranked_by_the_difference(
    asked: Callable[..., AppTest],
):
    app = asked(layer="3", head="1")
    assert "The 9 other words give “animal” 0.099 on average." in text(app)
    assert "L3·H1 is 1st of 72 heads on pronoun → antecedent, GAP held-out." in text(app)
    table = app.dataframe[0].value
    row = table[table["head"] == "L3·H1"].iloc[0]
    assert (round(row["to animal"], 3), round(row["others"], 3), row["corpus"]) == (0.640, 0.099, 1)
    assert "difference" not in table.columns, "few columns"
    assert "L5·H3 ∗" in set(table["head"])
    assert "Most words look at animal, not only it" in text(app)
    ranked = asked(sort="difference").dataframe[0].value
    assert ranked["head"].iloc[0] == "L3·H1"
    assert ranked["difference"].is_monotonic_decreasing
    assert (ranked["to animal"] - ranked["others"] - ranked["difference"]).abs().max() < 1e-6


def test_where_every_word_looks_at_the_antecedent_the_verdict_says_so(asked: Callable[..., AppTest]):
    found = text(asked(model="smollm2", layer="13", head="8"))
    assert "Most words look here, not only “it”: the 8 other words give “animal” 0.499 on average." in found
    assert "sink" not in found


def test_where_the_sums_would_give_another_verdict_both_pairs_of_numbers_are_shown(asked: Callable[..., AppTest]):
    one = example("station-asked")
    assert one.answer is not None
    trace = backend().attend(AttentionRequest("minilm", one.text))
    places = {name: [i for i, t in enumerate(trace.tokens) if a <= t.start < b] for name, (a, b) in (
        ("pronoun", one.pronoun), ("right", one.candidates[one.answer]), ("wrong", one.candidates[1 - one.answer])
    )}  # fmt: skip
    row = trace.weights(2, 10)[places["pronoun"]].mean(0)
    right, wrong = row[places["right"]], row[places["wrong"]]
    assert (right.max() > wrong.max()) != (right.sum() > wrong.sum()), "what this sentence is here for"
    hit = right.max() > wrong.max()

    found = text(asked(text=one.text, layer="2", head="10"))

    line = next(line for line in found.splitlines() if "The two ways of counting disagree" in line)
    assert all(f"{value:.3f}" in line for value in (right.max(), wrong.max(), right.sum(), wrong.sum()))
    assert f"so this is a {'hit' if hit else 'miss'}" in line
    assert "by the sum" in asked(text=one.text).dataframe[0].value.columns
    assert "In 2 heads the sum over pieces gives the other verdict." in found
    assert "disagree" not in text(asked(text=one.text, layer="3", head="1"))
    assert "by the sum" not in asked().dataframe[0].value.columns, "where all agree, no column says so"


def test_candidates_that_a_causal_model_cannot_see_are_neither_hit_nor_missed(asked: Callable[..., AppTest]):
    app = asked(text=example("nut-ripe").text, model="smollm2")
    assert "it: squirrel comes too late to be seen; nut comes too late to be seen, the right one" in text(app)
    assert "“squirrel” and “nut” come after “it”" in text(app)
    assert "Change from the first sentence" not in text(app)
    assert not any(sign in text(app) for sign in "✓✗")


def test_a_causal_model_has_seen_a_cue_before_the_pronoun_and_not_one_behind_it(asked: Callable[..., AppTest]):
    assert "this model can use it" in text(asked(text=example("apple-peeled").text, model="smollm2"))
    assert "this model can use it" not in text(asked(model="smollm2"))


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """An atlas of minilm: L3·H1 is right on 60 of 100 questions of GAP and on 8 of 10 of Winogender, L5·H11 on 40 of GAP."""

    def write(**more: str) -> None:
        monkeypatch.setattr(atlases, "LAYERS", 6)
        monkeypatch.setattr(atlases, "HEADS", 12)
        digest = backend().attend(AttentionRequest("minilm", TEXT)).digest
        gap = [Q(at, 1, at % 2 == 0, [(3, 1)] if at % 5 < 3 else [(5, 11)]) for at in range(100)]
        jobs = [Q(at, 2, at < 5, [(3, 1)] if at < 8 else []) for at in range(10)]
        head = atlases.header("minilm", **{"digest": digest, **more})
        members = atlases.members(questions=[*gap, *jobs], head=head)
        members["habits.npy"] = atlases.stored(np.zeros((len(atlases.HABITS), 6, 12), np.float32))
        made = reader.read(atlases.write(tmp_path / "minilm.npz", members))
        monkeypatch.setattr(reader, "shipped", lambda model: made if model == "minilm" else None)

    return write


def test_the_evidence_is_shown_beside_the_single_picture(asked: Callable[..., AppTest], counted: Callable[..., None]):
    counted()
    app = asked()
    assert not app.exception
    assert "One sentence is one example. How often is L3·H1 right?" in [one.value for one in app.subheader]
    # Wilson: (.6 + z²/200 ± z sqrt(.24/100 + z²/40000)) / (1 + z²/100) with z = 1.96: 0.502 to 0.691.
    assert "GAP: 60.0\u202f%** right, 60 of n = 100, 95\u202f% interval 50.2 to 69.1\u202f%" in text(app)
    assert "nearer candidate 50.0\u202f%, chance 50.0\u202f%. Rank 1 of 72 heads" in text(app)
    assert "Winogender: 80.0\u202f%** right, 8 of n = 10" in text(app)

    other = asked(layer="5", head="11")
    assert "GAP: 40.0\u202f%** right, 40 of n = 100" in text(other)
    assert "Rank 2 of 72 heads" in text(other)
    other.button(key="coreference-best").click().run()
    assert (other.query_params["layer"], other.query_params["head"]) == ("3", "1")


def test_an_interval_that_excludes_guessing_beside_a_lead_that_is_not_significant_is_explained(asked: Callable[..., AppTest]):
    known = reader.shipped("minilm")
    assert known is not None
    one = claims.claim(known, HeadRef(3, 1), "winogender")
    assert one.evidence.interval[0] > one.evidence.baseline[1]
    assert one.p < 0.05 <= one.p_corrected
    line = next(line for line in text(asked()).splitlines() if "Winogender:" in line)
    assert (
        "not significant after correcting for trying 72 heads (p\u202f=\u202f1). Its interval excludes 50.0\u202f%"
        in line.replace("\\", "")
    )
    assert f"one head alone (p = {one.p:.2g}): among 72 heads, some get this far by luck" in line.replace("\\", "")
    assert text(asked()).count("Its interval excludes") == 1, "that of GAP is significant"


def test_a_model_without_counts_says_how_to_count_it(asked: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reader, "shipped", lambda model: None)
    app = asked(model="smollm2")
    assert "SmolLM2-135M-Instruct (4-bit) has not been measured on annotated texts here" in text(app)
    assert any("attnviz atlas build --model smollm2 " in code.value for code in app.code)
    assert "All 270 heads" in text(app)


def test_counts_with_other_weights_are_not_shown_for_these(asked: Callable[..., AppTest], counted: Callable[..., None]):
    counted(digest="0" * 64)
    assert "of a different checkpoint with the same name" in text(asked())


def test_a_damaged_atlas_leaves_the_rest_of_the_page(asked: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch):
    def broken(model: str) -> reader.Atlas:
        raise BadInputError(f"{model} is no whole atlas.")

    monkeypatch.setattr(reader, "shipped", broken)
    app = asked()
    assert "minilm is no whole atlas" in text(app)
    assert "All 72 heads" in text(app)


GERMAN = "Der Hund hat die Katze gejagt, weil sie ihn gebissen hat"
OF_ENGLISH = "These rates are of English texts. This text does not look English"


def test_a_selected_word_that_is_no_known_pronoun_is_not_called_one(asked: Callable[..., AppTest]):
    app = asked(text=GERMAN, focus="23", candidates="4,17", layer="0", head="2")
    assert any(one.label == "gejagt :small[selected]" for one in app.button)
    assert "“gejagt” is the selected word. The rule for English pronouns does not know it." in text(app)
    assert [one.label for one in app.selectbox if one.label in ("Pronoun", "Selected word")] == ["Selected word"]
    assert text(app).count(OF_ENGLISH) == 1
    assert app.query_params["head"] in ("2", ["2"])


def test_an_english_pronoun_keeps_its_name_and_its_rates(asked: Callable[..., AppTest]):
    app = asked(text="Anna met Ruth in the garden and she laughed", candidates="0,9")
    assert any(one.label == "she :small[pronoun]" for one in app.button)
    assert "selected word" not in text(app)
    assert OF_ENGLISH not in text(app)


def test_no_word_of_another_language_is_chosen_as_the_pronoun(asked: Callable[..., AppTest]):
    assert "No English pronoun found" in text(asked(text="El gato me vio porque me buscaba con mucho miedo"))
