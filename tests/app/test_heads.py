"""Find heads, run from app.py as Streamlit does: what a link carries, what fills links in, and a claim put to the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from attnviz.errors import BadInputError
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.header import Probes
from attnviz.linguistics.probes.random_tokens import NAMES
from attnviz.selection import TEXT
from attnviz.types import AttentionRequest, Link
from attnviz.ui import state
from attnviz.ui.backend import backend
from tests import atlases
from tests.app.conftest import say, written
from tests.atlases import L, Q

PAGE = "pages/explore/heads.py"
IT, ANIMAL, STREET = (43, 45), (4, 10), (28, 34)
OWN = "The old dog quietly chased two small cats"


@pytest.fixture
def heads(opened: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Opens the page as a link with these parameters does."""
    return lambda **params: opened(**params, page=PAGE)


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An atlas of minilm: L3·H1 is right on 60 of 100 determiners and on 8 of 10 questions, and no other head is ever."""
    monkeypatch.setattr(atlases, "LAYERS", 6)
    monkeypatch.setattr(atlases, "HEADS", 12)
    links = [L(at, 0, 0, 1 if at % 4 else 2, 10, [(3, 1)] if at % 5 < 3 else []) for at in range(100)]
    questions = [Q(at, 1, at % 2 == 0, [(3, 1)] if at < 8 else []) for at in range(10)]
    digest = backend().attend(AttentionRequest("minilm", TEXT)).digest
    members = atlases.members(links, questions, atlases.header(digest=digest))
    members["habits.npy"] = atlases.stored(np.zeros((len(atlases.HABITS), 6, 12), np.float32))
    means = np.stack([np.arange(72) / 100, np.full(72, 0.43)])  # own, shuffled; the same on both halves, with errors of 0.001
    figures = np.stack([[means, means], np.full((2, 2, 72), 0.001)]).reshape(2, 2, 2, 6, 12)
    members["meaning.npy"] = atlases.stored(figures.astype(np.float32))
    made = reader.read(atlases.write(tmp_path / "minilm.npz", members))
    monkeypatch.setattr(reader, "shipped", lambda model: made if model == "minilm" else None)


def links(app: AppTest) -> tuple[Link, ...] | None:
    return app.session_state["attnviz_selection"].links


def chosen_fill(app: AppTest) -> str | None:
    return app.selectbox(key="heads-fill").value


def test_what_a_ready_sentences_pronoun_means_is_drawn_to_begin_with(heads: Callable[..., AppTest]):
    app = heads()
    assert not app.exception
    assert links(app) is None
    assert chosen_fill(app) == "what the pronoun refers to (gold)"
    assert "links" not in app.query_params
    assert "the best of 72 heads looks good by luck" in written(app)


def test_a_link_restores_what_was_drawn_and_no_links_stay_none(heads: Callable[..., AppTest]):
    app = heads(links="43-45:28-34")
    assert links(app) == (Link(IT, STREET),)
    assert app.query_params["links"] == "43-45:28-34"
    none = heads(links="")
    assert links(none) == ()
    assert none.query_params["links"] == ""
    assert "Draw a link to rank every head" in written(none)


def test_heads_are_ranked_by_the_difference_on_request_and_the_url_keeps_it(heads: Callable[..., AppTest]):
    app = heads(sort="difference")
    assert not app.exception
    (order,) = (one for one in app.button_group if one.key == "heads-sort")
    assert order.value in ("difference", ["difference"])
    assert app.query_params["sort"] in ("difference", ["difference"])
    unknown = heads(sort="surprise")
    (order,) = (one for one in unknown.button_group if one.key == "heads-sort")
    assert order.value in ("weight", ["weight"])


def test_what_a_link_gets_wrong_is_reported_and_the_rest_is_drawn(heads: Callable[..., AppTest]):
    app = heads(links="43-45:28-34,9-9:1-2,<b>")
    assert links(app) == (Link(IT, STREET),)
    assert "9-9:1-2" in written(app)
    assert not app.exception


def test_all_links_of_a_relation_are_drawn_from_gold(heads: Callable[..., AppTest]):
    app = heads()
    name = next(name for name in app.selectbox(key="heads-fill").options if name.startswith("article or determiner: det"))
    app.selectbox(key="heads-fill").set_value(name).run()
    assert links(app) == (Link((0, 3), ANIMAL), Link((24, 27), STREET))
    next(button for button in app.button if button.label == "Reverse all links").click().run()
    assert links(app) == (Link(ANIMAL, (0, 3)), Link(STREET, (24, 27)))
    assert not app.exception


def test_which_head_looks_at_the_word_before_is_a_choice_of_the_list(heads: Callable[..., AppTest]):
    app = heads(text="Dogs chase cats")
    before, after = (
        next(one for one in app.selectbox(key="heads-fill").options if one.startswith(f"the word {side} (2"))
        for side in ("before", "after")
    )
    app.selectbox(key="heads-fill").set_value(before).run()
    assert links(app) == (Link((5, 10), (0, 4)), Link((11, 15), (5, 10)))
    assert "On many texts, by tokens: [Habits](#habits)" in written(app)
    app.selectbox(key="heads-fill").set_value(after).run()
    assert links(app) == (Link((0, 4), (5, 10)), Link((5, 10), (11, 15)))
    assert app.query_params["habit"] in ("next", ["next"])
    decoder = heads(text="Dogs chase cats", model="smollm2")
    assert not [one for one in decoder.selectbox(key="heads-fill").options if one.startswith("the word after")]


def test_a_sentence_of_ones_own_is_parsed_and_the_page_says_that_its_parse_is_unchecked(heads: Callable[..., AppTest]):
    app = heads(text=OWN)
    name = next(name for name in app.selectbox(key="heads-fill").options if name.startswith("object: dobj, UD obj"))
    app.selectbox(key="heads-fill").set_value(name).run()
    assert links(app) == (Link((37, 41), (20, 26)),)
    assert "An English parser drew these links; they are unchecked. Its makers report" in written(app)


def test_links_stay_where_their_words_do_and_go_with_them(heads: Callable[..., AppTest]):
    app = heads(links="43-45:4-10")
    say(app, TEXT.replace("tired", "wide"))
    assert links(app) == (Link(IT, ANIMAL),)
    say(app, TEXT.replace("animal", "donkey"))
    assert links(app) is None
    app.selectbox(key="model").set_value("smollm2").run()
    assert not app.exception


def test_links_outlive_another_model_and_another_page(heads: Callable[..., AppTest]):
    app = heads(links="4-10:28-34")
    app.selectbox(key="model").set_value("smollm2").run()
    assert links(app) == (Link(ANIMAL, STREET),)
    assert "Draw a link to rank every head" in written(app)
    app.switch_page("pages/explore/attention.py").run()
    app.switch_page(PAGE).run()
    assert links(app) == (Link(ANIMAL, STREET),)


@pytest.mark.parametrize("text", ["", "word"])
def test_with_nothing_to_link_the_page_stays_usable(heads: Callable[..., AppTest], text: str):
    app = heads(text=text, links="0-1:2-3")
    assert not app.exception
    assert not app.error


def test_a_model_without_an_atlas_says_how_to_make_one(heads: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reader, "shipped", lambda model: None)
    app = heads()
    assert "has not been measured" in written(app)
    assert "attnviz atlas build --model minilm" in app.code[0].value


@pytest.mark.usefixtures("measured")
def test_measurements_of_other_weights_are_not_shown_for_these(heads: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch):
    found = reader.shipped("minilm")
    assert found is not None
    other = replace(found, header=replace(found.header, digest="0" * 64))
    monkeypatch.setattr(reader, "shipped", lambda model: other)
    app = heads(layer="3", head="1")
    assert "of a different checkpoint with the same name" in written(app)
    assert "attnviz test-claim --atlas minilm.npz --layer 3 --head 1" in app.code[0].value
    assert "right: 8 of" not in written(app)


@pytest.mark.usefixtures("measured")
def test_a_claim_comes_with_its_count_its_baselines_and_the_sentence_to_write(heads: Callable[..., AppTest]):
    app = heads(layer="3", head="1")
    assert app.selectbox(key="heads-relation").value == "gap"
    assert "**80.0\u202f%** right: 8 of n = 10" in written(app)
    assert "too few" in app.code[0].value
    app.selectbox(key="heads-relation").set_value("det").run()
    assert "60 of n = 100" in written(app)
    assert "always the next word 75.0\u202f%, chance 10.0\u202f%" in written(app)
    assert "**Rank 1** of 72 heads" in written(app)
    assert "do not claim that this head finds them" in app.code[0].value
    app.button_group(key="heads-direction-made-up-det").set_value("hd").run()
    assert "No links of this kind were counted" in written(app)
    assert not app.exception


@pytest.mark.usefixtures("measured")
def test_the_best_head_of_a_relation_is_one_click_away(heads: Callable[..., AppTest]):
    app = heads(layer="0", head="0")
    app.selectbox(key="heads-relation").set_value("det").run()
    next(button for button in app.button if button.label.startswith("Show L3·H1")).click().run()
    assert str(app.session_state["attnviz_selection"].head) == "L3·H1"
    assert not [button for button in app.button if button.label.startswith("Show L")]


@pytest.mark.usefixtures("measured")
def test_a_relation_that_is_drawn_is_the_one_that_is_tested(heads: Callable[..., AppTest]):
    app = heads()
    name = next(name for name in app.selectbox(key="heads-fill").options if name.startswith("article or determiner: det"))
    app.selectbox(key="heads-fill").set_value(name).run()
    assert app.selectbox(key="heads-relation").value == "det"


def test_a_damaged_atlas_is_reported_and_the_rest_of_the_page_stands(
    heads: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
):
    def damaged(model: str) -> None:
        raise BadInputError("The atlas is damaged. Build it again.")

    monkeypatch.setattr(reader, "shipped", damaged)
    app = heads()
    assert "The atlas is damaged" in written(app)
    assert chosen_fill(app)
    assert not app.exception


def test_links_of_a_text_that_is_gone_are_not_carried_over():
    assert state.same_links((Link(IT, ANIMAL),), TEXT, TEXT.replace("The", "An")) is None
    assert state.same_links((Link(IT, (14, 17)),), TEXT, TEXT.replace("tired", "wide")) == (Link(IT, (14, 17)),)
    assert state.same_links((), TEXT, TEXT) is None


@pytest.mark.usefixtures("measured")
def test_habits_are_chosen_named_with_their_count_and_carried_by_the_link(heads: Callable[..., AppTest]):
    app = heads(layer="3", head="1", habit="meaning")
    assert app.selectbox(key="heads-habit").value == "meaning"
    assert "**L5·H11** has most: **+0.710** (+0.697 to +0.723); with the words shuffled +0.430" in written(app)
    assert "n = 4 words of 2 held-out texts; the head was chosen on the others" in written(app)
    assert app.query_params["habit"] == "meaning"
    app.selectbox(key="heads-habit").set_value("previous").run()
    assert app.query_params["habit"] == "previous"
    assert "The chosen head, L3·H1: 0.000, rank 1 of 72" in written(app)
    assert "by tokens; the page Attention counts one text, by words" in written(app)
    assert app.button(key="habit-board").label == "Open L3·H1 on the board"
    app.button(key="habit-L0·H0").click().run()
    assert app.button(key="habit-board").label == "Open L0·H0 on the board"
    assert not app.button(key="habit-L0·H0").disabled, "the chosen head looks chosen, not switched off"
    assert (app.query_params["layer"], app.query_params["head"]) == ("0", "0")
    app.switch_page("pages/explore/attention.py").run()
    assert "habit" not in app.query_params
    assert not app.exception


@pytest.mark.usefixtures("measured")
def test_an_unknown_habit_is_named_and_the_first_one_is_shown(heads: Callable[..., AppTest]):
    app = heads(habit="<b>sleep")
    assert app.selectbox(key="heads-habit").value == "previous"
    assert "There is no habit “<b>sleep” here: showing previous token" in written(app)
    assert not app.exception


@pytest.mark.usefixtures("measured")
def test_the_old_name_of_a_habit_in_a_link_shows_what_it_is_called_now(
    heads: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
):
    known = reader.shipped("minilm")
    assert known is not None
    older = replace(known, header=replace(known.header, habits=("previous", "after-repeated", "entropy")))
    monkeypatch.setattr(reader, "shipped", lambda model: older)
    app = heads(habit="induction")
    assert app.selectbox(key="heads-habit").value == "after-repeated"
    assert not app.exception


@pytest.mark.usefixtures("measured")
def test_probes_are_chosen_reported_on_the_other_half_and_carried_by_the_link(
    heads: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
):
    known = reader.shipped("minilm")
    assert known is not None
    facts = Probes(1, NAMES, (0.125, 0.125, 0.25), "made up", 7, 9, (16, 16), 40, ("[CLS]",), ("[SEP]",))
    probed = replace(known, header=replace(known.header, probes=facts))
    figures = np.zeros((2, 2, 3, 6, 12), np.float32)  # figure, half, probe, layer, head
    figures[1] = 0.01
    figures[0, :, 1, 2, 9] = 0.9, 0.8
    figures[0, :, 0, 3, 1] = 0.3, 0.2
    figures[0, :, 1, 4, 4] = 0.5, 0.85  # second on the half that chooses, first on the one that is shown
    probed.__dict__["probes"] = figures
    monkeypatch.setattr(reader, "shipped", lambda model: probed)
    app = heads(layer="3", head="1", probe="duplicate-token")
    assert "**L2·H9** scores most: **0.800** (0.779 to 0.821)" in written(app)
    assert "Called **duplicate-token head**, because over half of their attention goes there: L2·H9" in written(app)
    chips = [one.label for one in app.button if one.key and one.key.startswith("probe-L")]
    assert chips[:2] == ["L4·H4  0.850", "L2·H9  0.800"], "in the order of the numbers"
    assert "The chosen head, L3·H1: 0.000, rank 3 of 72" in written(app)
    app.selectbox(key="heads-probe").set_value("induction").run()
    assert app.query_params["probe"] == "induction"
    assert "called **induction head**" not in written(app)  # never in a model that reads both ways
    assert "cannot be in it" in written(app)
    app.button(key="probe-L0·H0").click().run()
    assert (app.query_params["layer"], app.query_params["head"]) == ("0", "0")
    assert not app.exception


@pytest.mark.usefixtures("measured")
def test_an_atlas_without_probes_says_so_and_the_page_stands(heads: Callable[..., AppTest]):
    app = heads(probe="induction")
    assert "probes of random tokens are missing" in written(app)
    assert app.selectbox(key="heads-habit").value == "previous"
    assert not app.exception
