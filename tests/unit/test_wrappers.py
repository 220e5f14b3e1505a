"""What people hand over in place of a model is opened where that changes nothing, and else named with its part and remedy."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertForMaskedLM, BertModel
from transformers.pipelines.fill_mask import FillMaskPipeline

import attnviz
from attnviz.engine.forward import device_of, forward, missing
from attnviz.errors import AttnvizError, BadInputError
from tests.small_models import tokenizer

TEXT = "the animal did not cross the street"
SIZES: dict[str, Any] = {
    "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 10, "vocab_size": 16,
}  # fmt: skip


def bert(family: Any = BertModel) -> Any:
    torch.manual_seed(7)
    return family(BertConfig(**SIZES)).eval()


def plain() -> np.ndarray:
    return attnviz.trace(bert(), tokenizer(), TEXT).weights()


def compiled() -> Any:
    return torch.compile(bert(), backend="eager")  # what comes out of it is never run


class PeftModel(nn.Module):
    """Built as the one of peft is: the model, with adapters in its layers, stands in a tuner."""

    def __init__(self, model: nn.Module, *, prompt: bool = False) -> None:
        super().__init__()
        self.base_model = nn.Module()
        self.base_model.model = model
        self.peft_config = {"default": SimpleNamespace(is_prompt_learning=prompt)}
        self.active_adapter = "default"

    def get_base_model(self) -> Any:
        return self.base_model.model


class Adapted(nn.Module):
    """A linear map with a low rank beside it."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base_layer = base
        self.low, self.high = nn.Linear(12, 2, bias=False), nn.Linear(2, 12, bias=False)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return self.base_layer(states) + self.high(self.low(states)) * 30


class Transformer(nn.Module):
    """Built as the first module of a SentenceTransformer is."""

    def __init__(self, **more) -> None:
        super().__init__()
        self.auto_model, self.tokenizer = bert(), tokenizer()
        vars(self).update(more)


class SentenceTransformer(nn.Sequential):
    """Built as its own is."""


class CrossEncoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model, self.tokenizer = bert(), tokenizer()


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.head = nn.Sequential(bert()), nn.Linear(12, 2)


AROUND: dict[str, Any] = {
    "DataParallel": lambda: nn.DataParallel(bert()),
    "torch.compile": compiled,
    "both": lambda: nn.DataParallel(compiled()),
    "an average of weights": lambda: AveragedModel(bert()),
    "SentenceTransformer": lambda: SentenceTransformer(Transformer(), nn.Identity()),
    "CrossEncoder": CrossEncoder,
    "a trainer": lambda: SimpleNamespace(model=nn.DataParallel(bert()), processing_class=tokenizer()),
}


@pytest.mark.parametrize("kind", AROUND)
def test_what_holds_a_model_is_opened(kind: str):
    wrapped = AROUND[kind]()

    trace = attnviz.trace(wrapped, tokenizer(), TEXT)

    np.testing.assert_array_equal(trace.weights(), plain())
    assert trace.note == ""
    ids = torch.tensor([[5, 6, 7]])
    np.testing.assert_array_equal(
        attnviz.capture(wrapped, input_ids=ids).weights(), attnviz.capture(bert(), input_ids=ids).weights()
    )


def test_a_pipeline_is_opened_and_brings_its_tokenizer():
    model = bert(BertForMaskedLM)
    pipeline = FillMaskPipeline(model=model, tokenizer=tokenizer())

    trace = attnviz.trace(pipeline, None, TEXT)

    assert [token.text for token in trace.tokens] == TEXT.split()
    np.testing.assert_array_equal(trace.weights(), attnviz.trace(model, tokenizer(), TEXT).weights())
    with pytest.raises(BadInputError, match=r"got FillMaskPipeline\. Give the one that it holds: its \.tokenizer"):
        attnviz.trace(model, pipeline, TEXT)


def test_adapters_are_read_and_named_in_a_note():
    model = bert()
    for layer in model.encoder.layer:
        layer.attention.self.query = Adapted(layer.attention.self.query)

    trace = attnviz.trace(PeftModel(model), tokenizer(), TEXT)

    assert trace.note == "Read with the adapter default."
    np.testing.assert_array_equal(trace.weights(), attnviz.trace(model, tokenizer(), TEXT).weights())
    assert not np.allclose(trace.weights(), plain(), atol=1e-6)


