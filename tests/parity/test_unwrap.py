"""Models as people hold them: pruned, hooked, patched, compiled, offloaded, full of things that no copy can be made of.

Each is read with weights equal to those that the library's eager attention gives on a pristine one, and is left as it was.
"""

from __future__ import annotations

import functools
import gc
import logging
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator, cpu_offload, disk_offload
from accelerate.hooks import ModelHook, add_hook_to_module
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertForSequenceClassification, BertModel

import attnviz
from attnviz.engine import capture, object_graph, shadow_model
from attnviz.errors import UnavailableError
from tests.small_models import decided_bert

IDS = torch.randint(5, 97, (1, 9), generator=torch.Generator().manual_seed(3))
CLOSE = 1e-5  # what is promised; float32 rounds these shares at about 1e-6
COARSE = 4e-2  # the same of 8 and 11 bits a number, through two layers


def edited(edit: Callable[[Any], object]) -> Any:
    model = decided_bert()
    edit(model)
    return model


def query(model: Any) -> nn.Linear:
    return model.encoder.layer[0].attention.self.query


def first(model: Any) -> Any:
    return model.encoder.layer[0]


def halved(module: nn.Module, args: tuple, output: torch.Tensor) -> torch.Tensor:
    return output * 0.5


class Counting(BertModel):
    """Writes to itself in every way while it reads."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.passes, self.seen, self.kept = 0, [], {"inner": []}
        self.register_buffer("steps", torch.zeros(1))
        self.encoder.layer[0].register_forward_hook(self.grab)

    def grab(self, module: nn.Module, args: tuple, output: torch.Tensor) -> torch.Tensor:
        self.last = output
        self.seen.append(output)
        return output * 0.5

    def forward(self, *args, **rest):
        self.passes += 1
        self.kept["inner"].append(self.passes)
        self.steps += 1
        return super().forward(*args, **rest)


class Guarded(BertModel):
    """Refuses to be copied, pickled, set or trained once it is made; finds an attribute by itself."""

    __slots__ = ("__secret",)

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.__secret = 3

    def __deepcopy__(self, memo: dict) -> BertModel:
        raise RuntimeError("no copies")

    def __reduce_ex__(self, protocol: Any) -> str:
        raise RuntimeError("no pickles")

    def __getattr__(self, name: str) -> Any:
        return 1 if name == "found" else super().__getattr__(name)

    def __setattr__(self, name: str, value: object) -> None:
        if "shut" in vars(self):
            raise RuntimeError("nothing is set here")
        super().__setattr__(name, value)

    def forward(self, *args, **rest):
        assert (self.__secret, self.found) == (3, 1)
        return super().forward(*args, **rest)


class Merging(BertModel):
    """Merges a low rank into its weights in place when training ends, as some adapters do."""

    def train(self, mode: bool = True) -> Any:
        if not mode and "ready" in vars(self):
            raise AssertionError("weights would be merged in place")
        return super().train(mode)


class Outer(nn.Module):
    """A layer with another one in it, which reaches the whole model by a plain attribute and a weak reference."""

    def __init__(self, inner: nn.Module, root: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        vars(self)["root"], self.weak = root, weakref.ref(root)

    def forward(self, *args, **rest):
        root: Any = self.weak()
        assert root is self.root
        assert not root.training
        return self.inner(*args, **rest) * (root.config.hidden_size / 96)


class Helper:
    """An object with slots that stands between a layer and its forward."""

    __slots__ = ("before",)

    def __init__(self, layer: nn.Module) -> None:
        self.before = layer.forward

    def __call__(self, *args, **rest):
        return self.before(*args, **rest) * 0.5


class Halving(ModelHook):
    def post_forward(self, module: nn.Module, output: torch.Tensor) -> torch.Tensor:
        return output * 0.5


class Upper(nn.Module):
    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight.triu() + weight.triu(1).T


def pruned(model: Any) -> None:
    prune.l1_unstructured(query(model), "weight", amount=0.3)
    prune.random_structured(model.encoder.layer[1].attention.self.key, "weight", amount=0.3, dim=0)


def pruned_in_training(model: Any) -> None:
    prune.l1_unstructured(query(model), "weight", amount=0.3)
    model(input_ids=IDS).last_hidden_state.sum().backward()


def normed(model: Any) -> None:
    parametrizations.orthogonal(query(model))
    parametrizations.spectral_norm(model.encoder.layer[0].attention.self.value)
    parametrizations.weight_norm(model.encoder.layer[1].attention.self.query)
    parametrize.register_parametrization(model.encoder.layer[1].attention.self.key, "weight", Upper())
    nn.utils.spectral_norm(model.encoder.layer[0].attention.self.key)


def keeping(model: Any) -> None:
    first(model).register_forward_hook(lambda module, args, output: setattr(module, "kept", output))
    first(model).register_forward_hook(lambda module, args, output: setattr(model, "kept", output))
    model(input_ids=IDS)


def hooked_with_names(model: Any) -> None:
    first(model).register_forward_pre_hook(lambda module, args, named: ((args[0] * 0.5, *args[1:]), named), with_kwargs=True)
    first(model).register_forward_hook(lambda module, args, named, output: output * 2, with_kwargs=True, always_call=True)
    first(model).register_full_backward_hook(lambda *given: None)
    first(model).register_full_backward_pre_hook(lambda *given: None)


def hooked_once(model: Any) -> None:
    handle = first(model).register_forward_hook(lambda *given: handle.remove())


def looked_up(model: Any) -> None:
    names, kept = {module: name for name, module in model.named_modules()}, {}
    for module in names:
        module.register_forward_hook(lambda module, args, output: kept.__setitem__(names[module], output))


def laden(model: Any) -> None:
    """Everything that cannot be copied, or that leads back to the model."""

    class Trainer:
        pass

    trainer: Any = Trainer()
    trainer.model, trainer.lock, trainer.optimizer = model, threading.Lock(), torch.optim.Adam(model.parameters())
    trainer.cycle = [trainer]
    model.trainer, model.logger = trainer, logging.getLogger("model")
    model.lock, model.local, model.event = threading.RLock(), threading.local(), threading.Event()
    model.pool, model.database = ThreadPoolExecutor(1), sqlite3.connect(":memory:", check_same_thread=False)
    model.numbers, model.view = (number for number in range(3)), memoryview(b"a")
    model.call, model.part, model.random = (lambda value: value), functools.partial(print, model), torch.Generator()
    model.kept = model(input_ids=IDS).last_hidden_state
    model.weak, model.many = weakref.ref(model), weakref.WeakKeyDictionary({model: 1})
    object.__setattr__(model, "proxy", weakref.proxy(model))
    vars(model)["teacher"], model.hollow = decided_bert(), float("nan")
    model.cycle = []
    model.cycle.append(model.cycle)
    vars(query(model))["lock"] = threading.Lock()


def patched(model: Any) -> None:
    layer: Any = first(model)
    layer._old_forward = layer.forward

    def forward(module: Any, *args, **rest):
        return module._old_forward(*args, **rest) * 0.5

    layer.forward = functools.update_wrapper(functools.partial(forward, layer), layer._old_forward)


def helped(model: Any) -> None:
    first(model).forward = Helper(first(model)).__call__


def nested(model: Any) -> None:
    model.encoder.layer[0] = Outer(first(model), model)


def tied(model: Any) -> None:
    model.encoder.layer[1] = model.encoder.layer[0]


def compiled_inside(model: Any) -> None:
    model.encoder = torch.compile(model.encoder, backend="eager")


def compiled_forward(model: Any) -> None:
    model.forward = torch.compile(model.forward, backend="eager")


def guarded() -> Any:
    model = decided_bert(Guarded)
    vars(model)["shut"] = True
    return model


def merging() -> Any:
    model = decided_bert(Merging)
    model.ready = True
    return model


def born_in_inference() -> Any:
    with torch.inference_mode():
        return decided_bert()


def checkpointed() -> Any:
    model = decided_bert(hidden_dropout_prob=0.5).train()
    model.activation_checkpointing_enable()
    return model


MODELS: dict[str, Callable[[], Any]] = {
    "plain": decided_bert,
    "pruned": lambda: edited(pruned),
    "pruned in training": lambda: edited(pruned_in_training),
    "normed and parametrised": lambda: edited(normed),
    "a hook that halves": lambda: edited(lambda model: first(model).register_forward_hook(halved)),
    "hooks with names and backward hooks": lambda: edited(hooked_with_names),
    "hooks that keep": lambda: edited(keeping),
    "a hook that takes itself away": lambda: edited(hooked_once),
    "hooks that look modules up": lambda: edited(looked_up),
    "hooks of its own, and counters": lambda: decided_bert(Counting),
    "laden with what cannot be copied": lambda: edited(laden),
    "a forward patched by accelerate's way": lambda: edited(patched),
    "accelerate's hook": lambda: edited(lambda model: add_hook_to_module(first(model), Halving())),
    "accelerate's prepare": lambda: Accelerator(cpu=True).prepare(decided_bert()),
    "a helper with slots": lambda: edited(helped),
    "a layer that knows its root": lambda: edited(nested),
    "one layer in two places": lambda: edited(tied),
    "compiled inside": lambda: edited(compiled_inside),
    "compiled in place": lambda: edited(lambda model: model.compile(backend="eager")),
    "compiled layers in place": lambda: edited(lambda model: [layer.compile(backend="eager") for layer in model.encoder.layer]),
    "a compiled forward": lambda: edited(compiled_forward),
    "a forward without gradients": lambda: edited(lambda model: setattr(model, "forward", torch.no_grad()(model.forward))),
    "a class that guards itself": guarded,
    "a class that merges": merging,
    "with a head": lambda: decided_bert(BertForSequenceClassification),
    "born in inference mode": born_in_inference,
    "in training, with dropout": lambda: decided_bert(hidden_dropout_prob=0.5).train(),
    "with checkpoints": checkpointed,
    "bfloat16": lambda: decided_bert().to(torch.bfloat16),
    "pruned, then bfloat16": lambda: edited(pruned).to(torch.bfloat16),
    "float16": lambda: decided_bert().half(),
}


def eager(model: Any) -> np.ndarray:
    """[layer, head, query, key] by the library itself, on a pristine model that is switched."""
    vars(model).pop("shut", None)
    vars(model).pop("ready", None)
    model.eval()
    model.set_attn_implementation("eager")
    with torch.inference_mode():
        return torch.stack(model(input_ids=IDS, output_attentions=True).attentions)[:, 0].float().numpy()


def state(model: Any) -> list[Any]:
    """All that can be seen of a model: objects by address, containers by what they hold, tensors by how often written to."""
    found: list[Any] = [model.config.to_dict(), model.config._attn_implementation]
    for name, module in model.named_modules():
        shadowed = object_graph.attributes(module)
        found.append((name, id(module), type(module), module.training))
        for key, value in shadowed.items():
            inner = [*map(id, value)] if isinstance(value, (list, tuple)) else []
            inner = [(one, id(part)) for one, part in value.items()] if isinstance(value, dict) else inner
            found.append((name, key, id(value), inner))
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                version = None if tensor.is_inference() else tensor._version
                found.append((name, version, tensor.requires_grad, tensor.dtype, tensor.device))
    return found


@pytest.mark.parametrize("kind", MODELS)
def test_what_people_hold_is_read_as_eager_reads_it_and_left_as_it_was(kind: str):
    model = MODELS[kind]()
    wanted = eager(decided_bert() if "compiled" in kind else MODELS[kind]())  # compiled code computes the same, seconds later
    before = state(model)

    traces = [capture.capture(model, input_ids=IDS) for _ in range(2)]

    for trace in traces:
        np.testing.assert_allclose(trace.weights(), wanted, rtol=0, atol=COARSE if "16" in kind else CLOSE)
    assert state(model) == before


def test_small_counters_are_not_written_to_and_lists_do_not_grow():
    model = decided_bert(Counting)

    for _ in range(3):
        capture.capture(model, input_ids=IDS)

    assert (model.passes, model.seen, model.kept, float(model.steps)) == (0, [], {"inner": []}, 0.0)
    assert not hasattr(model, "last")


def test_a_recorder_outside_the_model_hears_a_pass():
    model, heard = decided_bert(), []
    model.encoder.layer[0].register_forward_hook(lambda module, args, output: heard.append(output.shape))

    capture.capture(model, input_ids=IDS)

    assert heard == [(1, 9, 48)]


def test_an_open_file_stays_open_and_the_same():
    model = decided_bert()
    with Path(os.devnull).open() as file:
        model.file = file
        capture.capture(model, input_ids=IDS)
        assert model.file is file
        assert not file.closed


@pytest.mark.parametrize("kind", ["laden with what cannot be copied", "hooks that keep", "a layer that knows its root"])
def test_a_model_with_hooks_of_its_own_can_be_forgotten(kind: str):
    model = MODELS[kind]()
    capture.capture(model, input_ids=IDS)
    gone = weakref.ref(model)

    del model
    gc.collect()

    assert gone() is None


def test_nothing_of_a_request_is_kept_by_what_is_kept_of_a_model():
    model, outputs = decided_bert(), []
    first(model).register_forward_hook(lambda module, args, output: setattr(module, "kept", output))
    first(model).register_forward_hook(lambda module, args, output: outputs.append(weakref.ref(output)))

    capture.capture(model, input_ids=IDS)
    gc.collect()

    assert [one() for one in outputs] == [None]
    assert shadow_model.cache_of(model).shadows == {}


def test_eight_threads_do_not_read_what_a_hook_kept_of_another_text():
    """The first layer's states are kept on the model and used in the second: of another thread's text they would be wrong."""
    model = decided_bert()
    first(model).register_forward_hook(lambda module, args, output: setattr(model, "kept", output))
    model.encoder.layer[1].register_forward_pre_hook(lambda module, args: (model.kept * 0.5, *args[1:]))
    texts = [torch.randint(5, 97, (1, 9), generator=torch.Generator().manual_seed(seed)) for seed in range(16)]
    alone = [capture.capture(model, input_ids=text).weights() for text in texts]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: capture.capture(model, input_ids=text).weights(), texts * 2))

    for at, weights in enumerate(together):
        np.testing.assert_array_equal(weights, alone[at % 16])


def test_a_model_that_its_owner_runs_meanwhile_is_read():
    model, done = edited(keeping), threading.Event()

    def run() -> None:
        while not done.is_set():
            model.many = {number: number for number in range(50)}
            model(input_ids=IDS)
            del model.many, model.kept

    owner = threading.Thread(target=run)
    owner.start()
    try:
        weights = [capture.capture(model, input_ids=IDS).weights() for _ in range(10)]
    finally:
        done.set()
        owner.join()

    for found in weights:
        np.testing.assert_array_equal(found, weights[0])


@pytest.mark.parametrize("how", ["memory", "disk"])
def test_weights_that_are_kept_elsewhere_and_fetched_are_read(how: str, tmp_path: Path):
    model, wanted = decided_bert(), eager(decided_bert())
    cpu_offload(model, execution_device=torch.device("cpu")) if how == "memory" else disk_offload(
        model, str(tmp_path), execution_device=torch.device("cpu")
    )
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}

    trace = capture.capture(model, input_ids=IDS)

    np.testing.assert_allclose(trace.weights(), wanted, rtol=0, atol=CLOSE)
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:torch.quantize_per_tensor:UserWarning")
def test_a_quantised_model_is_read():
    model, other = (torch.ao.quantization.quantize_dynamic(decided_bert(), {nn.Linear}, dtype=torch.qint8) for _ in range(2))

    trace = capture.capture(model, input_ids=IDS)

    np.testing.assert_allclose(trace.weights(), eager(other), rtol=0, atol=CLOSE)
    assert not np.allclose(trace.weights(), eager(decided_bert()), atol=1e-3)


@pytest.mark.parametrize("whole", [True, False])
def test_weights_on_meta_are_refused_in_words(whole: bool):
    model = decided_bert().to("meta") if whole else edited(lambda model: model.encoder.layer[1].to("meta"))

    with pytest.raises(UnavailableError, match=r"are on `meta`, e\.g\. .*Load the model with from_pretrained"):
        capture.capture(model, input_ids=IDS)


def test_weights_that_were_loaded_since_are_read():
    model = decided_bert().to("meta")
    with pytest.raises(UnavailableError):
        attnviz.capture(model, input_ids=IDS)

    model.load_state_dict(decided_bert().state_dict(), assign=True)
    for module, other in zip(model.modules(), decided_bert().modules(), strict=True):  # what no state_dict holds
        module._buffers.update(other._buffers)

    np.testing.assert_allclose(attnviz.capture(model, input_ids=IDS).weights(), eager(decided_bert()), rtol=0, atol=CLOSE)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_script_in_a_model_is_shared():
    class Gelu(nn.Module):
        def forward(self, value: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.gelu(value)

    model = decided_bert()
    model.encoder.layer[0].intermediate.intermediate_act_fn = torch.jit.script(Gelu())

    np.testing.assert_allclose(capture.capture(model, input_ids=IDS).weights(), eager(decided_bert()), rtol=0, atol=CLOSE)
