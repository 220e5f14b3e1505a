"""The chain of places: installed package, local folder, hub cache, hub; and the hub itself, in reach or out of it."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
import torch
from huggingface_hub import constants

from attnviz.cli import main
from attnviz.errors import DamagedWeightsError, OutputError, UnavailableError
from attnviz.models import catalog, load
from attnviz.models import hub as fetching
from attnviz.models.locate import find_weights
from attnviz.progress import ProgressEvent
from attnviz.settings import Settings
from tests.small_models import BERT, packaged, random_model, saved, snapshot


@pytest.fixture(autouse=True)
def empty_hub_cache(tmp_path, monkeypatch) -> Path:
    """A hub cache of this test alone."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def offline(tmp_path) -> Settings:
    """Settings with a folder for models, and without the hub."""
    return Settings(models_dir=tmp_path / "models", cache_dir=tmp_path / "cache", offline=True)


def test_the_chain_is_package_then_folder_then_cache_then_hub_then_nowhere(tmp_path, monkeypatch, offline, empty_hub_cache):
    card = packaged(tmp_path / "site", monkeypatch, saved(tmp_path / "made"))
    online = replace(offline, offline=False)
    assert offline.models_dir is not None
    own = saved(offline.models_dir / "bert-base-uncased")
    cached = snapshot(empty_hub_cache, "google-bert/bert-base-uncased")
    package = tmp_path / "site" / "our_weights" / "model"

    assert (find_weights(card, online).kind, find_weights(card, online).path) == ("package", package)
    (package / "model.safetensors").unlink()
    assert (find_weights(card, online).kind, find_weights(card, online).path) == ("folder", own)
    shutil.rmtree(own)
    assert (find_weights(card, online).kind, find_weights(card, online).path) == ("cache", cached)
    shutil.rmtree(empty_hub_cache)
    assert (find_weights(card, online).kind, find_weights(card, online).path) == ("hub", None)
    assert (find_weights(card, offline).kind, find_weights(card, offline).path) == ("missing", None)


def test_a_folder_may_be_named_by_the_hubs_name_with_two_dashes(offline):
    assert offline.models_dir is not None
    own = saved(offline.models_dir / "google-bert--bert-base-uncased")
    assert find_weights(BERT, offline).path == own


def test_a_folder_of_other_weights_does_not_pass_for_the_four_bit_copy(offline):
    card = replace(catalog.card("smollm2"), package="no_such_package_here")
    assert offline.models_dir is not None
    own = saved(offline.models_dir / "smollm2", "gpt2")
    assert find_weights(card, offline).kind == "missing"
    (own / card.gguf).write_bytes(b"GGUF")
    assert find_weights(card, offline).path == own


def test_a_cache_filled_under_the_short_name_is_found_too(offline, empty_hub_cache):
    cached = snapshot(empty_hub_cache, "bert-base-uncased")
    assert find_weights(BERT, offline).path == cached


def test_a_cached_tokenizer_without_weights_is_not_a_model(offline, empty_hub_cache):
    (snapshot(empty_hub_cache, "google-bert/bert-base-uncased") / "model.safetensors").unlink()
    assert find_weights(BERT, offline).kind == "missing"


def test_both_embedded_models_are_found_in_their_packages():
    for name in ("minilm", "smollm2"):
        card = catalog.card(name)
        location = find_weights(card, Settings())
        assert location.kind == "package"
        assert location.path is not None
        assert all((location.path / file).is_file() for file, _ in card.sha256)


def test_what_is_missing_offline_comes_with_the_one_command_that_fetches_it(offline):
    with pytest.raises(UnavailableError, match=r"Get them with: attnviz models get bert-base-uncased$") as caught:
        load.load(BERT, offline)
    assert find_weights(BERT, offline).remedy == caught.value.command == "attnviz models get bert-base-uncased"
    absent = replace(catalog.card("smollm2"), package="no_such_package_here")
    assert find_weights(absent, offline).kind == find_weights(absent, replace(offline, offline=False)).kind == "missing"
    with pytest.raises(UnavailableError, match=r"attnviz models get smollm2$"):
        load.load(absent, offline)


def test_the_fetching_command_is_one_of_ours(offline, capsys, monkeypatch):
    monkeypatch.setenv("ATTNVIZ_OFFLINE", "1")
    program, *arguments = shlex.split(find_weights(BERT, offline).remedy)
    assert (program, main(arguments)) == ("attnviz", 2)
    assert "bert-base-uncased is not here, and ATTNVIZ_OFFLINE" in capsys.readouterr().err


def test_a_hub_out_of_reach_is_reported_at_once_with_the_remedy(offline):
    online = replace(offline, offline=False)
    start = time.monotonic()
    with pytest.raises(
        UnavailableError,
        match=r"could not be fetched from the hub, which did not answer.*attnviz models get bert-base-uncased",
    ):
        load.load(BERT, online)
    assert time.monotonic() - start < 5


