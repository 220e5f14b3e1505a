"""The shipped atlases: every best head counted again from the bare arrays, and what its sentence says held to them."""

from __future__ import annotations

import json
import re
import zipfile
from functools import lru_cache
from math import comb
from pathlib import Path

import numpy as np
import pytest

import attnviz
from attnviz.linguistics import atlas, claims, likeness, wording
from attnviz.linguistics.claims import Best
from attnviz.models import catalog
from attnviz.types import HeadRef

FOLDER = Path(attnviz.__file__).parent / "content" / "atlas"
MODELS = ("minilm", "smollm2")
EVERY = pytest.mark.parametrize("model", MODELS)


@lru_cache(maxsize=len(MODELS))
def arrays(model: str) -> dict[str, np.ndarray]:
    """The members of a shipped file, read by numpy alone; hits as [instance, layer, head]."""
    with np.load(FOLDER / f"{model}.npz", allow_pickle=False) as file:
        found = {name: file[name] for name in file.files if name != "header.json"}
    head = header(model)
    for name in ("links.hits", "questions.hits"):
        bits = np.unpackbits(found[name], axis=1)[:, : head["layers"] * head["heads"]]
        found[name] = bits.reshape(len(bits), head["layers"], head["heads"]).astype(bool)
    return found


@lru_cache(maxsize=len(MODELS))
def header(model: str) -> dict:
    """Its header."""
    with zipfile.ZipFile(FOLDER / f"{model}.npz") as file:
        return json.loads(file.read("header.json"))


@lru_cache(maxsize=len(MODELS))
def table(model: str) -> tuple[Best, ...]:
    """Its best heads, by the code under test."""
    found = atlas.shipped(model)
    assert found is not None
    return claims.table(found)


def rows(model: str, one: Best) -> tuple[str, np.ndarray]:
    """Which rows of which table a best head was counted on, by another road."""
    found, head = arrays(model), header(model)
    if one.direction:
        kind, way = head["relations"].index(one.relation), ("dh", "hd").index(one.direction)
        return "links", np.flatnonzero((found["links.relation"] == kind) & (found["links.direction"] == way))
    kinds = [at for at, corpus in enumerate(head["corpora"]) if one.relation in ("coreference", corpus["kind"])]
    return "questions", np.flatnonzero(np.isin(found["questions.corpus"], kinds))


@EVERY
def test_each_best_head_is_the_one_that_a_plain_count_finds(model: str):
    found = arrays(model)
    for one in table(model):
        name, at = rows(model, one)
        even = found[f"{name}.text"][at] % 2 == 0
        hits = found[f"{name}.hits"][at]
        counts = hits[even].sum(0)
        assert counts[one.head.layer, one.head.head] == counts.max()
        assert (one.chosen_on.hits, one.chosen_on.n) == (counts.max(), even.sum())
        assert one.evidence.n == (~even).sum()
        assert one.evidence.hits == hits[~even][:, one.head.layer, one.head.head].sum()
        rules = dict(one.evidence.baselines)
        if one.direction:
            offsets = found["links.offset"][at]
            values, times = np.unique(offsets[even], return_counts=True)
            assert times[values == one.offset] == times.max()
            assert rules["offset"] == pytest.approx((offsets[~even] == one.offset).mean())
            assert rules["chance"] == pytest.approx((1 / found["links.others"][at][~even]).mean())
        else:
            assert rules == pytest.approx({"nearest": found["questions.nearest"][at][~even].mean(), "chance": 0.5})


@EVERY
def test_each_best_heads_sentence_is_true_to_the_file(model: str):
    made = atlas.shipped(model)
    assert made is not None
    found = arrays(model)
    for one in table(model):
        name, at = rows(model, one)
        hits = found[f"{name}.hits"][at][:, one.head.layer, one.head.head]
        claim = claims.claim(made, one.head, one.relation, one.direction or "dh")
        said = wording.sentence(claim).replace("\u202f", " ")
        numbers = re.search(r"On ([\d,]+) .* of (.+?), (L\d+·H\d+) of (.+?) (?:looks|gives) .*? in (\d+|under 1) % \(", said)
        assert numbers is not None, said
        assert int(numbers[1].replace(",", "")) == len(hits)
        assert (HeadRef.parse(numbers[3]), numbers[4]) == (one.head, catalog.card(model).name)
        assert numbers[5] == ("under 1" if 0 < hits.mean() < 0.005 else f"{100 * hits.mean():.0f}")
        low, high = claim.evidence.interval
        assert low <= hits.mean() <= high
        better = hits.mean() > claim.evidence.baseline[1]
        assert ("hardly an accident" in said) <= better, said
        assert ("no more than this baseline" in said) <= (not better), said


@EVERY
def test_every_kind_of_verdict_is_that_of_exact_sums(model: str):
    made = atlas.shipped(model)
    assert made is not None
    for one in [one for one in table(model) if 30 <= one.evidence.n <= 300][:6]:
        claim = claims.claim(made, one.head, one.relation, one.direction or "dh")
        n, hits, rate = claim.evidence.n, claim.evidence.hits, claim.evidence.baseline[1]
        exact = sum(comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range(hits, n + 1))
        assert claim.p == pytest.approx(exact, rel=1e-6)
        assert claim.p_corrected >= claim.p


@EVERY
def test_the_head_of_meaning_is_chosen_on_the_even_texts_and_told_by_the_odd_ones(model: str):
    made = atlas.shipped(model)
    assert made is not None
    found, (means, errors) = likeness.best(made), arrays(model)["meaning"]  # each [half, own or shuffled, layer, head]
    assert found is not None
    at = (found[0].head.layer, found[0].head.head)
    assert means[0, 0][at] == means[0, 0].max()
    assert (found[0].mean, found[0].shuffled) == (means[1, 0][at], means[1, 1][at])
    assert (found[0].texts, found[0].words) == (header(model)["meaning"]["texts"][1], header(model)["meaning"]["words"][1])
    assert found[0].texts > 500
    reach = 1.96 * float(errors[1, 0][at])  # of Student's distribution with hundreds of degrees of freedom
    assert found[0].interval == pytest.approx((found[0].mean - reach, found[0].mean + reach), abs=0.01 * reach)
    assert (means[1, 1] < 0.05).all()  # whatever a head likes about places, shuffled words earn next to nothing


@EVERY
def test_an_atlas_says_which_weights_and_which_texts_it_counted(model: str):
    head, card = header(model), catalog.card(model)
    assert (head["model"], head["layers"], head["heads"], head["causal"]) == (model, card.layers, card.heads, card.causal)
    assert {corpus["kind"] for corpus in head["corpora"]} >= {"conllu", "gap"}
    for corpus in head["corpora"]:
        assert corpus["source"] != "not stated"
        assert corpus["licence"] != "not stated"
        assert all(re.fullmatch("[0-9a-f]{64}", file["sha256"]) for file in corpus["files"])
        assert not any("/" in file["name"] for file in corpus["files"])


@pytest.mark.parametrize(("model", "bound"), [("minilm", 0.68), ("smollm2", 0.73)])
def test_a_head_finds_antecedents_on_the_half_that_it_was_not_chosen_on(model: str, bound: float):
    found = next(one for one in table(model) if one.relation == "gap")
    assert found.evidence.interval[0] > bound
    assert found.beats


@pytest.mark.parametrize(("relation", "points"), [("det", 18), ("obj", 30), ("nsubj", 18)])
def test_minilm_has_heads_far_above_the_best_offset(relation: str, points: float):
    found = max((one for one in table("minilm") if one.relation == relation), key=lambda one: one.points)
    assert found.points >= points
