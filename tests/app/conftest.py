"""The app, run in this process as Streamlit runs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import pytest
from huggingface_hub import constants
from streamlit.testing.v1 import AppTest

import attnviz
from attnviz.backends.local import LocalBackend
from attnviz.models import catalog, load
from attnviz.settings import Settings
from attnviz.ui.backend import backend
from tests.small_models import saved

APP = Path(__file__).parents[2] / "app.py"
SOUND = "distilbert-base-uncased"  # the model that `own_models` has
WAIT = 120  # seconds: a first run loads torch


@pytest.fixture(scope="session", autouse=True)
def converted() -> None:
    """Convert smollm2 before a page waits for it: done once in a checkout, it can take longer than a page is given."""
    settings = Settings.from_env()
    if not list(settings.cache_dir.glob("gguf-*-v*")):
        load.load(catalog.card("smollm2"), settings)


@pytest.fixture
def opened() -> Callable[..., AppTest]:
    """Opens the app, or one `page` of it, with these URL parameters and with the heatmap below the board, and runs it once."""

    def opener(page: str = "", **params: str) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=WAIT)
        if page:
            app.switch_page(page)
        for name, value in {"open": "heatmap", **params}.items():
            app.query_params[name] = value
        return app.run()

    return opener


@pytest.fixture(scope="module")
def local() -> Iterator[LocalBackend]:
    """The models of this process, for a server beside the app."""
    made = LocalBackend(Settings.from_env())
    yield made
    made.close()


@pytest.fixture
def own_models(tmp_path, monkeypatch) -> Iterator[Path]:
    """The reader's folder of models, with a sound one in it; no model is loaded yet, and the hub's cache is empty."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("ATTNVIZ_OFFLINE", "1")
    monkeypatch.setenv("ATTNVIZ_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr(attnviz, "_default", [])
    saved(tmp_path / "models" / SOUND)
    backend.clear()
    yield tmp_path / "models"
    backend.clear()


def written(app: AppTest) -> str:
    """All that the page says in messages and text: Markdown escapes taken off, terms of the glossary as their words."""
    parts = [*app.error, *app.info, *app.warning, *app.markdown, *app.caption, *app.header, *app.subheader]
    notes = [unescape(re.sub("<[^>]*>", "", one.proto.body)) for one in app.get("html") if 'class="legible"' in one.proto.body]
    text = "\n".join([*(str(part.value).replace("\\", "").replace("\u2060", "") for part in parts), *notes])
    return unlinked(text)


def unlinked(text: str) -> str:
    """Markdown with terms of the glossary as their words."""
    return re.sub(r"\[([^][]*)\]\(glossary[^)]*\)", r"\1", text)


def say(app: AppTest, text: str) -> None:
    """Type another text into whichever field there is."""
    field = app.text_area[0] if app.text_area else next(field for field in app.text_input if field.label == "Sentence")
    field.set_value(text).run()


def drawn(app: AppTest) -> int:
    """How many heatmaps stand on the page, which has no error on it."""
    assert not app.exception
    assert not app.error, written(app)
    return len(app.get("plotly_chart"))