def test_learned_vectors_before_the_text_are_refused_with_the_remedy():
    with pytest.raises(BadInputError, match=r"learned vectors before the text.*model\.get_base_model\(\)"):
        attnviz.trace(PeftModel(bert(), prompt=True), tokenizer(), TEXT)


def test_what_an_embedder_does_to_a_text_first_is_noted_for_texts_only():
    wrapped = SentenceTransformer(Transformer(do_lower_case=True), nn.Identity())
    vars(wrapped).update(prompts={"query": "query: "}, default_prompt_name="query")

    trace = attnviz.trace(wrapped, None, TEXT)

    assert (
        trace.note
        == "encode() puts 'query: ' before each text and makes its letters small; here the text is read as it is given."
    )
    assert attnviz.capture(wrapped, input_ids=torch.tensor([[5, 6]])).note == ""


class TwoModels(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.student, self.teacher = bert(), bert()


@torch.no_grad()
def a_function() -> None: ...


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (tokenizer, r"The model comes first, then its tokenizer; got \w+ first: attnviz\.trace\(model, tokenizer, text\)"),
        (lambda: "bert-base-uncased", r"got the name 'bert-base-uncased'.*attnviz\.attend\(text, model=name\)"),
        (lambda: (bert(), tokenizer()), r"got a tuple of 2\. Give one of them"),
        (lambda: BertModel, r"got the class BertModel\. Load it: BertModel\.from_pretrained"),
        (lambda: None, "got NoneType"),
        (lambda: bert().state_dict(), "got OrderedDict"),
        (lambda: a_function, "got function"),
        (lambda: nn.Linear(2, 2), "got Linear, which has no attention"),
        (Classifier, r"Classifier, which holds `model\.encoder\[0\]` \(BertModel\)\. Give that part: model\.encoder\[0\]\."),
        (lambda: bert().encoder, r"got BertEncoder, a part of one\. Give the model that it belongs to"),
        (TwoModels, r"holds `model\.student` \(BertModel\), `model\.teacher` \(BertModel\)"),
        (lambda: SimpleNamespace(network=bert()), r"holds `model\.network` \(BertModel\)"),
        (lambda: torch.fx.symbolic_trace(nn.Linear(2, 2)), r"is a graph of torch\.fx\. Give the model that it was made from"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused_with_the_remedy(given: Any, message: str):
    with pytest.raises(BadInputError, match=message):
        attnviz.trace(given(), bert(), TEXT)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_script_is_refused_with_the_remedy():
    with pytest.raises(BadInputError, match=r"is TorchScript\. Give the model that it was made from"):
        attnviz.trace(torch.jit.script(nn.Linear(2, 2)), tokenizer(), TEXT)


class Elsewhere(nn.Parameter):
    """A parameter that says it lies on a GPU; its numbers are here."""

    device: Any = torch.device("cuda", 1)


def test_inputs_go_to_the_device_of_the_first_weights(monkeypatch: pytest.MonkeyPatch):
    model, sent = bert(), []
    table = model.embeddings.word_embeddings
    table._parameters["weight"] = Elsewhere(table.weight.detach())
    to = torch.Tensor.to

    def moved(tensor: torch.Tensor, *args, **rest):
        if args and args[0] == torch.device("cuda", 1):
            sent.append(tuple(tensor.shape))
            return tensor
        return to(tensor, *args, **rest)

    monkeypatch.setattr(torch.Tensor, "to", moved)
    ids = torch.tensor([[5, 6, 7]])

    forward(model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)})

    assert device_of(model) == torch.device("cuda", 1)
    assert sent == [(1, 3), (1, 3)]


class Divided(nn.Parameter):
    device_mesh = "two processes"


def test_weights_that_are_divided_are_refused_with_the_reason():
    model = bert()
    model.pooler.dense._parameters["weight"] = Divided(model.pooler.dense.weight.detach())

    assert "pooler.dense.weight of BertModel is divided among several" in missing(model)
    with pytest.raises(AttnvizError, match="Gather the weights"):
        attnviz.trace(model, tokenizer(), TEXT)
    assert missing(bert()) == ""
