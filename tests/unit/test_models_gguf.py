"""A GGUF file is converted once, exactly, and what is kept is whole or counts as absent.

Most of it runs on a GGUF file of two layers, written here; the slow tests run on smollm2 itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from attnviz.errors import DamagedWeightsError, OutputError
from attnviz.models import catalog, gguf, load
from attnviz.models.locate import find_weights
from attnviz.progress import ProgressEvent
from attnviz.settings import Settings
from attnviz.types import ModelCard
from tests.small_models import GGUF, gguf_file, random_model, tokenizer

TEXT = "The animal didn't cross the street because it was too tired"


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder with one installed package, which carries the small GGUF file."""
    site = tmp_path_factory.mktemp("site")
    gguf_file(site / "small_gguf" / "small.gguf")
    return site


def small_card(site: Path, monkeypatch: pytest.MonkeyPatch) -> ModelCard:
    """The card of the small GGUF model, whose package can be found from now on."""
    monkeypatch.syspath_prepend(str(site))
    pin = hashlib.sha256((site / "small_gguf" / "small.gguf").read_bytes()).hexdigest()
    pins = (("small.gguf", pin),)
    return replace(catalog.card("smollm2"), package="small_gguf", requirement="small-gguf==1", gguf="small.gguf", sha256=pins)


@pytest.fixture
def card(site, monkeypatch) -> ModelCard:
    """The card of the small GGUF model."""
    return small_card(site, monkeypatch)


@pytest.fixture(scope="module")
def converted(site: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.Tensor]:
    """A cache that keeps the small model, and what the model gives."""
    cache = tmp_path_factory.mktemp("converted")
    with pytest.MonkeyPatch.context() as patch:
        loaded = load.load(small_card(site, patch), Settings(cache_dir=cache))
    return cache, outputs(loaded)


def kept_folders(cache: Path) -> list[str]:
    """What lies in a cache, by name."""
    return sorted(path.name for path in cache.iterdir())


def outputs(loaded: load.LoadedModel, text: str = "it sat, it ran") -> torch.Tensor:
    """The last hidden state on a text."""
    with torch.inference_mode():
        return loaded.model(**loaded.tokenizer(text, return_tensors="pt")).last_hidden_state


def test_a_gguf_file_is_converted_once_and_then_read(tmp_path, card, site):
    settings = Settings(cache_dir=tmp_path / "cache")
    first, second = [], []
    one = load.load(card, settings, first.append)
    two = load.load(card, settings, second.append)
    assert [line.message.split()[0] for line in first] == ["Converting"]
    assert [line.message.split()[0] for line in second] == ["Reading"]
    assert kept_folders(settings.cache_dir) == [f"gguf-{card.sha256[0][1][:16]}-v{gguf.FORMAT}"]
    assert one.digest == two.digest == card.sha256[0][1]
    assert one.card == two.card
    facts = (two.card.kind, two.card.layers, two.card.heads, two.card.max_tokens)
    assert facts == ("decoder", GGUF.layers, GGUF.heads, GGUF.tokens)

    direct = AutoModel.from_pretrained(site / "small_gguf", gguf_file="small.gguf", dtype=torch.float32)
    names = AutoTokenizer.from_pretrained(site / "small_gguf", gguf_file="small.gguf")
    want = outputs(load.LoadedModel(direct, names, card, ""))
    assert want.shape == (1, 11, GGUF.hidden)
    assert torch.equal(outputs(one), want)
    assert torch.equal(outputs(two), want)
    assert names(TEXT)["input_ids"] == one.tokenizer(TEXT)["input_ids"] == two.tokenizer(TEXT)["input_ids"]
    assert {tensor.dtype for tensor in two.model.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json", "manifest.json"])
@pytest.mark.parametrize("harm", ["cut", "altered", "gone"])
def test_a_damaged_conversion_is_noticed_and_made_again(tmp_path, card, converted, file, harm):
    cache, want = converted
    shutil.copytree(cache, tmp_path, dirs_exist_ok=True)
    settings = Settings(cache_dir=tmp_path)
    path = gguf.folder_of(tmp_path, card.sha256[0][1]) / file
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-7] if harm == "cut" else content[:-9] + b"#" + content[-8:])
    lines: list[ProgressEvent] = []
    assert torch.equal(outputs(load.load(card, settings, lines.append)), want)
    assert [line.message.split()[0] for line in lines] == ["Converting"]
    assert path.read_bytes() == content
    assert gguf.is_complete(path.parent)
    assert len(kept_folders(tmp_path)) == 1


