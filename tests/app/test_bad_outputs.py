"""Caches, output files and standard output that cannot be written: what can be shown is shown, the rest ends with a message."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

import attnviz
from attnviz import cli
from attnviz.models import catalog
from attnviz.models.weights import sha256
from attnviz.types import AttentionRequest
from attnviz.ui.backend import backend, listening
from tests.app.conftest import SOUND, drawn, say, written
from tests.small_models import GGUF, gguf_file


@pytest.fixture
def small_gguf(own_models, tmp_path, monkeypatch) -> str:
    """A small model in the place of smollm2, to be converted in a moment."""
    card = catalog.card("smollm2")
    file = gguf_file(tmp_path / "site" / card.package / card.gguf)
    (tmp_path / "site" / card.package / "__init__.py").touch()  # so that the installed package does not stand before it
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    small = replace(card, layers=GGUF.layers, heads=GGUF.heads, head=(0, 0), sha256=((card.gguf, sha256(file)),))
    cards = tuple(small if one.id == card.id else one for one in catalog.cards())
    monkeypatch.setattr(catalog, "cards", lambda: cards)
    return small.name


def full(file: Path) -> str:
    """Fail as a full disk does at the end of a write."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(params=["it is a file", "Not a directory", "No space left on device"])
def unwritable(request, tmp_path, monkeypatch) -> str:
    """Set the reader's cache folder to one that not even root can write to; return it and the reason."""
    if request.param == "No space left on device":
        monkeypatch.setattr("attnviz.models.gguf.sha256", full)  # when all but the manifest is written
        monkeypatch.setenv("ATTNVIZ_CACHE_DIR", str(tmp_path / "cache"))
        return f"{tmp_path / 'cache'} ({request.param})"
    (tmp_path / "cache").write_text("a file where the folder should be")
    folder = tmp_path / "cache" if request.param == "it is a file" else tmp_path / "cache" / "attnviz"
    monkeypatch.setenv("ATTNVIZ_CACHE_DIR", str(folder))
    return f"{folder} ({request.param})"


def check_notice(message: str, name: str, where: str) -> None:
    """It works, what it could not do, where and why, and how it could."""
    assert f"{name} works now but will be converted again next time." in message
    assert f"The converted weights cannot be kept in {where}." in message
    assert "Set ATTNVIZ_CACHE_DIR to a folder that can be written, with 600 MB free." in message


def test_with_an_unwritable_cache_the_page_shows_the_heads_and_says_what_was_not_kept(opened, small_gguf, unwritable):
    app = opened(model="smollm2", text="it sat", layer="1", head="2")
    assert drawn(app) == 1
    check_notice(written(app), small_gguf, unwritable)
    app.run()
    check_notice(written(app), small_gguf, unwritable)
    say(app, "it ran")
    assert drawn(app) == 1
    assert "ATTNVIZ_CACHE_DIR" not in written(app), "the reader has moved on"


def test_with_an_unwritable_cache_the_command_line_prints_the_weights_and_says_it_beside_them(small_gguf, unwritable, capfd):
    assert cli.main(["attend", "it sat", "--model", "smollm2", "--layer", "1", "--head", "2"]) == 0
    output = capfd.readouterr()
    assert len(json.loads(output.out)["weights"]) == 5
    check_notice(output.err, small_gguf, unwritable)


def test_with_an_unwritable_cache_python_returns_the_trace_and_warns(small_gguf, unwritable):
    with pytest.warns(UserWarning, match="ATTNVIZ_CACHE_DIR") as caught:
        assert attnviz.attend("it sat", "smollm2").layers == GGUF.layers
    check_notice(str(caught[0].message), small_gguf, unwritable)


@pytest.mark.usefixtures("small_gguf")
def test_a_damaged_copy_is_made_again_and_the_page_shows_the_same_numbers(opened, tmp_path, monkeypatch):
    monkeypatch.setenv("ATTNVIZ_CACHE_DIR", str(tmp_path / "cache"))
    before = weights(opened(model="smollm2", text="it sat", layer="1", head="2"))
    (kept,) = (tmp_path / "cache").glob("gguf-*/model.safetensors")
    content = kept.read_bytes()
    kept.write_bytes(content[:-5] + bytes([content[-5] ^ 0x40]) + content[-4:])
    backend.clear()

    assert weights(opened(model="smollm2", text="it sat", layer="1", head="2")) == before
    assert kept.read_bytes() == content


def weights(app) -> list:
    """The numbers of the one heatmap on the page."""
    assert drawn(app) == 1
    return json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]["z"]


@pytest.mark.usefixtures("small_gguf")
def test_with_a_writable_cache_no_notice_stays(tmp_path, monkeypatch, opened):
    monkeypatch.setenv("ATTNVIZ_CACHE_DIR", str(tmp_path / "new" / "cache"))
    app = opened(model="smollm2", text="it sat", layer="1", head="2")
    assert drawn(app) == 1
    assert not app.info
    monkeypatch.setattr(attnviz, "_default", [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attnviz.attend("it sat", "smollm2")


def test_a_waiting_reader_sees_what_takes_so_long(small_gguf, tmp_path, monkeypatch):
    monkeypatch.setenv("ATTNVIZ_CACHE_DIR", str(tmp_path / "cache"))
    lines: list[str] = []
    with listening(lambda event: lines.append(event.message)):
        backend().attend(AttentionRequest("smollm2", "it sat"))
    backend().attend(AttentionRequest(SOUND, "the animal"))  # without a listener
    assert lines == [f"Converting {small_gguf} to plain weights, once. This can take a minute."]


@pytest.mark.parametrize("form", cli.FORMATS)
@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("/no/such/folder/head", "No such file or directory"),
        ("/dev/null/head", "Not a directory"),
        (".", "Is a directory"),
        ("", "Is a directory"),
        ("x" * 300, "File name too long"),
        ("a\0b", "no file may be called that"),
    ],
    ids=["no folder", "a file as a folder", "a folder", "no name", "a long name", "an odd name"],
)
def test_an_output_file_that_cannot_be_written_ends_with_the_message_and_exit_code_2(output, reason, form, capfd):
    assert cli.main(["attend", "one", "--format", form, "-o", output]) == 2
    captured = capfd.readouterr()
    assert f"“{output}” cannot be written ({reason})." in captured.err
    assert "Name another file with -o, in a folder that exists and has room." in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full: /dev/full")
@pytest.mark.parametrize("arguments", [["models"], ["models", "--format", "json"]], ids=" ".join)
def test_standard_output_that_is_full_ends_with_the_message_and_exit_code_2(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "attnviz", *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr == (
        "attnviz: Standard output cannot be written (No space left on device). Send it to a file in a folder that has room.\n"
    )


def test_standard_output_that_is_closed_ends_with_the_message_and_exit_code_2(monkeypatch, capfd):
    monkeypatch.setattr(sys, "stdout", None)
    assert cli.main(["attend", "one"]) == 2
    assert "Standard output cannot be written (it is closed)." in capfd.readouterr().err
