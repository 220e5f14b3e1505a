"""The app with a remote backend: every page, and the pages that need the model itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from attnviz.backends.local import LocalBackend
from attnviz.ui.backend import backend, reader_id
from tests.app.conftest import drawn, say, written
from tests.pages import SCRIPTS, scripts
from tests.servers import running_server

NOT_THERE = {
    "inside": "This backend has no model to walk through. Open the backend local: for that.",
    "whatif": "This backend has no model to change anything in. Open the backend local: for that.",
}


@pytest.fixture
def elsewhere(local: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run a server, and have the app use it."""
    with running_server(local) as url:
        monkeypatch.setenv("ATTNVIZ_BACKEND", url)
        backend.clear()
        yield url
        backend().close()
    backend.clear()


def numbers(app) -> list:
    """Return the weights of the first heatmap."""
    return json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]["z"]


def test_every_page_works_and_shows_the_same_numbers(opened, elsewhere):
    there = opened()
    for script in scripts(*NOT_THERE):
        there.switch_page(script).run()
        assert not there.exception, script
        assert not there.error, (script, written(there))
        assert "only weights are here" not in written(there), "tiles ask for values too"
    there.switch_page("pages/explore/attention.py").run()
    assert "Verified" in [badge.proto.body for badge in there.get("badge")] or "the model's own output" in written(there)
    assert not [button for button in there.button if button.label.startswith("Check all")]
    found = numbers(there)
    backend().close()
    backend.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ATTNVIZ_BACKEND")
        here = opened()
        assert numbers(here) == found


@pytest.mark.parametrize("name", NOT_THERE)
def test_pages_that_need_the_model_itself_say_how_to_open_it(opened, elsewhere, name: str):
    app = opened(page=SCRIPTS[name])

    assert not app.exception
    assert NOT_THERE[name] in written(app).replace("`", "")
    assert "the models run on another machine" in written(app)
    assert not [button for button in app.button if "MiniLM" in button.label or "SmolLM2" in button.label]


def test_an_unreachable_backend_is_reported_and_the_text_stays(opened, local: LocalBackend, monkeypatch: pytest.MonkeyPatch):
    with running_server(local) as url:
        monkeypatch.setenv("ATTNVIZ_BACKEND", url)
        backend.clear()
        app = opened()
        assert drawn(app) == 1
    say(app, "Another sentence than before.")
    assert f"{url.removeprefix('http:')} does not answer (no server listens there)." in written(app)
    assert app.text_input[0].value == "Another sentence than before."
    with running_server(local, port=int(url.rpartition(":")[2])):
        app.run()
        assert drawn(app) == 1
        backend().close()
    backend.clear()


def test_outside_a_session_a_reader_has_no_name():
    assert reader_id() == ""
