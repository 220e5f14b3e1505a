"""Folders as people have them: what is wrong with each is reported with a remedy; what is safe to read is read."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import TypeCheckError
from safetensors.torch import load_file, save_file

import attnviz
from attnviz import cli, errors
from attnviz.models import load
from attnviz.settings import Settings
from tests.small_models import changed, check_same, gguf_file, random_model, saved, tokenizer

TEXT = "the animal did not cross the street"
WEIGHTS = "model.safetensors"


def only(*names: str) -> Callable[[Path], None]:
    """In place of model.safetensors there are files of these names."""

    def make(folder: Path) -> None:
        (folder / WEIGHTS).unlink()
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(b"\x80\x02 something")

    return make


def emptied(*names: str) -> Callable[[Path], None]:
    """The folder holds files of these names and nothing else."""

    def make(folder: Path) -> None:
        shutil.rmtree(folder)
        folder.mkdir()
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"{}")

    return make


def adapter(folder: Path) -> None:
    emptied("adapter_model.safetensors")(folder)
    entries = {"peft_type": "LORA", "base_model_name_or_path": "/home/somebody/bert-base-uncased", "r": 8}
    (folder / "adapter_config.json").write_text(json.dumps(entries))


def adapter_beside_a_configuration(folder: Path) -> None:
    only("adapter_model.safetensors")(folder)
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "gpt2"}')


def adapter_beside_weights(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')


def renamed(form: Callable[[str], str]) -> Callable[[Path], None]:
    """Every tensor has another name."""

    def make(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        save_file({form(name): tensor for name, tensor in tensors.items()}, folder / WEIGHTS, {"format": "pt"})

    return make


def edited(edit: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    """The tensors are changed in place."""

    def make(folder: Path) -> None:
        tensors = load_file(folder / WEIGHTS)
        edit(tensors)
        save_file(tensors, folder / WEIGHTS, {"format": "pt"})

    return make


def pointer(*names: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        for name in names:
            (folder / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 90868376\n")

    return make


def configured(**entries: object) -> Callable[[Path], None]:
    return lambda folder: changed(folder / "config.json", **entries)


def nested(name: str) -> Callable[[Path], None]:
    """All that the folder held is in a sub-folder."""

    def make(folder: Path) -> None:
        inner = folder.with_name("inner")
        folder.rename(inner)
        (folder / name).parent.mkdir(parents=True)
        inner.rename(folder / name)

    return make


def steps(folder: Path) -> None:
    nested("checkpoint-500")(folder)
    shutil.copytree(folder / "checkpoint-500", folder / "checkpoint-1500")


def sharded(folder: Path) -> None:
    shutil.rmtree(folder)
    saved(folder, max_shard_size="2KB")


def without_shard(folder: Path) -> None:
    sharded(folder)
    sorted(folder.glob("model-*.safetensors"))[1].unlink()


def without_index(folder: Path) -> None:
    sharded(folder)
    (folder / "model.safetensors.index.json").unlink()


def bad_index(content: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        sharded(folder)
        (folder / "model.safetensors.index.json").write_text(content)

    return make


def gguf(folder: Path) -> None:
    emptied()(folder)
    gguf_file(folder / "small.gguf")


def snapshots(folder: Path) -> None:
    """The hub's layout with two snapshots and no word on which of them is current."""
    for name in ("aaaa", "bbbb"):
        (folder.parent / "new" / "snapshots" / name).mkdir(parents=True)
    shutil.rmtree(folder)
    (folder.parent / "new").rename(folder)


def is_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_bytes(b"GGUF")


def relinked(file: Path) -> None:
    file.unlink()
    file.symlink_to("gone")


def half_a_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text('{"the": 0}')
    changed(folder / "config.json", model_type="gpt2")
    changed(folder / "tokenizer_config.json", tokenizer_class="GPT2Tokenizer")


def modules(kind: str, path: object) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": path, "type": kind}]))

    return make


