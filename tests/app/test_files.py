"""Files from the command line and from the page: each arrives whole, binary ones stay off terminals, none is made unasked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from attnviz import cli, export
from tests.app.conftest import drawn
from tests.small_models import saved

TEXT = "the cat sat, because it </script> was =tired]]> مرحبا"
BEGINS = {
    "json": b"{\n", "csv": b"# model", "npz": b"PK\x03\x04", "html": b"<!doctype html>", "svg": b"<?xml", "pdf": b"%PDF-",
    "png": b"\x89PNG",
}  # fmt: skip


def attended(form: str, **more) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "attnviz", "attend", TEXT, "--words", "--layer", "3", "--head", "1", "--format", form]
    return subprocess.run(command, check=False, **more)


def test_every_format_of_the_exports_is_one_of_the_command_lines():
    assert cli.FORMATS == tuple(export.FORMATS) == tuple(BEGINS)


EVERY = """
import sys
from attnviz import cli
for form in cli.FORMATS:
    cli.main(["attend", sys.argv[1], "--words", "--layer", "3", "--head", "1", "--format", form, "-o", f"{sys.argv[2]}/{form}"])
"""


def test_two_processes_write_the_same_bytes_in_every_format(tmp_path: Path):
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": f"UTC-{seed}"}
        subprocess.run([sys.executable, "-c", EVERY, TEXT, str(tmp_path / seed)], env=environment, check=True)
    for form, begins in BEGINS.items():
        first, second = ((tmp_path / seed / form).read_bytes() for seed in ("1", "2"))
        assert first.startswith(begins)
        assert first == second, form


def test_a_binary_file_goes_into_a_pipe():
    completed = attended("pdf", capture_output=True)
    assert (completed.returncode, completed.stdout[:5]) == (0, b"%PDF-")


@pytest.mark.parametrize("form", cli.BINARY)
def test_binary_files_are_not_written_to_a_terminal(form: str):
    screen, terminal = os.openpty()
    completed = attended(form, stdout=terminal, stderr=subprocess.PIPE, text=True)
    os.close(terminal)
    os.close(screen)
    assert completed.returncode == 2
    assert completed.stderr == (
        f"attnviz: {form.upper()} is binary and is not written to a terminal. Name a file with -o, e.g. -o head.{form}.\n"
    )


def test_an_unknown_format_names_those_that_there_are(capfd):
    with pytest.raises(SystemExit) as left:
        cli.main(["attend", "a", "--format", "gif"])
    assert left.value.code == 2
    assert "'svg', 'pdf', 'png'" in capfd.readouterr().err


def test_the_page_offers_every_format_and_makes_a_file_only_on_request(opened, monkeypatch: pytest.MonkeyPatch):
    made: list[str] = []
    for form, make in export.FORMATS.items():
        monkeypatch.setitem(export.FORMATS, form, lambda item, form=form, make=make: (made.append(form), make(item))[1])
    app = opened(layer="3", head="1")
    assert drawn(app) == 1
    app.query_params["open"] = "download"
    app.run()
    buttons = [one.proto.label for one in app.get("download_button")]
    assert {"HTML", "SVG", "PDF", "PNG", "CSV", "NPZ", "JSON"} <= set(buttons)
    app.run()
    assert made == []


def test_a_generated_target_is_shown_as_such_and_is_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = saved(tmp_path / "writer", "t5")

    assert cli.main(["attend", "the animal did", "--model", str(folder), "--block", "cross"]) == 0
    out, err = capsys.readouterr()
    facts = json.loads(out)["provenance"]

    assert facts["text_b"] is None
    assert facts["written"]
    assert f"attnviz: No target text was given, so the model wrote one itself: {facts['written']}\n" in err
    assert cli.main(["attend", "the animal did", "--model", str(folder), "--text-b", "it was", "--block", "cross"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["provenance"]["written"] is None
    assert "No target" not in err
