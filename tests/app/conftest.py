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
