"""`attnviz app`: what it starts, and what it refuses before anything starts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from attnviz import resources
from attnviz.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """The commands that are started: the first visitor, then the server that this process would become."""
    commands: list[list[str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, env: commands.append(command))
    monkeypatch.setattr(os, "execve", lambda program, command, env: commands.append(command))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return commands


@pytest.fixture
def free() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_pages_of_this_checkout_are_served_to_this_machine_alone(started, free, capsys):
    assert main(["app", "--port", str(free)]) == 0
    visitor, server = started
    assert server == [
        sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", str(free),
        "--server.address", "127.0.0.1",
    ]  # fmt: skip
    assert visitor == [sys.executable, "-m", "attnviz.ui.warm_up", f"http://127.0.0.1:{free}"]
    assert capsys.readouterr() == ("", f"attnviz: http://localhost:{free} (Ctrl+C stops it)\n")


def test_every_address_of_the_machine_is_streamlits_own_default(started, free):
    assert main(["app", "--port", str(free), "--host", "0.0.0.0"]) == 0
    assert "--server.address" not in started[1]


def test_a_browser_opens_only_where_it_gets_a_window_and_is_wanted(started, free, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    assert main(["app", "--port", str(free)]) == 0
    assert started[0][-2:] == ["--open", f"http://localhost:{free}"]
    started.clear()
    assert main(["app", "--port", str(free), "--no-browser"]) == 0
    assert "--open" not in started[0]


def test_a_port_that_is_taken_or_none_is_refused_in_words(started, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["app", "--port", str(port)]) == 2
        assert f"at 127.0.0.1, port {port} (Address already in use). Choose another" in capsys.readouterr().err
    for wrong in ("0", "65536", "-1"):
        assert main(["app", "--port", wrong]) == 2
        assert f"got {wrong}" in capsys.readouterr().err
    assert not started


@pytest.mark.parametrize("host", ["no such host", "a..b", "x" * 80, "256.0.0.1"])
def test_an_address_of_another_machine_is_refused_with_a_message(started, free, capsys, host):
    assert main(["app", "--port", str(free), "--host", host]) == 2
    assert f"at {host}, port {free}" in capsys.readouterr().err
    assert not started


def test_a_wrong_setting_is_refused_before_anything_starts(started, free, capsys, monkeypatch):
    monkeypatch.setenv("ATTNVIZ_CACHE_MB", "much")
    assert main(["app", "--port", str(free)]) == 2
    assert "ATTNVIZ_CACHE_MB" in capsys.readouterr().err
    assert not started


def test_the_files_of_the_app_are_where_they_are_looked_for():
    names = ("app.py", "pages/explore/attention.py", ".streamlit/config.toml", "requirements-models.txt")
    assert not [name for name in names if not (resources.app_folder() / name).is_file()]
