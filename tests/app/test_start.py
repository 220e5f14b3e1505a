"""Start: the picture has the real model's weights, and the page stands without the model."""

from __future__ import annotations

from attnviz.backends.local import LocalBackend
from attnviz.errors import UnavailableError
from tests.app.conftest import written
from tests.pages import SCRIPTS


def html(app) -> str:
    return "\n".join(part.proto.body for part in app.get("html"))


def test_start_shows_a_field_and_a_door_to_every_page_that_belongs_to_a_purpose(opened):
    app = opened().switch_page(SCRIPTS["start"]).run()

    assert not app.exception
    assert not app.error, written(app)
    assert [field.label for field in app.text_input] == ["Your sentence"]
    doors = html(app)
    assert all(f'data-page="{name}"' in doors for name in SCRIPTS if name not in ("start", "glossary"))
    assert all(f'data-panel="{name}"' in doors for name in ("present", "share", "worksheet"))
    assert "Ten small" not in doors
    assert 'href="coreference"' in doors.partition("Teach a class")[2]
    assert "Take it again" in doors


def test_the_sentence_that_is_typed_there_is_the_readers_from_then_on(opened):
    app = opened().switch_page(SCRIPTS["start"]).run()
    app.text_input(key="start_sentence").set_value("Dogs chase cats")
    next(button for button in app.button if button.label == "Look").click().run()

    assert next(field for field in app.text_input if field.label == "Sentence").value == "Dogs chase cats"


def test_start_stands_where_the_model_is_not_there(opened, monkeypatch):
    app = opened()

    def absent(self, request):
        raise UnavailableError("The weights of this model must be here, but they are not. Fetch them.")

    monkeypatch.setattr(LocalBackend, "attend", absent)
    from attnviz.ui.backend import backend

    backend.clear()
    app.switch_page(SCRIPTS["start"]).run()
    backend.clear()

    assert not app.exception
    assert "weights of this model" in written(app)
    assert "Look at a sentence" in html(app)