def written(name: str, content: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).write_text(content)

    return make


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[Path], None]
    says: tuple[str, ...]
    error: type[errors.AttnvizError] = errors.UnavailableError


U, D, B = errors.UnavailableError, errors.DamagedWeightsError, errors.BadInputError
PUBLISHED = "Get the model's safetensors from where it was published"
CONVERT = "AutoModel.from_pretrained(folder, from_%s=True).save_pretrained(folder)"
AGAIN = "Put the whole folder in its place again"
CASES = (
    Case("an adapter", adapter, ("is an adapter (LORA) for “bert-base-uncased”", "merge_and_unload()")),
    Case("an adapter beside a configuration", adapter_beside_a_configuration, ("is an adapter (LORA) for “gpt2”", "Merge")),
    Case("an adapter beside whole weights", adapter_beside_weights, ("a whole model or an adapter", "has both", "Merge")),
    Case("no model_type", configured(model_type=None, architectures=["BertModel"]),
         ("this one has no model_type", "Its class is BertModel", 'add "model_type": "bert"'), B),
    Case("no model_type and no class", configured(model_type=None, architectures=None), ("has no model_type", "Add it"), B),
    Case("a model_type that is no name", configured(model_type=5), ("config.json names 5",), B),
    Case("no config.json", lambda folder: (folder / "config.json").unlink(),
         ("has no config.json", "It has weights (model.safetensors)", "model.save_pretrained(folder)")),
    Case("pickles", only("pytorch_model.bin"), ("as a pickle only (pytorch_model.bin)", "save_pretrained(folder)")),
    Case("pickles without config.json", emptied("pytorch_model.bin"), ("has no config.json", "pytorch_model.bin")),
    Case("TensorFlow", only("tf_model.h5"), ("TensorFlow weights (tf_model.h5)", CONVERT % "tf")),
    Case("Flax", only("flax_model.msgpack"), ("Flax weights (flax_model.msgpack)", CONVERT % "flax")),
    Case("ONNX", only("onnx/model.onnx"), ("an ONNX file (model.onnx)", PUBLISHED)),
    Case("ONNX without config.json", emptied("model.onnx"), ("an ONNX file (model.onnx)", PUBLISHED)),
    Case("GGUF", gguf, ("has no config.json", "a GGUF file (small.gguf)", PUBLISHED)),
    Case("the first BERT's own files", emptied("bert_config.json", "bert_model.ckpt.index"),
         ("a TensorFlow checkpoint of the first BERT", PUBLISHED)),
    Case("a variant", only("model.fp16.safetensors"),
         ("a variant of it: model.fp16.safetensors", 'from_pretrained(folder, variant="fp16")')),
    Case("a variant in parts", only("model.bf16-00001-of-00002.safetensors"), ('variant="bf16"',)),
    Case("safetensors of another name", only("weights.safetensors"), ("another name: weights.safetensors", "rename it")),
    Case("a part that is missing", without_shard, ("come in", "is missing", AGAIN)),
    Case("parts without their index", without_index, ("parts, without model.safetensors.index.json", AGAIN)),
    Case("an index that is no index", bad_index('{"weight_map": []}'), ("is not a list of weight files", AGAIN), D),
    Case("an index that is no JSON", bad_index("{"), ("is not a list of weight files", AGAIN), D),
    Case("weights cut short", lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-900]),
         ("it is not whole", AGAIN), D),
    Case("a pointer of Git LFS", pointer(WEIGHTS), ("model.safetensors of plain is a pointer of Git LFS", "git lfs pull"), D),
    Case("a tokenizer that is a pointer", pointer("tokenizer.json"),
         ("tokenizer.json is a pointer of Git LFS", "git lfs pull"), D),
    Case("a web page for weights", written(WEIGHTS, "<!doctype html><title>Sign in</title>"), ("it is a web page",), D),
    Case("a pickle called safetensors", only(WEIGHTS), ("it is a pickle under another name",), D),
    Case("no tokenizer", lambda folder: (folder / "tokenizer.json").unlink(),
         ("needs its tokenizer", "tokenizer.save_pretrained")),
    Case("weights of another size", edited(lambda t: t.update({"pooler.dense.weight": torch.zeros(3, 8)})),
         ("pooler.dense.weight is 3 × 8 and should be 8 × 8",), D),
    Case("a tensor that is missing", edited(lambda t: t.pop("encoder.layer.2.output.dense.weight")),
         ("lack 1 of its tensors, e.g. encoder.layer.2.output.dense.weight", "none are made up"), D),
    Case("more layers than config.json says", configured(num_hidden_layers=2),
         ("layers beyond those, e.g. encoder.layer.2.", "not shown as the whole"), D),
    Case("an adapter inside the weights", edited(
        lambda t: t.update({"encoder.layer.0.attention.self.query.lora_A.default.weight": torch.zeros(2, 8)})),
         ("hold an adapter that was not merged", "merge_and_unload"), D),
    Case("gptq", configured(quantization_config={"quant_method": "gptq", "bits": 4}), ("others (by gptq)", "float32"), B),
    Case("bitsandbytes", configured(quantization_config={"quant_method": "bitsandbytes"}), ("by bitsandbytes",), B),
    Case("awq of an older program", written("quant_config.json", "{}"), ("Quantised weights", "float32"), B),
    Case("code of its own", configured(model_type="own", auto_map={"AutoModel": "own.Own"}), ("'own'", "never run here"), B),
    Case("a file", is_file, ("because it is a file", "Name the folder")),
    Case("an empty folder", emptied(), ("has no config.json. It is empty", "Put the model's files there")),
    Case("the parent of checkpoints", steps, ("'checkpoint-500' and 'checkpoint-1500'", "plain/checkpoint-1500")),
    Case("a folder around the model", nested("bert"), ("Its sub-folder 'bert' has one", "plain/bert")),
    Case("the hub's cache", nested("models--org--bert"), ("is the hub's cache", "plain/models--org--bert")),
    Case("two snapshots", snapshots, ("with 2 snapshots", "'aaaa' and 'bbbb'")),
    Case("a snapshot that is not there", emptied("snapshots/.keep", "refs/main"), ("without a snapshot", "Download")),
    Case("sentence-transformers without attention", modules("sentence_transformers.models.WordEmbeddings", "0_WordEmbeddings"),
         ("first module is “WordEmbeddings”", "no attention")),
    Case("modules.json that leads away", modules("sentence_transformers.models.Transformer", "../else"),
         ("must name a sub-folder of its own",)),
    Case("modules.json of a folder that is gone", modules("sentence_transformers.models.Transformer", "0_Transformer"),
         ("has no config.json in '0_Transformer'", AGAIN)),
    Case("a model_type in capitals", configured(model_type="BERT"), ("names 'BERT'", "Did you mean 'bert'?"), B),
    Case("weights that are a link to nothing", lambda folder: relinked(folder / WEIGHTS), ("a link to nothing", "again")),
    Case("a pipeline for pictures", emptied("model_index.json", "unet/config.json"), ("a pipeline for pictures",)),
    Case("half of a byte-pair tokenizer", half_a_tokenizer, ("vocab.json is there without its merges.txt",), D),
    Case("a vision model", configured(model_type="vit"), ("A model must read text", "'vit'"), B),
)  # fmt: skip
IDS = [case.name for case in CASES]


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """The folder from which relative paths count, with no models of earlier tests in memory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(attnviz, "_folder_backends", [])
    return tmp_path


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A folder in which nothing is wrong, to be copied."""
    return saved(tmp_path_factory.mktemp("sound") / "sound")


