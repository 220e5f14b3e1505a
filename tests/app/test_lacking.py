"""What a model lacks, on the page: a token without an embedding, a start token. In words, never as an exception of ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from tests.app.conftest import SOUND, drawn, say, written
from tests.small_models import changed, saved, tokenizer

OWN = "bert-base-uncased"  # the reader's own copy of it


def test_a_token_that_the_weights_lack_is_named_on_the_page_and_other_texts_are_read(
    own_models: Path, opened: Callable[..., AppTest]
):
    folder, made = saved(own_models / OWN), tokenizer()
    made.add_tokens(["<device>"])
    made.save_pretrained(folder)
    app = opened(model=OWN, text="the animal <device> was tired", layer="1", head="0")
    assert not app.exception
    assert "“<device>” at character 12 of the text has the id 16, and BERT base (uncased) has 16 embeddings" in written(app)
    assert "resize_token_embeddings" in written(app)
    say(app, "the animal was tired")
    assert not app.exception
    assert drawn(app) == 1


def test_an_encoder_decoder_without_a_start_token_names_the_setting_on_the_page(
    own_models: Path, opened: Callable[..., AppTest]
):
    folder = saved(own_models / "t5-small", "t5")
    for file in ("config.json", "generation_config.json"):
        changed(folder / file, decoder_start_token_id=None)
    for text_b in ({}, {"text_b": "it was"}):
        app = opened(model="t5-small", text="the animal was tired", **text_b)
        assert not app.exception
        assert "model.config.decoder_start_token_id is not set" in written(app)


def test_a_byte_order_mark_in_a_link_is_no_text(own_models: Path, opened: Callable[..., AppTest]):
    app = opened(model=SOUND, text="\ufeffthe animal was tired")
    assert not app.exception
    assert [field.value for field in (*app.text_input, *app.text_area) if field.label == "Sentence"] == ["the animal was tired"]
