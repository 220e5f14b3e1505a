"""The page Beyond text: every number is computed for the reader's sentence, model and sizes."""

from __future__ import annotations

import base64
import importlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import attnviz
from attnviz.selection import TEXT
from tests.app.conftest import SOUND, say, written
from tests.small_models import saved

PAGE = "pages/learn/places.py"


@pytest.fixture
def shown(opened: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Opens the page as a link with these parameters does."""
    return lambda **params: opened(**params, page=PAGE)


def cells(app: AppTest, number: int) -> np.ndarray:
    """What a heatmap of the page shows, blank cells as NaN."""
    z = json.loads(app.get("plotly_chart")[number].proto.spec)["data"][0]["z"]
    if isinstance(z, dict):
        rows = [int(part) for part in z["shape"].split(",")]
        return np.frombuffer(base64.b64decode(z["bdata"]), z["dtype"]).reshape(rows)
    return np.array(z, float)


def with_random_weights(app: AppTest) -> AppTest:
    """The page with the weights of the untrained model unfolded."""
    app.session_state["places-random"] = True
    return app.run()


def shapes(app: AppTest) -> list[tuple[int, ...]]:
    """Rows, columns and filled cells of the pictures of which token can look at which."""
    (page,) = (html.proto.body for html in app.get("html") if "places-shapes" in html.proto.body)
    found = re.findall(r'alt="(\d+) rows, (\d+) columns, (\d+) of', page)
    return [tuple(map(int, one)) for one in dict.fromkeys(found)]


def test_which_token_can_look_at_which_comes_first_and_random_weights_on_request(shown: Callable[..., AppTest]):
    app = shown()
    assert not app.exception
    assert not app.error
    assert shapes(app) == [(13, 13, 169), (6, 6, 21), (6, 13, 78)]
    assert not app.get("plotly_chart")
    assert "untrained**" not in written(app)
    with_random_weights(app)
    assert "is **untrained**" in written(app)
    encoder, decoder, cross = (cells(app, number) for number in range(3))
    assert encoder.shape == (13, 13)
    assert decoder.shape == (6, 6)
    assert cross.shape == (6, 13)
    assert np.isnan(decoder[np.triu_indices(6, 1)]).all()
    assert cross.sum(-1) == pytest.approx(np.ones(6), abs=1e-4)
    assert "15 of 36 cells stay empty" in written(app)
    assert "random here and means nothing" in written(app)
    assert "a rectangle of 78 weights" in written(app)


def test_another_second_text_has_another_rectangle(shown: Callable[..., AppTest]):
    app = shown()
    app.text_input(key="places-target").set_value("Kurz").run()
    assert shapes(app)[2] == (2, 13, 26)
    app.text_input(key="places-target").set_value("").run()
    assert not app.exception
    assert shapes(app)[2] == (6, 13, 78)


def test_a_long_text_is_cut_for_the_pictures_and_the_page_says_so(shown: Callable[..., AppTest]):
    app = shown(text="word " * 60)
    assert shapes(app)[0] == (24, 24, 576)
    assert "only the first 24 words of your text" in written(app)
    assert "your sentence of 62 tokens" in written(app)


def test_sizes_in_the_fields_change_what_it_costs(shown: Callable[..., AppTest]):
    app = shown()
    assert "**196 tokens, so 38,416 weights per head**, 171 times as many" in written(app)
    app.number_input(key="places-image-patch").set_value(32).run()
    assert "**49 tokens, so 2,401 weights per head**, 11 times" in written(app)
    app.get("button_group")[0].set_value("protein").run()
    assert "**352 tokens" in written(app)


def test_a_picture_smaller_than_a_patch_is_refused(shown: Callable[..., AppTest]):
    app = shown()
    app.number_input(key="places-image-height").set_value(16).run()
    app.number_input(key="places-image-patch").set_value(64).run()
    assert not app.exception
    assert "larger than the whole" in written(app)


def test_the_numbers_of_the_myths_are_those_of_the_weights(shown: Callable[..., AppTest]):
    text, trace = written(shown()), attnviz.attend(TEXT)
    weights, tokens = trace.weights(), trace.tokens
    special = [at for at, token in enumerate(tokens) if token.special]
    others = [at for at in range(len(tokens)) if at not in special]
    resting = weights[:, :, others][..., special].sum(-1).mean()
    assert re.search(rf"get {100 * resting:.0f}\s% of your words' attention", text)
    nearby = re.search(r"Of the rest, \*\*(\d+)\s%.*would get \*\*(\d+)\s%\*\*\. So .* get more than with an even spread", text)
    assert nearby is not None
    assert int(nearby[1]) > int(nearby[2])
    lengths = np.stack([np.linalg.norm(call.value, axis=-1) for call in trace.parts[0].calls])
    given = weights * lengths[:, :, None, :]
    handed = (given[..., special].sum(-1) / given.sum(-1))[:, :, others].mean()
    same = int((weights.argmax(-1) == given.argmax(-1))[:, :, others].sum())
    assert re.search(rf"only \*\*{100 * handed:.0f}\s%\*\*", text)
    assert f"only {same} of {72 * len(others)} rows" in text
    n, d = len(tokens), 384
    assert f"{4 * n * d * d + 2 * n * n * d:,} against {2 * n * d * d:,}" in text
    assert "15 vectors of 384 numbers" in text


def test_another_sentence_and_another_model_change_them_all(shown: Callable[..., AppTest]):
    app = shown()
    before = [line for line in written(app).splitlines() if re.search(r"Over all|takes 1 step|your sentence of", line)]
    say(app, "Rain fell on the roof all night long")
    after = written(app).splitlines()
    assert len(before) >= 3
    assert not set(before) & set(after)
    app.selectbox(key="model").set_value("smollm2").run()
    assert not app.exception
    assert "Over all 270 heads" in written(app)
    assert "“Rain”, the first token" in written(app)
    assert re.search(r"gives the most content in [\d,]+ of", written(app))  # here in most rows, so the page does not say "only"
    assert "of 576 numbers" in written(app)


@pytest.mark.parametrize(("model", "text"), [("minilm", "Hello"), ("smollm2", "Hello"), ("smollm2", "Hello you")])
def test_a_text_of_a_word_or_two_is_answered_too(shown: Callable[..., AppTest], model: str, text: str):
    app = shown(text=text, model=model)
    assert not app.exception
    assert not app.error
    if text == "Hello":
        assert "Your text is too short for an answer" in written(app)


def test_a_long_text_is_counted_over_all_heads_only_on_request(shown: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.import_module("attnviz.pages.places.myths"), "LONG", 14)
    app = shown()
    assert "Your text has 15 tokens, and this counts 16,200 weights." in written(app)
    assert "Over all 72 heads" not in written(app)
    app.toggle(key="places-long").set_value(True).run()
    assert not app.exception
    assert "Over all 72 heads" in written(app)


def test_other_parts_of_the_picture_look_elsewhere(shown: Callable[..., AppTest]):
    app = shown()
    line = next(line for line in written(app).splitlines() if line.startswith("The patch with the ring"))
    app.get("button_group")[1].set_value("sea").run()
    assert not app.exception
    assert line not in written(app)


def test_terms_are_linked_to_the_glossary(shown: Callable[..., AppTest]):
    links = re.findall(r"\(glossary\?term=([a-z-]+)\)", "\n".join(part.value for part in shown().markdown))
    assert {"self-attention", "cross-attention", "encoder", "decoder", "head", "flash-attention", "token"} <= set(links)


def test_an_encoder_decoder_that_is_here_reads_the_texts_itself(own_models: Path, opened: Callable[..., AppTest]):
    saved(own_models / "t5-small", "t5")
    app = opened(model=SOUND, text="the animal did not cross", page=PAGE)
    assert not app.exception
    assert "T5 small reads both texts, through the same engine" in written(app)
    assert "2 layers, 3 heads" in written(app)
    assert "untrained" not in written(app)