def check(message: str, case: Case, home: Path) -> None:
    """Check that the message has all expected parts and nothing about this machine."""
    for part in case.says:
        assert part in message
    assert str(home) not in message
    assert "/home/somebody" not in message
    assert not re.search(r"Traceback|Errno|\w+Error\b", message)
    assert len(message) < 600, "a message is read, not scrolled"


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_command_line_and_python_say_what_a_folder_is_and_what_to_do(case, home, sound, capfd):
    case.make(Path(shutil.copytree(sound, home / "plain")))
    assert cli.main(["attend", TEXT, "--model", "./plain"]) == 2
    output = capfd.readouterr()
    assert output.out == ""
    check(output.err, case, home)
    with pytest.raises(case.error) as caught:
        attnviz.load(home / "plain")
    check(str(caught.value), case, home)


def test_a_folder_is_read_by_python_as_on_the_command_line(home, capfd):
    saved(home / "plain")
    trace = attnviz.attend(TEXT, model="./plain")
    assert (trace.layers, trace.heads, trace.request.model) == (3, 2, "local:plain")
    for other in (home / "plain", str(home / "plain"), Path("plain")):
        check_same(attnviz.attend(TEXT, model=other).weights(), trace.weights())
    assert cli.main(["attend", TEXT, "--model", "./plain", "--layer", "1", "--head", "1"]) == 0
    check_same(np.float32(json.loads(capfd.readouterr().out)["weights"]), trace.weights(1, 1))
    assert attnviz.load("./plain").model is attnviz.load(home / "plain").model, "loaded once"