def test_a_manifest_that_names_nothing_or_leads_elsewhere_counts_as_damaged(tmp_path):
    (tmp_path / "kept").mkdir()
    secret = tmp_path / "secret"
    secret.write_text("x")
    hash = hashlib.sha256(b"x").hexdigest()
    for manifest in ({}, [], {"../secret": hash}, {"secret": hash}, 7, None):
        (tmp_path / "kept" / "manifest.json").write_text(json.dumps(manifest))
        assert not gguf.is_complete(tmp_path / "kept")


@pytest.mark.parametrize("listens", [True, False])
def test_with_an_unwritable_cache_the_model_works_and_says_that_it_was_not_kept(tmp_path, card, listens):
    (tmp_path / "cache").write_text("a file where the folder should be")
    settings = Settings(cache_dir=tmp_path / "cache")
    lines: list[ProgressEvent] = []
    if listens:
        loaded = load.load(card, settings, lines.append)
        assert "ATTNVIZ_CACHE_DIR" in lines[-1].message
    else:
        with pytest.warns(UserWarning, match="ATTNVIZ_CACHE_DIR"):
            loaded = load.load(card, settings)
    assert outputs(loaded).shape == (1, 11, GGUF.hidden)
    assert (tmp_path / "cache").read_text() == "a file where the folder should be"


def test_an_unwritable_cache_in_the_home_folder_is_named_as_its_owner_writes_it(tmp_path, card, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "cache").write_text("a file where the folder should be")
    lines: list[ProgressEvent] = []
    load.load(card, Settings(cache_dir=tmp_path / "cache" / "attnviz"), lines.append)
    assert "cannot be kept in ~/cache/attnviz (Not a directory)" in lines[-1].message
    assert str(tmp_path) not in lines[-1].message
    assert [line.kind for line in lines] == ["step", "notice"], "the reader should still see it afterwards"


@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path):
    cache = tmp_path / "cache"
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from pathlib import Path\n"
        "from attnviz.errors import OutputError\n"
        "from attnviz.models import gguf\n"
        "from tests.small_models import random_model, tokenizer\n"
        "model, names = random_model('gpt2'), tokenizer()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        f"try: gguf.store(model, names, Path({str(cache)!r}) / 'kept')\n"
        "except OutputError as error: print(error)\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be kept" in answer.stdout
    assert kept_folders(cache) == []


def test_several_that_convert_at_once_all_end_with_a_whole_copy(tmp_path):
    model, names = random_model("gpt2"), tokenizer()
    folder = tmp_path / "kept"
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: gguf.store(model, names, folder), range(18)))
    assert gguf.is_complete(folder)
    assert kept_folders(tmp_path) == ["kept"]


@pytest.mark.slow
def test_two_processes_that_convert_at_once_both_end_well(tmp_path, card, site):
    code = (
        "import sys; from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from attnviz.models import catalog, load; from attnviz.settings import Settings\n"
        "card = replace(catalog.card('smollm2'), package='small_gguf', gguf='small.gguf', sha256=())\n"
        "loaded = load.load(card, Settings(cache_dir=Path(sys.argv[1])))\n"
        "print(loaded.digest, loaded.model.norm.weight.sum().item())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "cache")]
    environment = os.environ | {"PYTHONPATH": str(site)}
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=240)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert answers[0] == answers[1] != ""
    assert gguf.is_complete(gguf.folder_of(tmp_path / "cache", card.sha256[0][1]))
    assert len(kept_folders(tmp_path / "cache")) == 1


