"""The shipped atlases: every best head counted again from the bare arrays, and what its sentence says held to them."""

from __future__ import annotations

import json
import re
import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import attnviz
from attnviz.linguistics import claim_text, claims, habit_report
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.claims import BestHead
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
def table(model: str) -> tuple[BestHead, ...]:
    """Its best heads, by the code under test."""
    found = reader.shipped(model)
    assert found is not None
    return claims.best_heads(found)


def subtypes(head: dict, base: str) -> list[str]:
    """The labels of a relation that have a subtype."""
    return [label for label in head["relations"] if label.startswith(f"{base}:")]


def rows(model: str, one: BestHead) -> tuple[str, np.ndarray]:
    """Which rows of which table a best head was counted on, by another road."""
    found, head = arrays(model), header(model)
    if one.direction:
        base, colon, subtype = one.relation.partition(":")
        labels = [f"{base}:{subtype}" if subtype else base] if colon else [base, *subtypes(head, base)]
        kinds = [at for at, label in enumerate(head["relations"]) if label in labels]
        way = ("dh", "hd").index(one.direction)
        return "links", np.flatnonzero(np.isin(found["links.relation"], kinds) & (found["links.direction"] == way))
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
            mentioned = found["questions.mentioned"][at][~even]
            more = {"mentioned": mentioned.mean()} if (mentioned != 0.5).any() else {}
            assert rules == pytest.approx({"nearest": found["questions.nearest"][at][~even].mean(), "chance": 0.5} | more)


@EVERY
def test_each_best_heads_sentence_is_true_to_the_file(model: str):
    made = reader.shipped(model)
    assert made is not None
    found = arrays(model)
    for one in table(model):
        name, at = rows(model, one)
        hits = found[f"{name}.hits"][at][:, one.head.layer, one.head.head]
        claim = claims.claim(made, one.head, one.relation, one.direction or "dh")
        sentence = claim_text.sentence(claim).replace("\u202f", " ")
        numbers = re.search(
            r"On ([\d,]+) .* of (.+?), (L\d+·H\d+) of (.+?) (?:looks|gives) .*? in (\d+\.\d|under 0\.1) % \(", sentence
        )
        assert numbers is not None, sentence
        assert int(numbers[1].replace(",", "")) == len(hits)
        assert (HeadRef.parse(numbers[3]), numbers[4]) == (one.head, catalog.card(model).name)
        tenths = (2000 * int(hits.sum()) + len(hits)) // (2 * len(hits))  # of a percent, half up
        assert numbers[5] == ("under 0.1" if hits.any() and not tenths else f"{tenths // 10}.{tenths % 10}")
        low, high = claim.evidence.interval
        assert low <= hits.mean() <= high
        better = hits.mean() > claim.evidence.baseline[1]
        assert (" significant after" in sentence and "not significant" not in sentence) <= better, sentence
        assert ("not more than this baseline" in sentence) <= (not better), sentence


@EVERY
def test_the_chance_of_a_lead_is_that_of_flipped_signs_drawn_at_random(model: str):
    found, chance = arrays(model), np.random.default_rng(0)
    for one in [one for one in table(model) if one.direction and one.evidence.n >= 60][::9]:
        _, at = rows(model, one)
        at = at[found["links.text"][at] % 2 == 1]
        right = found["links.hits"][at][:, one.head.layer, one.head.head].astype(float)
        rule = {
            "offset": found["links.offset"][at] == one.offset, "chance": 1.0 / found["links.others"][at],
        }[one.evidence.baseline[0]]  # fmt: skip
        sums: dict[int, float] = {}
        for text, apart in zip(found["links.text"][at].tolist(), (right - rule).tolist(), strict=True):
            sums[text] = sums.get(text, 0.0) + apart
        apart = np.array(list(sums.values()))
        flipped = chance.choice([-1.0, 1.0], (20_000, len(apart))) @ apart
        exact = (flipped >= apart.sum()).mean()
        coarse = 0.02 if exact < 0.3 else 0.1  # a normal curve in place of flips, which are coarse where few sentences differ
        assert one.p == pytest.approx(exact, abs=coarse)
        assert one.points == pytest.approx(100 * apart.sum() / len(at))


@EVERY
def test_no_head_passes_its_ceiling_which_is_what_the_best_choice_in_each_context_reaches(model: str):
    found = arrays(model)
    for one in table(model):
        name, at = rows(model, one)
        back, answers = found[f"{name}.context"], found["links.offset" if one.direction else "questions.answer"]
        at = at[found[f"{name}.text"][at] % 2 == 1]
        times: dict[int, dict[int, int]] = {}
        for place in at.tolist():
            seen = times.setdefault(place - int(back[place]), {})
            seen[int(answers[place])] = seen.get(int(answers[place]), 0) + 1
        most = sum(max(seen.values()) for seen in times.values())
        assert one.evidence.ceiling == pytest.approx(most / len(at))
        assert found[f"{name}.hits"][at].sum(0).max() <= most


def test_264_pairs_of_winogender_are_the_same_up_to_the_pronoun_and_so_no_decoder_passes_63_percent():
    made = reader.shipped("smollm2")
    assert made is not None
    asked = made.questions("winogender")
    assert (len(asked), int((~asked.decidable).sum()), asked.ceiling) == (720, 2 * 264, (720 - 264) / 720)
    encoder = reader.shipped("minilm")
    assert encoder is not None
    assert encoder.questions("winogender").ceiling == 1.0


@EVERY
def test_an_untrained_twin_was_counted_by_the_same_rule(model: str):
    assert header(model)["control"] == {"seed": 0}
    found, head = arrays(model), header(model)
    for one in table(model):
        assert one.control is not None
        assert one.control.evidence.n == one.evidence.n
        if one.direction:
            _, at = rows(model, one)
            labels = np.unique(found["links.relation"][at])
            counts = found["control.links"][labels, ("dh", "hd").index(one.direction)].sum(0)  # half layer head
            place = one.control.head.layer, one.control.head.head
            assert counts[0][place] == counts[0].max()
            assert one.control.evidence.hits == counts[1][place]
            assert counts.max() <= len(at)
    assert found["control.links"].shape[0] == len(head["relations"])


@EVERY
def test_the_head_of_meaning_is_chosen_on_the_even_texts_and_reported_on_the_odd_ones(model: str):
    made = reader.shipped(model)
    assert made is not None
    found, (means, errors) = (
        habit_report.best_similarity(made),
        arrays(model)["meaning"],
    )  # each [half, own or shuffled, layer, head]
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