def test_a_folder_that_was_written_again_is_read_again(home):
    saved(home / "plain")
    before = attnviz.attend(TEXT, model="./plain").weights()
    edited(lambda t: t["encoder.layer.0.attention.self.query.weight"].mul_(1000.0))(home / "plain")
    assert np.abs(attnviz.attend(TEXT, model="./plain").weights() - before).max() > 0.01


def test_two_folders_of_one_name_are_two_models(home):
    saved(home / "one" / "checkpoint-500")
    saved(home / "two" / "checkpoint-500", "gpt2")
    assert attnviz.attend(TEXT, model="./one/checkpoint-500").layers == 3
    assert attnviz.attend(TEXT, model="./two/checkpoint-500").layers == 2
    assert attnviz.attend(TEXT, model="./one/checkpoint-500").layers == 3


def test_a_server_on_another_machine_reads_no_folder_of_this_one(home, monkeypatch):
    saved(home / "plain")
    monkeypatch.setenv("ATTNVIZ_BACKEND", "http://localhost:1")
    with pytest.raises(errors.BadInputError, match="Unset ATTNVIZ_BACKEND"):
        attnviz.attend(TEXT, model="./plain")


PREFIXES: tuple[tuple[Callable[[str], str], str], ...] = (
    (lambda name: f"_orig_mod.{name}", "_orig_mod."),
    (lambda name: f"module.{name}", "module."),
    (lambda name: f"module._orig_mod.{name}", "module. and _orig_mod."),
    (lambda name: f"model.bert.{name}", "model."),
    (lambda name: name.replace("layer.1.", "layer.1._checkpoint_wrapped_module."), "_checkpoint_wrapped_module."),
    (lambda name: f"_fsdp_wrapped_module.bert.{name}", "_fsdp_wrapped_module."),
)


@pytest.mark.parametrize(("form", "prefix"), PREFIXES, ids=[prefix for _, prefix in PREFIXES])
def test_names_that_a_wrapper_wrote_are_read_without_its_prefix_and_a_note_says_so(form, prefix, home, capfd):
    want = attnviz.attend(TEXT, model=saved(home / "sound")).weights()
    saved(home / "plain")
    renamed(form)(home / "plain")
    trace = attnviz.attend(TEXT, model="./plain")
    check_same(trace.weights(), want)
    assert f"The names in the weights file begin with {prefix}, as a wrapper leaves them" in trace.note
    assert attnviz.load("./plain").note == trace.note
    assert cli.main(["attend", TEXT, "--model", "./plain"]) == 0
    assert prefix in capfd.readouterr().err


