"""Probes on random tokens: their places by hand, their scores against a slow second count, and what an atlas keeps of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from attnviz.engine import capture
from attnviz.errors import BadInputError, NoAttentionError
from attnviz.linguistics.atlas import measure, reader, workers
from attnviz.linguistics.probes import random_tokens, vocabulary
from attnviz.linguistics.probes.random_tokens import NAMES, Layout
from attnviz.models import load
from attnviz.settings import Settings
from tests import atlases
from tests.small_models import saved

SHORT = Layout(start=1, length=3, end=1)  # [CLS] a b c a b c [SEP]


def test_where_each_probe_looks_is_written_out_by_hand():
    assert SHORT.tokens == 8
    assert SHORT.cells("induction").tolist() == [[4, 2], [5, 3]]
    assert SHORT.cells("duplicate-token").tolist() == [[4, 1], [5, 2], [6, 3]]
    assert SHORT.cells("previous-token").tolist() == [[2, 1], [3, 2], [4, 3], [5, 4], [6, 5]]


def test_an_even_look_is_one_over_the_tokens_that_are_seen():
    assert SHORT.uniform(causal=False) == (1 / 8, 1 / 8, 1 / 8)
    wanted = ((1 / 5 + 1 / 6) / 2, (1 / 5 + 1 / 6 + 1 / 7) / 3, (1 / 3 + 1 / 4 + 1 / 5 + 1 / 6 + 1 / 7) / 5)
    assert SHORT.uniform(causal=True) == pytest.approx(wanted)


def test_heads_that_do_one_thing_score_1_in_its_probe_and_an_even_head_the_even_look():
    weights = np.zeros((1, 4, 8, 8), np.float32)  # row head query key
    for query in range(8):
        weights[0, 0, query, query - 2 if query in (4, 5, 6) else 0] = 1.0  # the one after the earlier copy
        weights[0, 1, query, query - 3 if query in (4, 5, 6) else 0] = 1.0  # the earlier copy
        weights[0, 2, query, max(query - 1, 0)] = 1.0
        weights[0, 3, query, : query + 1] = 1 / (query + 1)
    found = random_tokens.scores(weights, SHORT)[:, 0]  # probe head
    np.testing.assert_allclose(found[:, :3], np.eye(3), atol=1e-7)
    np.testing.assert_allclose(found[:, 3], SHORT.uniform(causal=True), atol=1e-7)


def test_sequences_are_of_different_tokens_and_the_same_in_every_run():
    pool = range(100, 160)
    found = random_tokens.random_sequences(pool, 20)
    assert found == random_tokens.random_sequences(pool, 20)
    assert len(found) == len(set(found)) == random_tokens.SEQUENCES
    assert all(len(set(one)) == 20 and set(one) <= set(pool) for one in found)
    assert len({token for one in found for token in one}) == 60  # every token has its turn


def test_figures_are_means_and_standard_errors_over_the_sequences_of_each_half():
    each = np.random.default_rng(2).random((3, 10, 2, 5))  # probe sequence layer head
    found = random_tokens.figures(each)
    assert found.shape == (2, 2, 3, 2, 5)
    odd = [each[1, at, 1, 4] for at in (1, 3, 5, 7, 9)]
    mean = sum(odd) / 5
    assert found[0, random_tokens.ODD, 1, 1, 4] == pytest.approx(mean, abs=1e-6)
    assert found[1, random_tokens.ODD, 1, 1, 4] == pytest.approx((sum((x - mean) ** 2 for x in odd) / 4 / 5) ** 0.5, abs=1e-6)
    assert found[0, random_tokens.EVEN, 2, 0, 3] == pytest.approx(each[2, [0, 2, 4, 6, 8], 0, 3].mean(), abs=1e-6)


def slowly(model, rows: list[tuple[int, ...]], length: int) -> np.ndarray:
    """[probe, sequence, layer, head] of the library's eager weights: earlier copies are looked for by id, cell by cell."""
    eager, out = capture.shadow(model, "eager"), []
    for ids in rows:
        with torch.inference_mode():
            layers = eager(torch.tensor([ids]), output_attentions=True).attentions
        second = [at for at, one in enumerate(ids) if one in ids[:at]]
        copies = {at: ids.index(ids[at]) for at in second}
        drawn = range(second[0] - length, second[-1] + 1)
        cells = [
            [(at, copies[at] + 1) for at in second if copies[at] + 1 not in copies],
            [(at, copies[at]) for at in second],
            [(at, at - 1) for at in drawn if at - 1 in drawn],
        ]
        out.append([[[[float(h[q, k]) for q, k in some] for h in layer[0]] for layer in layers] for some in cells])
    return np.array([[[[np.mean(h) for h in layer] for layer in one[kind]] for one in out] for kind in range(3)])