def test_what_an_ended_process_left_half_written_is_removed_and_what_is_under_way_stays(tmp_path):
    old, new = tmp_path / f"{gguf.UNFINISHED}old", tmp_path / f"{gguf.UNFINISHED}new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"half")
    os.utime(old, (time.time() - 2 * gguf.ABANDONED,) * 2)
    gguf.store(random_model("gpt2"), tokenizer(), tmp_path / "kept")
    assert kept_folders(tmp_path) == [new.name, "kept"]


def test_a_file_where_the_copy_should_be_is_reported_or_replaced(tmp_path):
    (tmp_path / "kept").write_text("not a folder")
    gguf.store(random_model("gpt2"), tokenizer(), tmp_path / "kept")
    assert gguf.is_complete(tmp_path / "kept")
    with pytest.raises(OutputError, match="ATTNVIZ_CACHE_DIR"):
        gguf.store(random_model("gpt2"), tokenizer(), tmp_path / "kept" / "model.safetensors" / "deeper")


def test_an_altered_gguf_file_is_refused_even_where_its_conversion_is_kept(tmp_path, site, monkeypatch, card):
    settings = Settings(cache_dir=tmp_path / "cache")
    load.load(card, settings)
    own = tmp_path / "own"
    content = bytearray((site / "small_gguf" / "small.gguf").read_bytes())
    content[-1] ^= 1
    (own / "small_gguf").mkdir(parents=True)
    (own / "small_gguf" / "small.gguf").write_bytes(content)
    monkeypatch.syspath_prepend(str(own))
    with pytest.raises(DamagedWeightsError, match=r"attnviz models get smollm2 --again"):
        load.load(card, settings)


def test_an_invalid_gguf_file_is_refused(tmp_path, monkeypatch, card):
    (tmp_path / "own" / "small_gguf").mkdir(parents=True)
    (tmp_path / "own" / "small_gguf" / "small.gguf").write_bytes(b"GGUF" + b"\x03\x00\x00\x00" + b"\xff" * 40)
    monkeypatch.syspath_prepend(str(tmp_path / "own"))
    with pytest.raises(DamagedWeightsError, match="models get smollm2 --again"):
        load.load(replace(card, sha256=()), Settings(cache_dir=tmp_path / "cache"))


@pytest.fixture(scope="module")
def smollm2() -> load.LoadedModel:
    """smollm2 through the tests' own cache, so that it is converted once however many tests want it."""
    return load.load(catalog.card("smollm2"), Settings.from_env())


@pytest.mark.slow
def test_the_kept_smollm2_equals_the_one_that_transformers_reads_bit_for_bit(smollm2):
    again = load.load(catalog.card("smollm2"), Settings.from_env())  # surely from the cache
    file = find_weights(catalog.card("smollm2"), Settings()).path
    assert file is not None
    direct = AutoModel.from_pretrained(file, gguf_file=catalog.card("smollm2").gguf, dtype=torch.float32)
    assert direct.is_quantized
    names = AutoTokenizer.from_pretrained(file, gguf_file=catalog.card("smollm2").gguf)
    text = f"{TEXT}. Çà et là: 你好 <|im_end|> 👩‍👩‍👧"
    assert names(text)["input_ids"] == again.tokenizer(text)["input_ids"]
    assert (
        names(text, return_offsets_mapping=True)["offset_mapping"]
        == again.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    )
    want, kept = direct.state_dict(), again.model.state_dict()
    assert want.keys() == kept.keys()
    assert all(torch.equal(tensor, kept[name]) for name, tensor in want.items())
    wanted = outputs(load.LoadedModel(direct, names, again.card, ""), text)
    assert torch.equal(outputs(again, text), wanted)
    assert torch.equal(outputs(smollm2, text), wanted)


@pytest.mark.slow
def test_the_facts_of_smollm2_are_those_of_the_catalogue(smollm2):
    assert smollm2.card == catalog.card("smollm2")
    assert smollm2.digest == catalog.card("smollm2").sha256[0][1]