def test_an_encoder_decoder_with_a_wrappers_names_still_writes(home):
    saved(home / "plain", "t5")
    want = attnviz.attend("the animal did", model="./plain")
    renamed(lambda name: f"module.{name}")(home / "plain")
    trace = attnviz.attend("the animal did", model="./plain")
    assert trace.written == want.written
    assert trace.written
    check_same(trace.block("cross").weights(), want.block("cross").weights())


@pytest.mark.parametrize("taken", [{"2": []}, {"1": [0]}])
def test_two_tensors_never_become_one(home, taken):
    saved(home / "plain")
    edited(lambda t: t.update({f"_orig_mod.{name}": part.clone() + 1 for name, part in list(t.items())[:20]}))(home / "plain")
    edited(lambda t: t.pop("encoder.layer.2.output.dense.weight"))(home / "plain")
    configured(pruned_heads=taken)(home / "plain")
    with pytest.raises(errors.DamagedWeightsError, match="lack 1"):
        attnviz.load("./plain")


def bert_of_five_heads(folder: Path) -> Path:
    torch.manual_seed(7)
    config = random_model("bert").config
    config.update({"hidden_size": 20, "num_attention_heads": 5})
    from transformers import BertModel

    BertModel(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def test_heads_that_were_pruned_are_gone_and_the_others_are_those_of_the_whole_model(home):
    """The second method: the whole model, in which what the pruned heads pass on is zero."""
    gone, left, dim = (1, 3), (0, 2, 4), 4
    name = "encoder.layer.1.attention"
    silent = bert_of_five_heads(home / "silent")

    def silence(tensors: dict[str, torch.Tensor]) -> None:
        for head in gone:
            tensors[f"{name}.output.dense.weight"][:, head * dim : (head + 1) * dim] = 0

    def prune(tensors: dict[str, torch.Tensor]) -> None:
        rows = [head * dim + at for head in left for at in range(dim)]
        for part in ("query", "key", "value"):
            for kind in ("weight", "bias"):
                tensors[f"{name}.self.{part}.{kind}"] = tensors[f"{name}.self.{part}.{kind}"][rows].clone()
        tensors[f"{name}.output.dense.weight"] = tensors[f"{name}.output.dense.weight"][:, rows].clone()

    edited(silence)(silent)
    pruned = bert_of_five_heads(home / "pruned")
    edited(prune)(pruned)
    with pytest.raises(errors.DamagedWeightsError, match=r"output\.dense\.weight is 20 × 12 and should be 20 × 20"):
        attnviz.load(pruned)
    configured(pruned_heads={"1": list(gone)})(pruned)

    whole, trace = attnviz.attend(TEXT, model=silent), attnviz.attend(TEXT, model=pruned)
    assert [len(trace.weights(layer)) for layer in range(3)] == [5, 3, 5]
    np.testing.assert_allclose(trace.weights(1), whole.weights(1)[list(left)], atol=1e-6)  # sums of fewer numbers
    np.testing.assert_allclose(trace.weights(2), whole.weights(2), atol=1e-6)
    assert "in layer 1, heads 1 and 3 were taken out, and 0 to 2 here were 0, 2 and 4" in trace.note
    with pytest.raises(errors.UnknownHeadError, match="Layer 1 has heads 0 to 2"):
        trace.weights(1, 4)
    configured(pruned_heads={"1": [0]})(pruned)
    with pytest.raises(errors.DamagedWeightsError, match="sizes of its config"):
        attnviz.load(pruned)


def test_gpt2_whose_heads_were_pruned_is_read_too(home):
    gone, left, dim, width = (2,), (0, 1, 3), 3, 12
    silent, pruned = saved(home / "silent", "gpt2"), saved(home / "pruned", "gpt2")

    def silence(tensors: dict[str, torch.Tensor]) -> None:
        tensors["h.0.attn.c_proj.weight"][gone[0] * dim : (gone[0] + 1) * dim] = 0

    def prune(tensors: dict[str, torch.Tensor]) -> None:
        rows = [head * dim + at for head in left for at in range(dim)]
        columns = [part * width + row for part in range(3) for row in rows]
        tensors["h.0.attn.c_attn.weight"] = tensors["h.0.attn.c_attn.weight"][:, columns].clone()
        tensors["h.0.attn.c_attn.bias"] = tensors["h.0.attn.c_attn.bias"][columns].clone()
        tensors["h.0.attn.c_proj.weight"] = tensors["h.0.attn.c_proj.weight"][rows].clone()

    edited(silence)(silent)
    edited(prune)(pruned)
    configured(pruned_heads={"0": list(gone)})(pruned)
    whole, trace = attnviz.attend(TEXT, model=silent), attnviz.attend(TEXT, model=pruned)
    np.testing.assert_allclose(trace.weights(0), whole.weights(0)[list(left)], atol=1e-6)
    np.testing.assert_allclose(trace.weights(1), whole.weights(1), atol=1e-6)


def old_layout(folder: Path, *, listed: bool, inner: str = "0_Transformer") -> Path:
    """A sentence-transformers folder as before version 2: modules in sub-folders, a config.json without a family."""
    saved(folder / inner)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"word_embedding_dimension": 8}')
    (folder / "config.json").write_text('{"__version__": "0.2.5"}')
    if listed:
        modules(f"sentence_transformers.models.{inner[2:]}", inner)(folder)
    return folder


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("inner", ["0_Transformer", "0_BERT"])
def test_the_old_layout_of_sentence_transformers_is_read(home, listed, inner):
    old_layout(home / "my-sbert", listed=listed, inner=inner)
    want = attnviz.attend(TEXT, model=saved(home / "sound")).weights()
    trace = attnviz.attend(TEXT, model="./my-sbert")
    assert trace.request.model == "local:my-sbert"
    check_same(trace.weights(), want)


