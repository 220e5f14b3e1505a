"""Every page says what the model cannot read of the text on screen, and what it does not read as typed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attnviz.analysis import head_roles, legibility_text, view
from attnviz.backends import fitting_model
from attnviz.models import catalog
from attnviz.models import tokenizers as found_tokenizers
from attnviz.settings import Settings
from attnviz.text import units
from attnviz.types import AttentionRequest, HeadRef, Link, Pattern, Unit
from attnviz.ui.backend import backend
from attnviz.view_state import ViewOptions
from tests.app.conftest import written
from tests.pages import scripts
from tests.small_models import tokenizer
from tests.unit.test_unknown_tokens import CHINESE, MINILM, bpe

PARROT = "The boy saw a 🦜 because it sang"
UNREAD = "all-MiniLM-L6-v2 cannot read 1 of 8 words: 🦜. It sees [UNK] (unknown) in its place. It reads the rest in lower case."


@pytest.mark.parametrize("page", scripts("start", "cost", "places", "glossary"))
def test_every_page_that_reads_a_text_says_what_the_model_cannot_read(opened, page: str):
    app = opened(text=PARROT, page=page)

    assert not app.exception
    assert UNREAD in written(app)


def test_a_text_that_is_read_as_typed_gets_no_line(opened):
    app = opened(text="it was tired")

    assert "cannot read" not in written(app)
    assert "reads this text" not in written(app)


def test_case_and_accents_are_mentioned_where_the_text_has_such(opened):
    assert "all-MiniLM-L6-v2 reads this text in lower case and without accents, “CAFÉ” as “cafe”." in written(
        opened(text="The CAFÉ")
    )


def test_a_model_that_is_here_and_can_read_the_text_is_offered_and_keeps_it(opened, monkeypatch: pytest.MonkeyPatch):
    def known(card, settings):
        return MINILM if card.id == "minilm" else bpe() if card.id == "gpt2" else None

    monkeypatch.setattr(fitting_model, "tokenizer", known)  # BPE without an unknown token: nothing is unknown to it
    app = opened(text=f"{PARROT} too")

    button = next(one for one in app.button if one.label.startswith("Read it with"))
    assert button.label == "Read it with GPT-2"
    app = button.click().run()
    assert app.query_params["model"] in ("gpt2", ["gpt2"])
    assert app.text_input[0].value == f"{PARROT} too"


def test_a_model_is_offered_only_if_its_own_tokenizer_knows_every_token(monkeypatch: pytest.MonkeyPatch):
    settings, request = Settings.from_env(), AttentionRequest("minilm", PARROT)

    monkeypatch.setattr(fitting_model, "tokenizer", lambda card, settings: tokenizer())
    assert fitting_model.find(request, settings) is None  # sixteen words know no parrot

    monkeypatch.setattr(fitting_model, "tokenizer", lambda card, settings: None)
    assert fitting_model.find(request, settings) is None

    monkeypatch.setattr(fitting_model, "tokenizer", lambda card, settings: MINILM)
    assert fitting_model.find(AttentionRequest("gpt2", "it was tired"), settings) == catalog.card("minilm")
    assert fitting_model.find(AttentionRequest("gpt2", "tired " * 600), settings).max_tokens > 512  # too long for minilm
    assert all(card.pairs for card in [fitting_model.find(AttentionRequest("minilm", "it", "was"), settings)])


def test_a_model_that_is_not_on_this_machine_has_no_tokenizer():
    settings = Settings.from_env()

    assert found_tokenizers.tokenizer(catalog.card("minilm"), settings) is not None
    assert found_tokenizers.tokenizer(catalog.card("t5-small"), settings) is None


def test_find_heads_says_that_a_link_ends_at_a_word_the_model_cannot_read(opened):
    at, it = PARROT.index("🦜"), PARROT.index("it")
    app = opened(text=PARROT, links=f"{it}-{it + 2}:{at}-{at + 1}", page="pages/explore/heads.py")
    message = "“🦜” is unknown to all-MiniLM-L6-v2, which sees [UNK] in its place"
    assert message in written(app)

    app = opened(text=PARROT, links=f"{it}-{it + 2}:4-7", page="pages/explore/heads.py")
    assert message not in written(app)


def test_syntax_counts_the_links_that_touch_a_word_the_model_cannot_read(opened):
    app = opened(text="The 🦜 sang", page="pages/learn/syntax.py")

    assert "links start or end at a word that all-MiniLM-L6-v2 cannot read" in written(app)
    words = {
        value
        for table in app.dataframe
        for column in ("from", "should look at")
        if column in table.value
        for value in table.value[column]
    }
    assert "🦜 [UNK]" in words


def test_tables_on_the_page_mark_unknown_words(opened):
    app = opened(text="I love 😀", open="table")

    assert any("😀 [UNK]" in list(table.value.get("key", [])) for table in app.dataframe)
    assert "“😀” [UNK]" in written(app)


def test_markup_in_an_unknown_word_is_shown_as_text(opened):
    app = opened(text="a **😀**[x](http://y)")

    assert not app.exception
    assert not any("](http://y)" in part.value.replace("\u2060", "") for part in app.caption)


def test_a_sentence_about_an_unknown_word_says_that_the_model_reads_only_its_unknown_token():
    trace = backend().attend(AttentionRequest("minilm", CHINESE))
    pattern = view.pattern(trace, HeadRef(3, 1), ViewOptions())

    message = head_roles.as_text(pattern, 13)

    assert message.startswith("“了” [UNK] looks most at “小” (0.61")
    assert message.endswith(
        " [UNK]: the model does not read “了”, only its unknown token, the same for every word that it does not know."
    )
    assert "UNK" not in head_roles.as_text(pattern, 0)


def test_two_unknown_words_are_described_as_the_same_to_the_model():
    parts = (Unit("😀", 0, 1, (0,), unknown=True), Unit("🦜", 2, 3, (1,), unknown=True))
    pattern = Pattern(("😀", "🦜"), ("😀", "🦜"), np.array([[0.2, 0.8], [0.5, 0.5]]), np.zeros(2), "", parts, parts)

    assert head_roles.as_text(pattern, 0) == (
        "“😀” [UNK] looks most at “🦜” [UNK] (0.800), then at itself (0.200). [UNK]: the model does not read "
        "these words, only its unknown token: they differ only in their places."
    )


def test_two_unknown_words_have_bit_equal_weights_and_the_ranking_says_so():
    texts = [PARROT, PARROT.replace("🦜", "😀")]
    traces = [backend().attend(AttentionRequest("minilm", text)) for text in texts]

    assert (traces[0].weights() == traces[1].weights()).all()
    at, it = PARROT.index("🦜"), PARROT.index("it")
    message = legibility_text.of_links(traces[0], (Link((it, it + 2), (at, at + 1)),), "Model")
    assert message.startswith("“🦜” is unknown to Model, which sees [UNK] in its place: ")
    assert message.endswith("the numbers would be the same for any other word that it does not know.")
    assert legibility_text.of_links(traces[0], (Link((it, it + 2), (4, 7)),), "Model") == ""


def test_a_word_known_in_part_is_described_as_such():
    words = [unit for unit in units(_tokens("axb")) if not unit.special]

    assert legibility_text.unread_units(words) == (
        " [partly UNK]: the model does not read all of “axb”: a part of it is the unknown token."
    )


def _tokens(text: str):
    from attnviz.text import read

    return read(bpe(unk_token="<unk>"), text).tokens


def test_stretches_that_are_unknown_are_found_in_the_first_text_alone():
    tokens = backend().attend(AttentionRequest("minilm", "a 😀 b", "🦜 c")).tokens

    assert legibility_text.unknown_spans(tokens, [(0, 1), (2, 3), (4, 5)]) == {(2, 3)}
    assert legibility_text.is_unknown(tokens, (2, 3))
    assert not legibility_text.is_unknown(tokens, (0, 1))


GERMAN = "Der Hund hat die Katze gejagt, weil sie ihn gebissen hat"
FRENCH = "Le chat a mangé la souris parce qu'il avait faim"
SPANISH = "El perro persiguió al gato porque lo había mordido"
CUT = "all-MiniLM-L6-v2 was trained on English: it cuts {} words of this text, which does not look English, into pieces."


@pytest.mark.parametrize(("text", "cut"), [(GERMAN, "7 of the 11"), (FRENCH, "6 of the 10"), (SPANISH, "6 of the 9")])
def test_a_model_of_english_says_how_many_words_of_another_language_it_cuts(opened, text: str, cut: str):
    app = opened(text=text)

    assert CUT.format(cut) in written(app)
    assert "BERT base (multilingual) was trained on 104 languages, but is not on this machine." in written(app)
    assert not [one for one in app.button if one.label.startswith("Read it with")]


def test_a_model_of_many_languages_that_is_here_is_offered(opened, monkeypatch: pytest.MonkeyPatch):
    able = replace(backend().capabilities, has_weights=lambda model: True)
    monkeypatch.setattr(backend(), "capabilities", able)
    app = opened(text=GERMAN)

    assert [one.label for one in app.button if one.label.startswith("Read it with")] == [
        "Read it with BERT base (multilingual)"
    ]
    assert "not on this machine" not in written(app)


def test_english_with_a_rare_word_gets_no_line_on_languages(opened):
    assert "was trained on English" not in written(opened(text="The ornithologist photographed a flamboyant cassowary"))


def test_only_models_of_english_have_a_line_on_languages():
    assert {card.id for card in catalog.cards() if catalog.language(card.id) != "English"} == {
        "t5-small", "bert-base-multilingual-cased"
    }  # fmt: skip
    assert catalog.multilingual() == (catalog.card("bert-base-multilingual-cased"), 104)
    assert catalog.language("local:mine") == ""
