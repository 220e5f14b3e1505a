"""What happens to weights that are missing, damaged or not to be trusted; and what a sound model comes with."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, BertForMaskedLM

from attnviz.errors import BadInputError, DamagedWeightsError, UnavailableError
from attnviz.models import catalog, load, reading_progress
from attnviz.models.locate import find_weights
from attnviz.progress import ProgressEvent
from attnviz.settings import Settings
from tests.small_models import BERT, changed, packaged, random_model, saved, tokenizer


def test_a_default_head_that_the_model_lacks_becomes_the_first(tmp_path):
    folder = saved(tmp_path / "model")
    assert load.load(replace(BERT, folder=str(folder), head=(2, 1)), Settings()).card.head == (2, 1)
    assert load.load(replace(BERT, folder=str(folder), head=(4, 1)), Settings()).card.head == (0, 0)


def test_half_precision_weights_are_read_as_float32(tmp_path):
    random_model("bert").to(torch.bfloat16).save_pretrained(tmp_path / "half")
    tokenizer().save_pretrained(tmp_path / "half")
    loaded = load.load(load.local_card(tmp_path / "half"), Settings())
    assert {tensor.dtype for tensor in loaded.model.parameters()} == {torch.float32}


def test_two_loads_share_no_configuration(tmp_path):
    card = load.local_card(saved(tmp_path / "model"))
    one, two = load.load(card, Settings()), load.load(card, Settings())
    assert one.model.config is not two.model.config
    one.model.set_attn_implementation("eager")
    assert two.model.config._attn_implementation == "sdpa"


def test_six_threads_loading_at_once_all_get_the_saved_weights(tmp_path):
    card = load.local_card(saved(tmp_path / "model"))
    want = random_model("bert").state_dict()
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: load.load(card, Settings()).model.state_dict(), range(12)))
    assert all(torch.equal(state[name], want[name]) for state in found for name in want)
    assert torch.get_default_dtype() == torch.float32


def test_weights_in_several_files_have_one_digest(tmp_path):
    folder = saved(tmp_path / "model", max_shard_size="2KB")
    files = sorted(folder.glob("model-*.safetensors"))
    assert len(files) > 2
    loaded = load.load(load.local_card(folder), Settings())
    lines = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    assert loaded.digest == hashlib.sha256(lines.encode()).hexdigest()

    files[1].unlink()
    with pytest.raises(UnavailableError, match=re.escape(files[1].name)):
        load.load(replace(loaded.card, folder=str(folder)), Settings())


def test_an_index_that_leads_out_of_its_folder_is_refused(tmp_path):
    folder = saved(tmp_path / "model", max_shard_size="2KB")
    changed(folder / "model.safetensors.index.json", weight_map={"embeddings": "../secret.safetensors"})
    with pytest.raises(DamagedWeightsError, match="beside it"):
        load.local_card(folder)


def test_an_altered_weight_is_refused_before_it_is_read(tmp_path, monkeypatch):
    offline = Settings(offline=True)
    card = packaged(tmp_path / "site", monkeypatch, saved(tmp_path / "made"))
    assert load.load(card, offline).digest == card.sha256[0][1]
    file = tmp_path / "site" / "our_weights" / "model" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1  # one bit of one weight: the file stays readable
    file.write_bytes(content)
    again = "attnviz models get bert-base-uncased --again"
    with pytest.raises(DamagedWeightsError, match=rf"should begin {card.sha256[0][1][:12]}.*{again}"):
        load.load(card, offline)


def test_pinned_weights_may_not_come_in_other_files(tmp_path, monkeypatch):
    offline = Settings(offline=True, models_dir=tmp_path / "models")
    card = replace(packaged(tmp_path / "site", monkeypatch, saved(tmp_path / "made")), package="no_such_package_here")
    saved(tmp_path / "models" / card.id, max_shard_size="2KB")
    with pytest.raises(DamagedWeightsError, match=r"model-00001-of-\d+\.safetensors was altered"):
        load.load(card, offline)


@pytest.mark.parametrize("left", [0, 5, 8, 200, -1])
def test_a_truncated_weight_file_is_refused(tmp_path, left):
    folder = saved(tmp_path / "model")
    card = load.local_card(folder)
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(DamagedWeightsError, match=r"model\.safetensors of model"):
        load.load(card, Settings())


def test_a_header_that_is_no_header_is_refused(tmp_path):
    folder = saved(tmp_path / "model")
    card = load.local_card(folder)
    for content in (
        b"\xff" * 64,
        (2**62).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        b"not a model at all",
    ):
        (folder / "model.safetensors").write_bytes(content)
        with pytest.raises(DamagedWeightsError):
            load.load(card, Settings())


def test_weights_that_lack_a_tensor_are_refused_and_none_is_made_up(tmp_path):
    folder = saved(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layer.1.attention.self.key.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(DamagedWeightsError, match=r"lack 1 .*encoder\.layer\.1\.attention\.self\.key\.weight"):
        load.load(load.local_card(folder), Settings())


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_by_the_name_of_their_tensor(tmp_path, odd):
    folder = saved(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.layer.1.attention.self.key.weight"][2, 3] = odd
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(DamagedWeightsError, match=r"must be numbers; encoder\.layer\.1\.attention\.self\.key\.weight"):
        load.load(load.local_card(folder), Settings())


def test_weights_of_another_size_than_the_configuration_are_refused(tmp_path):
    folder = saved(tmp_path / "model")
    changed(folder / "config.json", intermediate_size=11)
    with pytest.raises(DamagedWeightsError):
        load.load(load.local_card(folder), Settings())


def test_a_checkpoint_of_a_language_model_has_no_pooler_and_still_loads(tmp_path):
    folder = saved(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    BertForMaskedLM(AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    assert load.load(load.local_card(folder), Settings()).card.layers == 3


ODD = (b"", b"{", b"[]", b"\xff\xfe\x00", b"[" * 50_000, b'{"model_type": "bert", "num_hidden_layers": "many"}')


@pytest.mark.parametrize(
    ("file", "content"),
    [("config.json", odd) for odd in ODD]
    + [("tokenizer.json", odd) for odd in ODD]
    + [("tokenizer_config.json", odd) for odd in ODD[:-1]],  # the last one is an object, and says nothing wrong of a tokenizer
)
def test_a_damaged_file_beside_the_weights_ends_in_an_error_of_ours(tmp_path, file, content):
    folder = saved(tmp_path / "model")
    card = load.local_card(folder)
    (folder / file).write_bytes(content)
    with pytest.raises(DamagedWeightsError) as caught:
        load.load(card, Settings())
    assert str(tmp_path) not in str(caught.value)
    assert not re.search(r"\w+(Error|Exception)\b", str(caught.value)), "words, not names of Python"
    assert content in ODD[2::3] or f"{file} is not whole JSON" in str(caught.value)  # `[]` and the last one are whole


def test_a_folder_without_weights_says_which_file_is_missing(tmp_path):
    folder = saved(tmp_path / "model")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UnavailableError, match=r"model\.safetensors is missing"):
        load.local_card(folder)


def test_pickled_weights_are_never_read(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    folder = saved(tmp_path / "model")
    card = load.local_card(folder)
    (folder / "model.safetensors").unlink()
    torch.save({"weights": Trap()}, folder / "pytorch_model.bin")
    for attempt in (lambda: load.local_card(folder), lambda: load.load(card, Settings())):
        with pytest.raises(UnavailableError, match=r"pytorch_model\.bin.*save_pretrained"):
            attempt()
    assert not (tmp_path / "ran").exists()


def with_own_code(folder: Path, marker: Path) -> None:
    """Give a folder code of its own, for its configuration, model and tokenizer, that leaves a mark when it runs."""
    (folder / "own.py").write_text(f"import pathlib\npathlib.Path({str(marker)!r}).touch()\nclass Own: pass\n")
    changed(folder / "config.json", auto_map={"AutoConfig": "own.Own", "AutoModel": "own.Own"})
    changed(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.Own", "own.Own"]})


def test_code_that_comes_with_a_known_family_is_left_alone(tmp_path):
    folder = saved(tmp_path / "model")
    with_own_code(folder, tmp_path / "ran")
    loaded = load.load(load.local_card(folder), Settings())
    assert type(loaded.model).__module__.startswith("transformers.")
    assert not (tmp_path / "ran").exists()


def test_a_family_that_exists_only_as_its_own_code_is_refused(tmp_path):
    folder = saved(tmp_path / "model")
    with_own_code(folder, tmp_path / "ran")
    changed(folder / "config.json", model_type="own-family")
    with pytest.raises(BadInputError, match=r"own-family.*never run"):
        load.local_card(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("entry", ["attn_implementation", "_attn_implementation"])
def test_a_configuration_does_not_choose_the_kernel(tmp_path, entry):
    folder = saved(tmp_path / "model")
    changed(folder / "config.json", **{entry: "somebody/kernel-on-the-hub"})
    assert load.load(load.local_card(folder), Settings()).model.config._attn_implementation == "sdpa"


def test_a_local_folder_becomes_a_card(tmp_path):
    card = load.local_card(saved(tmp_path / "my-model", "gpt2"))
    assert (card.id, card.name, card.kind, card.layers, card.heads, card.max_tokens) == (
        "local:my-model",
        "my-model",
        "decoder",
        2,
        4,
        44,
    )
    assert find_weights(card, Settings()).kind == "folder"


def test_a_folder_that_is_no_model_is_refused_with_what_it_lacks(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    odd_names = (tmp_path / "loop", tmp_path / ("x" * 300), Path("~no-such-user-here/model"))
    for odd in (tmp_path / "nowhere", tmp_path, Path("/etc/passwd"), *odd_names):
        with pytest.raises(UnavailableError, match=r"no config\.json"):
            load.local_card(odd)
    folder = saved(tmp_path / "model")
    changed(folder / "config.json", model_type="vit")
    with pytest.raises(BadInputError, match="read text"):
        load.local_card(folder)
    changed(folder / "config.json", model_type="bert", quantization_config={"quant_method": "gptq"})
    with pytest.raises(BadInputError, match="Quantised"):
        load.local_card(folder)
    changed(folder / "config.json", quantization_config=None)
    (folder / "tokenizer.json").unlink()
    for attempt in (lambda: load.local_card(folder), lambda: load.load(replace(BERT, folder=str(folder)), Settings())):
        with pytest.raises(UnavailableError, match=r"needs its tokenizer.*tokenizer\.save_pretrained"):
            attempt()


def test_a_model_in_memory_has_a_card_without_this_machines_paths(tmp_path):
    loaded = load.load(load.local_card(saved(tmp_path / "somewhere")), Settings())
    assert load.card_of(loaded.model).id == "somewhere"
    t5 = load.card_of(random_model("t5"), tokenizer())
    assert (t5.id, t5.kind, t5.layers, t5.heads, t5.max_tokens) == ("T5ForConditionalGeneration", "encoder-decoder", 2, 3, 33)
    with pytest.raises(BadInputError, match="got str"):
        load.card_of("bert")


def test_reading_counts_the_tensors(tmp_path, monkeypatch):
    for name in ("FIRST", "EVERY"):
        monkeypatch.setattr(reading_progress, name, -1.0)
    lines: list[ProgressEvent] = []
    found = load.load(load.local_card(saved(tmp_path / "model")), Settings(), lines.append)
    parts, total = lines[1:], len(found.model.state_dict())
    assert [line.kind for line in lines] == ["step"] + ["progress"] * len(parts)
    assert [line.message for line in parts] == [f"Reading model: {done} of {total} tensors." for done in range(total)]
    assert [line.share for line in parts] == [done / total for done in range(total)]


def test_bytes_are_counted_in_larger_units_and_a_quick_step_has_no_event(monkeypatch):
    lines: list[ProgressEvent] = []
    reading_progress.counter(lines.append, "Checking", "MB", 10**6)(4_000_000, 540_000_000)
    assert lines == []
    monkeypatch.setattr(reading_progress, "FIRST", -1.0)
    reading_progress.counter(lines.append, "Checking", "MB", 10**6)(4_000_000, 540_000_000)
    assert lines == [ProgressEvent("Checking: 4 of 540 MB.", "progress", 4 / 540)]


def test_loading_reports_only_to_its_listeners(tmp_path, capfd):
    card = load.local_card(saved(tmp_path / "model"))
    capfd.readouterr()
    lines: list[ProgressEvent] = []
    load.load(card, Settings(), lines.append)
    load.load(card, Settings())
    assert lines == [ProgressEvent("Reading model.")]
    assert capfd.readouterr() == ("", "")


def test_minilm_is_the_file_that_is_pinned():
    loaded = load.load(catalog.card("minilm"), Settings())
    assert loaded.digest == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert loaded.card == catalog.card("minilm")
