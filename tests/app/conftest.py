"""The app, run in this process as Streamlit runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

APP = Path(__file__).parents[2] / "app.py"
WAIT = 120  # seconds: a first run loads torch


@pytest.fixture
def opened() -> Callable[..., AppTest]:
    """Opens the app with these URL parameters, and runs it once."""

    def opener(**params: str) -> AppTest:
        app = AppTest.from_file(APP, default_timeout=WAIT)
        for name, value in params.items():
            app.query_params[name] = value
        return app.run()

    return opener


def written(app: AppTest) -> str:
    """All that the page says in messages and text, with Markdown escapes taken off."""
    parts = [*app.error, *app.info, *app.warning, *app.markdown, *app.caption, *app.subheader]
    return "\n".join(str(part.value).replace("\\", "") for part in parts)


def say(app: AppTest, text: str) -> None:
    """Type another text into whichever field there is."""
    field = app.text_area[0] if app.text_area else next(field for field in app.text_input if field.label == "Sentence")
    field.set_value(text).run()


def drawn(app: AppTest) -> int:
    """How many heatmaps stand on the page, which has no error on it."""
    assert not app.exception
    assert not app.error, written(app)
    return len(app.get("plotly_chart"))
