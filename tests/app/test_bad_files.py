"""One table of weight files that are missing, cut short or altered.

For each: what the page says, what the command line says, which error Python raises; and that the app still works afterwards.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import attnviz
from attnviz import cli, errors
from attnviz.models import catalog
from attnviz.selection import TEXT
from attnviz.types import HeadRef
from tests.app.conftest import SOUND, drawn, say, written
from tests.small_models import saved

ROOT = Path(__file__).parents[2]
WEIGHTS = "model.safetensors"
OWN = "bert-base-uncased"  # the reader's own copy of it
AGAIN = "Put the whole folder in its place again."
INSTALL = "Fetch it again: attnviz models get minilm --again"


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
    """One fault in one file of one model, and the messages about it."""

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
        "Get them with: attnviz models get minilm", errors.UnavailableError,
    ),
    Case(
        "minilm, cut short", "minilm", cut, "model.safetensors was altered, cut short or exchanged, and is not read", INSTALL,
        errors.DamagedWeightsError,
    ),
    Case(
        "minilm, one byte altered", "minilm", flipped(-1, 1), "and should begin 53aa51172d14…", INSTALL,
        errors.DamagedWeightsError,
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
        "must be numbers; embeddings.LayerNorm.weight holds NaN or infinity", AGAIN, errors.DamagedWeightsError,
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


@pytest.fixture
def harmed(case: Case, own_models, tmp_path, monkeypatch) -> Iterator[Path]:
    """The file that came to harm: in a copy of the installed package, which stands before it, or in the reader's own folder."""
    if case.model == OWN:
        file = saved(own_models / OWN) / case.file
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
    output = capfd.readouterr()
    assert code == 2
    check_wording(output.err, case, tmp_path)
    assert output.out == ""
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
def test_after_a_damaged_model_text_head_pin_and_page_are_unchanged(case, opened):
    wide = TEXT.replace("tired", "wide")
    app = opened(text=wide, layer="5", head="11", pins="3.2")
    app.switch_page("pages/learn/coreference.py").run()
    app.selectbox(key="model").set_value(case.model).run()
    assert len(app.error) == 1
    assert "What does the pronoun refer to?" in written(app), "still the same page"
    assert selection(app).request.text == wide
    app.selectbox(key="model").set_value("minilm").run()
    assert "All 72 heads" in written(app)
    assert selection(app).request.text == wide
    app.switch_page("pages/explore/attention.py").run()
    assert drawn(app) == 2
    assert selection(app).head == HeadRef(5, 11)
    assert [pin.head for pin in selection(app).pins] == [HeadRef(3, 2)]


def test_weights_that_make_no_numbers_only_on_this_text_are_reported_on_the_page_too(own_models, opened):
    from safetensors.torch import load_file, save_file

    file = saved(own_models / OWN) / WEIGHTS
    tensors = load_file(file)
    for name in ("query", "key"):
        tensors[f"encoder.layer.1.attention.self.{name}.weight"][:] = 3e38  # finite, and their products are not
    save_file(tensors, file, {"format": "pt"})
    app = opened(model=OWN, text="the animal was tired", layer="1", head="0")
    assert not app.exception
    assert "must be numbers; those of" in written(app)
    app.selectbox(key="model").set_value(SOUND).run()
    assert drawn(app) == 1


def test_a_model_smaller_than_its_card_opens_with_its_first_head_and_says_so(own_models, opened):
    saved(own_models / OWN)  # 3 layers of 2 heads, where the catalogue has 12 of 12 and opens with L4·H3
    app = opened(model=OWN, text=TEXT, pins="1.1,0.2")
    assert drawn(app) == 2
    assert "BERT base (uncased) as it is on this machine has no L4·H3 or L0·H2: showing L0·H0." in written(app)
    assert selection(app).head == HeadRef(0, 0)
    assert [pin.head for pin in selection(app).pins] == [HeadRef(1, 1)]
    app.number_input(key="layer").set_value(2).run()
    assert drawn(app) == 2
    assert "on this machine" not in written(app), "the reader has moved on"