class Hub(BaseHTTPRequestHandler):
    """A hub of one repository, whose files are those of `folder`: as much of its protocol as a download needs."""

    folder: ClassVar[Path]
    commit: ClassVar[str] = "ab" * 20
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        repository = "/google-bert/bert-base-uncased"
        if path in (f"/api/models{repository}", f"/api/models{repository}/revision/main"):
            self.answer(json.dumps({"id": repository[1:], "sha": self.commit}).encode())
        elif path == f"/api/models{repository}/tree/{self.commit}":
            files = [
                {"type": "file", "path": f.name, "size": f.stat().st_size, "oid": self.oid(f)} for f in self.folder.iterdir()
            ]
            self.answer(json.dumps(files).encode())
        elif path.startswith(f"{repository}/resolve/{self.commit}/"):
            file = self.folder / path.rpartition("/")[2]
            self.asked.append(file.name)
            self.answer(file.read_bytes(), {"ETag": f'"{self.oid(file)}"', "X-Repo-Commit": self.commit})
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def oid(self, file: Path) -> str:
        return hashlib.sha1(file.read_bytes()).hexdigest()

    def answer(self, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(200)
        for name, text in ({"Content-Length": str(len(content))} | (headers or {})).items():
            self.send_header(name, text)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Not into the test's output."""


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[None]:
    """The hub, in reach."""
    Hub.folder = saved(tmp_path / "published")
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", here)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", here + "/{repo_id}/resolve/{revision}/{filename}")
        yield
        server.shutdown()


@pytest.mark.usefixtures("hub")
def test_from_a_hub_in_reach_only_what_is_needed_is_fetched_and_then_kept(offline, capfd):
    for other in ("pytorch_model.bin", "tf_model.h5", "README.md"):
        (Hub.folder / other).write_bytes(b"not wanted")
    online = replace(offline, offline=False)
    lines: list[ProgressEvent] = []
    assert find_weights(BERT, online).kind == "hub"
    capfd.readouterr()
    loaded = load.load(BERT, online, lines.append)
    assert loaded.digest == hashlib.sha256((Hub.folder / "model.safetensors").read_bytes()).hexdigest()
    assert not {"pytorch_model.bin", "tf_model.h5", "README.md"} & set(Hub.asked)
    assert [line.message.split()[0] for line in lines] == ["Fetching", "Reading"]
    assert capfd.readouterr() == ("", "")
    assert find_weights(BERT, offline).kind == "cache"
    assert load.load(BERT, offline).digest == loaded.digest


@pytest.mark.usefixtures("hub")
def test_the_command_fetches_from_the_hub_and_checks_each_large_file(offline, capsys, empty_hub_cache, monkeypatch):
    monkeypatch.setenv("ATTNVIZ_CACHE_DIR", str(offline.cache_dir))
    assert main(["models", "get", BERT.id]) == 0
    out, err = capsys.readouterr()
    path = find_weights(BERT, offline).path
    assert path is not None
    assert out == f"{BERT.id:28} {path}\n"
    assert err == f"attnviz: Fetching {BERT.name} from the hub, once; afterwards it stays on this machine.\n"
    (path.parent.parent / "blobs").mkdir(exist_ok=True)
    blob = path.parent.parent / "blobs" / hashlib.sha256(b"numbers").hexdigest()
    blob.write_bytes(b"number5")
    (path / "large.safetensors").symlink_to(blob)
    with pytest.raises(DamagedWeightsError, match=r"large\.safetensors of BERT base \(uncased\) came damaged.*--again"):
        fetching.check(path, BERT)


@pytest.mark.usefixtures("hub")
def test_where_the_hubs_cache_cannot_be_written_that_is_what_the_message_says(tmp_path, monkeypatch, offline):
    (tmp_path / "file").write_text("a file where the folder should be")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match=r"cannot be kept in the hub's cache.*\(Not a directory\)\. Set HF_HOME") as caught:
        load.load(BERT, replace(offline, offline=False))
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.usefixtures("hub")
def test_a_hub_that_refuses_is_quoted_with_its_code(offline):
    with pytest.raises(
        UnavailableError, match=r"which answered with code 404\. Where there is a network, run: attnviz models get"
    ):
        load.load(replace(BERT, hub="nobody/nothing"), replace(offline, offline=False))


def test_a_folder_of_models_that_cannot_be_looked_into_counts_as_empty(offline):
    assert find_weights(BERT, replace(offline, models_dir=Path("/", "x" * 300))).kind == "missing"


@pytest.mark.slow
def test_a_hub_that_never_answers_is_given_up_within_seconds(offline, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the call and says nothing
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(UnavailableError, match="attnviz models get"):
            load.load(BERT, replace(offline, offline=False))
    assert time.monotonic() - start < 9  # five seconds of patience, and a busy machine


@pytest.mark.parametrize(
    ("family", "kind", "sizes"),
    [("bert", "encoder", (3, 2, 40)), ("gpt2", "decoder", (2, 4, 44)), ("t5", "encoder-decoder", (2, 3, 33))],
)
def test_a_hub_snapshot_loads_offline_with_the_facts_of_its_own_configuration(offline, empty_hub_cache, family, kind, sizes):
    folder = snapshot(empty_hub_cache, "google-bert/bert-base-uncased", family)
    loaded = load.load(BERT, offline)
    assert (loaded.card.kind, (loaded.card.layers, loaded.card.heads, loaded.card.max_tokens)) == (kind, sizes)
    assert loaded.digest == hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    want = random_model(family).state_dict()
    assert {name: tensor.dtype for name, tensor in loaded.model.state_dict().items()} == dict.fromkeys(want, torch.float32)
    assert all(torch.equal(tensor, want[name]) for name, tensor in loaded.model.state_dict().items())
    assert loaded.tokenizer("the animal")["input_ids"] == [5, 6]
    assert not loaded.model.training
    assert loaded.model.can_generate() == (kind == "encoder-decoder")
