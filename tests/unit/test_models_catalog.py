"""The catalogue: complete, consistent, and true to the models' own configurations where those are on this machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from transformers import AutoConfig, AutoModel, GPT2Config
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from attnviz.errors import BadInputError, UnknownModelError
from attnviz.models import catalog
from attnviz.models.config_facts import OFFSET, read_config
from attnviz.models.locate import find_weights
from attnviz.settings import Settings

WANTED = {
    "minilm", "smollm2", "smollm2-float", "bert-base-uncased", "distilbert-base-uncased", "roberta-base", "gpt2", "distilgpt2",
    "t5-small", "bart-base", "bert-base-multilingual-cased",
}  # fmt: skip


def test_the_catalogue_has_every_model_that_was_promised_once():
    ids = [card.id for card in catalog.cards()]
    assert set(ids) >= WANTED
    assert len(ids) == len(set(ids))
    assert ids[0] == "minilm"


@pytest.mark.parametrize("card", catalog.cards(), ids=lambda card: card.id)
def test_every_card_says_all_that_a_page_needs(card):
    assert all((card.name, card.licence, card.source, card.summary, card.package or card.hub))
    assert card.kind in ("encoder", "decoder", "encoder-decoder")
    assert 0 <= card.head[0] < card.layers
    assert 0 <= card.head[1] < card.heads
    assert bool(card.package) == bool(card.requirement) == bool(card.sha256)
    assert all(re.fullmatch(r"[0-9a-f]{64}", hash) for _, hash in card.sha256)
    assert re.fullmatch(r"[a-z0-9.-]+", card.id)


def test_only_the_copy_that_differs_from_the_published_weights_says_so():
    assert [card.id for card in catalog.cards() if card.quantised] == ["smollm2"]
    assert "4-bit" in catalog.card("smollm2").quantised


def test_no_revision_is_pinned_that_could_not_be_checked():
    assert not re.search(r"\brevision\b|@[0-9a-f]{7,40}", catalog.FILE.read_text())


def test_the_numbers_of_minilm_are_those_of_its_own_configuration():
    card = catalog.card("minilm")
    spot = find_weights(card, Settings())
    assert spot.path is not None
    config = json.loads((spot.path / "config.json").read_text())
    assert (config["num_hidden_layers"], config["num_attention_heads"], config["max_position_embeddings"]) == (
        card.layers,
        card.heads,
        card.max_tokens,
    )


@pytest.mark.slow
def test_the_numbers_of_smollm2_are_those_in_its_gguf_file():
    from gguf import GGUFReader

    card = catalog.card("smollm2")
    spot = find_weights(card, Settings())
    assert spot.path is not None
    fields = GGUFReader(spot.path / card.gguf).fields
    names = ("llama.block_count", "llama.attention.head_count", "llama.context_length")
    assert tuple(fields[name].contents() for name in names) == (card.layers, card.heads, card.max_tokens)


@pytest.mark.parametrize(
    "id", ["../../etc/passwd", "/etc/passwd", "MiniLM", "minilm ", "", "gpt2/../minilm", "\ud800", "x" * 10_000]
)
def test_an_id_is_matched_exactly_and_never_used_as_a_path(id):
    with pytest.raises(UnknownModelError, match="Choose one of minilm, smollm2") as caught:
        catalog.card(id)
    assert len(str(caught.value)) < 400
    str(caught.value).encode()


def test_reading_the_catalogue_loads_no_heavy_library():
    code = (
        "import sys; from attnviz.models import catalog; catalog.cards(); "
        "print([name for name in ('torch', 'transformers', 'huggingface_hub') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_every_family_whose_positions_begin_late_exists():
    assert set(CONFIG_MAPPING) >= OFFSET


@pytest.mark.parametrize(("family", "padding"), [("roberta", 1), ("roberta", 3), ("mpnet", 1), ("esm", 1), ("camembert", 1)])
def test_a_table_whose_first_rows_are_unused_reads_that_many_tokens_less(family, padding):
    config = AutoConfig.for_model(
        family, num_hidden_layers=1, num_attention_heads=2, hidden_size=8, intermediate_size=6, vocab_size=30,
        max_position_embeddings=16, pad_token_id=padding, type_vocab_size=1, mask_token_id=4,
    )  # fmt: skip
    limit = read_config(config).max_tokens
    assert limit == 16 - padding - 1
    model = AutoModel.from_config(config).eval()
    ids = [[7] * limit]
    tensor = model.dummy_inputs["input_ids"].new_tensor
    assert model(input_ids=tensor(ids)).last_hidden_state.shape == (1, limit, 8)
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=tensor([[7] * (limit + 1)]))


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("bert", "encoder"), ("distilbert", "encoder"), ("xlnet", "encoder"), ("gpt2", "decoder"), ("llama", "decoder"),
        ("t5", "encoder-decoder"), ("bart", "encoder-decoder"), ("marian", "encoder-decoder"),
    ],
)  # fmt: skip
def test_the_kind_of_a_family_follows_from_its_tasks(family, kind):
    assert read_config(AutoConfig.for_model(family)).kind == kind


@pytest.mark.parametrize("family", ["vit", "whisper", "clip"])
def test_a_model_that_reads_no_text_is_refused_by_its_family(family):
    with pytest.raises(BadInputError, match=family):
        read_config(AutoConfig.for_model(family))


def test_a_tokenizers_limit_counts_only_where_the_configuration_states_none():
    assert read_config(GPT2Config(n_positions=77), 33).max_tokens == 77
    assert read_config(AutoConfig.for_model("bloom"), 33).max_tokens == 33
    assert read_config(AutoConfig.for_model("bloom"), 1e30).max_tokens == 2048