@pytest.mark.parametrize("family", ["gpt2", "bert"])
def test_a_model_is_probed_as_a_slow_count_over_eager_weights_says(family: str, tmp_path: Path):
    measurer = workers.load_measurer(load.local_card(saved(tmp_path / family, family)), Settings())
    found = measurer.probe()
    pool = vocabulary.whole_words(measurer.loaded.tokenizer, 16)
    assert pool == tuple(range(5, 16))  # neither [PAD] nor [MASK], and no more than there are
    assert (found.facts["length"], found.facts["drawn_from"], found.facts["sequences"]) == (11, 11, [16, 16])
    rows = [(*ids, *ids) for ids in random_tokens.random_sequences(pool, 11)]
    assert found.scores is not None
    np.testing.assert_allclose(found.scores, random_tokens.figures(slowly(measurer.loaded.model, rows, 11)), atol=2e-6)
    again = replace(measurer, tokens=1).probe()  # one sequence a pass
    assert again.facts == found.facts
    np.testing.assert_allclose(again.scores, found.scores, atol=2e-6)


def layers(rows):
    raise AssertionError("nothing is to be read")


@pytest.mark.parametrize(
    ("pool", "most", "reason"),
    [(range(7), 99, "7 tokens of its vocabulary are letters only"), (range(50), 17, "it reads at most 17 tokens")],
)
def test_a_model_too_small_for_the_probes_says_why(pool: range, most: int, reason: str):
    found = random_tokens.run_probes(layers, (2, 5), pool, ((1,), (2,)), causal=True, max_tokens=most, tokens=512)
    assert found.scores is None
    assert reason in found.facts["missing"]


def test_a_start_token_is_put_where_the_tokenizer_adds_none_but_has_one():
    plain, named = SimpleNamespace(bos_token_id=None), SimpleNamespace(bos_token_id=9)
    assert vocabulary.special_around(plain, (1, 5, 2), (True, False, True), 10) == ((1,), (2,))
    assert vocabulary.special_around(named, (1, 5, 2), (True, False, True), 10) == ((1,), (2,))
    assert vocabulary.special_around(named, (5, 6), (False, False), 10) == ((9,), ())
    assert vocabulary.special_around(named, (5, 6), (False, False), 9) == ((), ())  # the model has no such token
    assert vocabulary.special_around(plain, (5, 2), (False, True), 10) == ((), (2,))


WORDS = "the cat sat on a mat and dog ran far over green hills under blue skies while birds sang loud songs for old men"


def trained(kind: str) -> PreTrainedTokenizerFast:
    """A small tokenizer of a kind, learned on these words, with `<s>` and an added token."""
    if kind == "byte-level":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=500, special_tokens=["<s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        )
    elif kind == "unigram":
        pieces = [(f"▁{word}", -5.0) for word in dict.fromkeys(WORDS.split())]
        pieces += [(letter, -10.0) for letter in "▁abcdefghilnostuvy"]
        made = Tokenizer(models.Unigram([("<s>", 0.0), ("<unk>", 0.0), *pieces], unk_id=1))
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        made.decoder = decoders.Metaspace()
        trainer = None
    else:
        made = Tokenizer(models.WordPiece(unk_token="<unk>"))
        made.normalizer = normalizers.Lowercase()
        made.pre_tokenizer = pre_tokenizers.Whitespace()
        made.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=["<s>", "<unk>"], show_progress=False)
    if trainer is not None:
        made.train_from_iterator([WORDS] * 50, trainer)
    found = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", unk_token="<unk>")
    found.add_tokens(["zebra"])
    return found


