"""A folder of the reader's own that holds no model that can be read: the page says what it is, and keeps the text."""

from __future__ import annotations

import pytest

import attnviz
from attnviz import cli, errors
from attnviz.selection import TEXT
from tests.app.conftest import SOUND, drawn, written
from tests.small_models import saved
from tests.unit.test_folders import adapter, bert_of_five_heads, configured, edited, emptied, old_layout, only, pointer, renamed

OWN = "bert-base-uncased"
WRONG = {
    "an adapter": (adapter, "is an adapter (LORA)"),
    "TensorFlow": (only("tf_model.h5"), "TensorFlow weights (tf_model.h5)"),
    "no model_type": (configured(model_type=None), "has no model_type"),
    "a pointer": (pointer("model.safetensors"), "git lfs pull"),
    "an empty folder": (emptied(), "It is empty"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_page_the_command_line_and_python_say_what_a_folder_of_the_catalogue_is(name, own_models, opened, capfd):
    make, says = WRONG[name]
    make(saved(own_models / OWN))
    app = opened(model=OWN, text=TEXT, layer="1", head="0")
    assert not app.exception
    assert len(app.error) == 1
    message = str(app.error[0].value).replace("\\", "")
    assert says in message
    assert str(own_models) not in message
    assert "Your text and your choices are kept." in written(app)
    assert app.session_state["attnviz_selection"].request.text == TEXT
    app.selectbox(key="model").set_value(SOUND).run()
    assert drawn(app) >= 1
    capfd.readouterr()
    assert cli.main(["attend", TEXT, "--model", OWN]) == 2
    assert says in capfd.readouterr().err
    with pytest.raises(errors.BadInputError) as caught:
        attnviz.attend(TEXT, OWN)
    assert says in str(caught.value)


def test_a_folder_that_holds_no_model_is_not_passed_over_for_another_copy(own_models, tmp_path):
    """The hub's cache has a model of that name; the folder was meant, and its weights are not silently others."""
    from tests.small_models import snapshot

    snapshot(tmp_path / "hub", "google-bert/bert-base-uncased")
    assert attnviz.attend(TEXT, OWN).layers == 3
    attnviz._default.clear()
    (own_models / OWN).mkdir()
    with pytest.raises(errors.UnavailableError, match="It is empty"):
        attnviz.attend(TEXT, OWN)


def test_corrections_are_shown_on_the_page(own_models, opened):
    renamed(lambda name: f"module.{name}")(saved(own_models / OWN))
    app = opened(model=OWN, text=TEXT, layer="1", head="0")
    assert drawn(app) == 1
    assert written(app).count("begin with module., as a wrapper leaves them") == 1
    app.run()
    assert "begin with module., as a wrapper leaves them" in written(app)


def test_an_old_sentence_transformers_folder_is_read_on_the_page(own_models, opened):
    old_layout(own_models / OWN, listed=True)
    assert drawn(opened(model=OWN, text=TEXT, layer="1", head="0")) == 1


def test_layers_with_pruned_heads_are_shown_on_the_page(own_models, opened):
    folder = bert_of_five_heads(own_models / OWN)

    def prune(tensors) -> None:
        for part in ("query", "key", "value"):
            for kind in ("weight", "bias"):
                name = f"encoder.layer.1.attention.self.{part}.{kind}"
                tensors[name] = tensors[name][:12].clone()
        output = "encoder.layer.1.attention.output.dense.weight"
        tensors[output] = tensors[output][:, :12].clone()

    edited(prune)(folder)
    configured(pruned_heads={"1": [3, 4]})(folder)
    app = opened(model=OWN, text=TEXT, layer="1", head="2")
    assert not app.exception
    assert not app.error
    assert drawn(app) == 1
    assert "heads 3 and 4 were taken out" in written(app)
    app = opened(model=OWN, text=TEXT, layer="1", head="4")
    assert drawn(app) == 1
    assert "as it is on this machine has no L1·H4: showing L0·H0." in written(app)