def test_the_new_layout_of_sentence_transformers_is_read(home):
    saved(home / "plain")
    modules("sentence_transformers.base.modules.transformer.Transformer", "")(home / "plain")
    assert attnviz.attend(TEXT, model="./plain").layers == 3


def test_a_folder_of_the_hubs_cache_and_a_snapshot_in_it_are_read(home):
    folder = home / "models--org--my-bert"
    saved(folder / "snapshots" / "aaaa")
    saved(folder / "snapshots" / "bbbb", "gpt2")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("bbbb\n")
    card = load.local_card(folder)
    assert (card.id, card.kind) == ("local:my-bert", "decoder")
    assert load.load(card, Settings()).card.layers == 2
    card = load.local_card(folder / "snapshots" / "aaaa")
    assert (card.id, card.kind) == ("local:my-bert", "encoder")


def test_a_checkpoint_of_a_trainer_is_read_with_its_trainers_files_beside_it(home):
    folder = saved(home / "out" / "checkpoint-500")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "trainer_state.json"):
        (folder / name).write_bytes(b"{}")
    assert attnviz.attend(TEXT, model="./out/checkpoint-500").layers == 3
    (folder / WEIGHTS).unlink()
    with pytest.raises(errors.UnavailableError, match=r"model\.safetensors is missing"):
        attnviz.attend(TEXT, model="./out/checkpoint-500")


def test_a_null_quantisation_counts_as_none(home):
    saved(home / "plain")
    found = json.loads((home / "plain" / "config.json").read_text()) | {"quantization_config": None}
    (home / "plain" / "config.json").write_text(json.dumps(found))
    assert attnviz.attend(TEXT, model="./plain").layers == 3