@pytest.mark.parametrize(("kind", "blank"), [("byte-level", "Ġ"), ("unigram", "▁"), ("word pieces", "")])
def test_only_words_and_their_beginnings_are_drawn_from_a_vocabulary(kind: str, blank: str):
    tokenizer = trained(kind)
    found = [str(one) for one in tokenizer.convert_ids_to_tokens(list(vocabulary.whole_words(tokenizer, 10_000)))]
    assert len(found) >= 8
    assert all(one.startswith(blank) and one.removeprefix(blank).isalpha() for one in found)
    assert not {"<s>", "<unk>", "zebra"} & set(found)  # neither special nor added
    assert not any(one.startswith("##") for one in found)
    few = vocabulary.whole_words(tokenizer, max(vocabulary.whole_words(tokenizer, 10_000)))
    assert len(few) == len(found) - 1  # a model without the last of them


def test_type_ids_are_those_of_a_text():
    assert measure.probe_type_ids(None, [False], ((), ()), 6) is None
    assert measure.probe_type_ids((3, 0, 4), [True, False, True], ((1,), (2,)), 6) == (3, 0, 0, 0, 0, 4)
    assert measure.probe_type_ids((5,), [False], ((9,), ()), 4) == (5, 5, 5, 5)  # a start token that the tokenizer does not put


def test_a_model_that_fails_on_random_tokens_has_no_probes_and_says_why(tmp_path: Path):
    measurer = workers.load_measurer(load.local_card(saved(tmp_path / "bert")), Settings())

    def failing(model: object, rows: object, queries: object = None):
        raise NoAttentionError("Each row of attention should sum to 1. Choose another model.")

    found = replace(measurer, layers=failing).probe()
    assert found.scores is None
    assert found.facts["missing"].startswith("Each row of attention should sum to 1")


def made(path: Path, **more: object) -> reader.Atlas:
    """A small atlas with this in its header."""
    return reader.read(atlases.write(path / "made.npz", atlases.members(head=atlases.header(**more))))


def test_an_atlas_gives_its_probes_and_their_facts(tmp_path: Path):
    found = made(tmp_path, probes=atlases.PROBES)
    assert found.header.probes is not None
    assert (found.header.probes.names, found.header.probes.sequences) == (NAMES, (3, 2))
    assert found.probes.shape == (2, 2, 3, 2, 5)
    assert found.probes[0, 1, 2, 1, 4] == pytest.approx(59 / 200)


def test_an_atlas_without_probes_is_fine_and_says_that_they_are_missing(tmp_path: Path):
    old = made(tmp_path)
    assert old.header.probes is None
    assert old.habit("next").values.shape == (2, 5)
    with pytest.raises(BadInputError, match=r"probes of random tokens are missing .* Build it again"):
        _ = old.probes
    none = made(tmp_path, probes={"version": 1, "missing": "it reads at most 12 tokens"})
    with pytest.raises(BadInputError, match=r"could not be probed with random tokens: it reads at most 12 tokens\."):
        _ = none.probes


@pytest.mark.parametrize(
    "wrong",
    [
        "yes",
        {"version": "one"},
        atlases.PROBES | {"names": ["induction"]},
        atlases.PROBES | {"even_look": [0.1, 0.1, float("nan")]},
        atlases.PROBES | {"even_look": [0.1, 0.1, 2.0]},
        atlases.PROBES | {"sequences": [1]},
        atlases.PROBES | {"sequences": [3, 1]},
        atlases.PROBES | {"names": ["induction", "induction", "previous-token"]},
        atlases.PROBES | {"length": 0},
        {"version": 1, "missing": 3},
    ],
    ids=str,
)
def test_a_header_with_damaged_probes_is_refused(wrong: object, tmp_path: Path):
    parts = atlases.members() | {"header.json": json.dumps(atlases.header(probes=wrong)).encode()}
    with pytest.raises(BadInputError, match="is none, or damaged"):
        reader.read(atlases.write(tmp_path / "bad.npz", parts))


def test_an_atlas_whose_scores_are_not_those_of_its_probes_is_refused(tmp_path: Path):
    parts = atlases.members(head=atlases.header(probes=atlases.PROBES))
    parts["probes.npy"] = atlases.stored(np.zeros((2, 2, 2, 2, 5), np.float32))
    with pytest.raises(BadInputError, match=r"probes\.npy"):
        _ = reader.read(atlases.write(tmp_path / "bad.npz", parts)).probes
    for wrong in (np.nan, -0.5, 7.0):
        parts["probes.npy"] = atlases.stored(np.full((2, 2, 3, 2, 5), wrong, np.float32))
        with pytest.raises(BadInputError, match="outside of 0 to 1"):
            _ = reader.read(atlases.write(tmp_path / "bad.npz", parts)).probes
