"""SECURITY.md: each test that it names exists, and its limits are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()


def test_every_test_that_it_names_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT)
    assert len(named) > 15
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (ROOT / file).is_file() or (test and f"def {test}(" not in (ROOT / file).read_text())
    ]
    assert not missing


def test_every_file_and_setting_that_it_names_exists():
    files = re.findall(r"`((?:attnviz|\.streamlit)/[\w/.]+)`", TEXT)
    assert files
    assert all((ROOT / file).is_file() for file in files)
    settings = (ROOT / "attnviz/settings.py").read_text()
    assert all(name in settings for name in re.findall(r"`(ATTNVIZ_\w+)", TEXT))


def test_the_limits_are_those_of_the_code():
    from attnviz.settings import Settings
    from attnviz.web import middleware

    config = (ROOT / ".streamlit/config.toml").read_text()
    assert (middleware.MAX_URL_BYTES, middleware.MAX_OPEN_PAGES, Settings.max_bytes) == (16 * 1024, 600, 200_000)
    assert f"maxWidgetStateSize = {middleware.MAX_MESSAGE_BYTES // 1_000_000}\n" in config
    assert "beyond 16 kB" in TEXT
    assert "600 open pages" in TEXT
    assert f"{middleware.BURST_MESSAGES} messages at once\n  and {middleware.MESSAGES_PER_SECOND} a second" in TEXT
    assert "at most 4 MB, a text 200,000 bytes" in TEXT
    assert "up to 64 MB" in TEXT
    assert "maxMessageSize = 64\n" in config