def test_tensors_inside_layers_that_nothing_reads_are_reported(home):
    saved(home / "plain")
    edited(lambda t: t.update({"encoder.layer.1.attention.self.gate.weight": torch.zeros(8)}))(home / "plain")
    note = attnviz.attend(TEXT, model="./plain").note
    assert note == (
        "A tensor inside the layers of the weights file is not used by this family, e.g. "
        "encoder.layer.1.attention.self.gate.weight."
    )
    renamed(lambda name: name.replace("encoder.layer.1.attention.self.gate.weight", "cls.predictions.bias"))(home / "plain")
    assert attnviz.attend(TEXT, model="./plain").note == "", "a head for words is no part of the layers"


def test_a_text_that_sentence_transformers_would_put_into_lower_case_is_read_as_typed_and_noted(home):
    saved(home / "plain")
    written("sentence_bert_config.json", '{"max_seq_length": 128, "do_lower_case": true}')(home / "plain")
    assert "in lower case" not in attnviz.attend(TEXT, model="./plain").note
    assert "into lower case for this model; here they are read as typed" in attnviz.attend(TEXT, model="./plain").note


@pytest.mark.parametrize("wrong", [None, b"minilm", 5])
def test_what_is_no_name_of_a_model_is_refused_by_its_kind(wrong):
    for attempt in (attnviz.attend, lambda _, model: attnviz.load(model)):
        with pytest.raises((errors.BadInputError, TypeCheckError)):
            attempt(TEXT, wrong)
    with pytest.raises(errors.BadInputError, match=rf"got {type(wrong).__name__}\. A model in memory goes to"):
        attnviz._name(wrong)


def test_code_of_its_own_is_noted_as_not_run(home):
    saved(home / "plain")
    configured(auto_map={"AutoModel": "own.Own"})(home / "plain")
    assert "never run here" in attnviz.attend(TEXT, model="./plain").note


@pytest.mark.parametrize(("name", "hint"), [("plain", "./plain"), ("org/plain", "./org/plain"), ("plain/", "./plain/")])
def test_a_name_that_is_also_a_folder_here_is_answered_with_how_to_name_the_folder(home, capfd, name, hint):
    saved(home / name)
    for command in (["attend", TEXT], ["rank", TEXT, "--link", "it:animal"]):
        assert cli.main([*command[:2], "--model", name, *command[2:]]) == 2
        assert f"write --model {hint}." in capfd.readouterr().err
    for attempt in (lambda: attnviz.attend(TEXT, name), lambda: attnviz.load(name)):
        with pytest.raises(errors.UnknownModelError, match=re.escape(f'write model="{hint}".')):
            attempt()


@pytest.mark.parametrize(
    ("name", "meant"),
    [("minlm", "minilm"), ("MiniLM", "minilm"), ("smolm2", "smollm2"), ("distillgpt2", "distilgpt2"), ("gpt-2", "gpt2"),
     ("sentence-transformers/all-MiniLM-L6-v2", "minilm"), ("google-bert/bert-base-uncased", "bert-base-uncased"),
     ("bert_base_uncased", "bert-base-uncased")],
)  # fmt: skip
def test_a_name_that_is_nearly_one_of_the_catalogue_is_answered_with_that(home, capfd, name, meant):
    assert cli.main(["attend", TEXT, "--model", name]) == 2
    assert f"Did you mean {meant}?" in capfd.readouterr().err
    with pytest.raises(errors.UnknownModelError, match=f"Did you mean {meant}"):
        attnviz.attend(TEXT, name)


def test_a_name_that_is_like_none_is_not_answered_with_a_guess(home, capfd):
    assert cli.main(["attend", TEXT, "--model", "no-such-model"]) == 2
    assert "Did you mean" not in capfd.readouterr().err
    assert cli.main(["attend", TEXT, "--model", "org/other-model"]) == 2
    assert "--local-dir my-model, then write --model ./my-model." in capfd.readouterr().err
