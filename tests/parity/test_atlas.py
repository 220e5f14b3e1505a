"""The scores of an atlas against a second implementation, slow and obvious, and against the files that are shipped.

The second one reads one text at a time with the library's own tokenizer and its eager model, and looks at one link, one head
and one word after the other. The two may differ where the two best words are closer than float32 is exact;
these are listed in .cache/close, and their number is printed at the end of the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

import attnviz
from attnviz.engine import capture
from attnviz.linguistics import corpora
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.measure import Measurer
from attnviz.linguistics.atlas.shards import Chunk
from attnviz.linguistics.atlas.workers import load_measurer as metered
from attnviz.linguistics.corpora.types import AnnotatedQuestion, ParsedSentence
from attnviz.models import catalog
from attnviz.settings import Settings

CLOSE = 1e-5  # two candidates nearer than this may change places: another batch and another kernel round at about 1e-6
FEW = 0.05  # the part of all decisions that may be so close: heads that look at one place give all others next to nothing
MODELS = ("minilm", "smollm2")
ASKED = {"minilm": 60, "smollm2": 20}  # questions of each kind; the larger model takes seconds for each
SLICE = 40  # texts that are built again
LISTS = Path(__file__).parents[2] / ".cache" / "close"
FLIPPED = 1e-4  # the part that may differ from a shipped file, which another machine made with another number of threads


@dataclass(frozen=True, eq=False)
class Decided:
    """One link or question: what is asked, which heads are right, and how far the right one lies from the best other."""

    asked: tuple
    right: np.ndarray
    margin: np.ndarray


@cache
def measurer(name: str) -> Measurer:
    return metered(catalog.card(name), Settings.from_env())


def eager(name: str, text: str) -> tuple[list[int], np.ndarray]:
    """Where each token starts in the text (-1: nowhere), and the library's own weights [layer, head, query, key]."""
    loaded = attnviz.load(name)
    given = loaded.tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
    starts = []
    for start, end in given.pop("offset_mapping")[0].tolist():
        while start < end and text[start].isspace():
            start += 1
        starts.append(start if start < end else -1)
    with torch.inference_mode():
        found = capture.shadow(loaded.model, "eager")(**given, output_attentions=True)
    return starts, torch.stack(found.attentions)[:, 0].double().numpy()


def decided(
    asked: tuple, weights: np.ndarray, gold: list[int], others: list[list[int]], source: list[int], mean_max: bool
) -> Decided:
    """One link in every head: the mean over the source's tokens of the sum (for pronouns the maximum) over a candidate's."""

    def looks(tokens: list[int]) -> np.ndarray:
        """How much each head's source looks at a candidate, [layer, head]."""
        at_each = [sum(weights[:, :, query, key] for query in source) / len(source) for key in tokens]
        return np.maximum.reduce(at_each) if mean_max else sum(at_each)

    nothing = np.full(weights.shape[:2], -1.0)  # where there is nothing else to look at, any look is a hit
    mine, best = looks(gold), np.maximum.reduce([nothing, *map(looks, others)])
    return Decided(asked, mine > best, abs(mine - best))


def slow_links(name: str, ordinal: int, parsed: ParsedSentence) -> Iterator[Decided]:
    """Every decision on one sentence."""
    if not 4 <= len(parsed.words) <= 60:
        return
    starts, weights = eager(name, parsed.text)
    pieces = [[at for at, begin in enumerate(starts) if span[0] <= begin < span[1]] for span in parsed.words]
    for link in parsed.links:
        relation = link.kind
        if relation.split(":")[0] in ("root", "punct"):
            continue
        dependent, governor = parsed.words.index(link.source), parsed.words.index(link.target)
        for direction, source, target in ((0, dependent, governor), (1, governor, dependent)):
            seen = [
                word for word in range(len(pieces)) if pieces[word] and word != source and (name != "smollm2" or word < source)
            ]
            if pieces[source] and target in seen:
                others = [pieces[word] for word in seen if word != target]
                asked = (ordinal, relation, direction, target - source, len(seen))
                yield decided(asked, weights, pieces[target], others, pieces[source], mean_max=False)


def slow_question(name: str, ordinal: int, question: AnnotatedQuestion) -> Iterator[Decided]:
    """The decision on one question."""
    if question.answer is None:
        return
    starts, weights = eager(name, question.text)
    pronoun, *candidates = (
        [at for at, begin in enumerate(starts) if span[0] <= begin < span[1]]
        for span in (question.pronoun, *question.candidates)
    )
    if name == "smollm2" and any(max(tokens) >= min(pronoun) for tokens in candidates):
        return
    others = [tokens for at, tokens in enumerate(candidates) if at != question.answer]
    yield decided((ordinal,), weights, candidates[question.answer], others, pronoun, mean_max=True)


@dataclass(frozen=True)
class Close:
    """A decision that is not compared: the right candidate lies `margin` from the best other one. `differs`: the two say so."""

    asked: tuple
    layer: int
    head: int
    margin: float
    differs: bool


def agree(slow: list[Decided], asked: list[tuple], hits: np.ndarray) -> list[Close]:
    """Both ask the same, and decide alike wherever the candidates differ by more than rounding; returned is the rest."""
    assert [one.asked for one in slow] == asked
    right, margin = np.stack([one.right for one in slow]), np.stack([one.margin for one in slow])
    assert hits.shape == right.shape
    close, differ = margin <= CLOSE, hits != right
    assert not differ[~close].any()
    assert close.mean() < FEW
    return [
        Close(asked[at], layer, head, float(margin[at, layer, head]), bool(differ[at, layer, head]))
        for at, layer, head in np.argwhere(close).tolist()
    ]


def listed(close: list[Close], name: str, decisions: int) -> str:
    """Writes the decisions that were not compared to a file, the closest first; returns one line that says how many."""
    LISTS.mkdir(parents=True, exist_ok=True)
    rows = [
        "\t".join(
            [*map(str, one.asked), f"L{one.layer}·H{one.head}", f"{one.margin:.1e}", "differs" if one.differs else "same"]
        )
        for one in sorted(close, key=lambda one: one.margin)
    ]
    (LISTS / f"{name}.tsv").write_text("".join(f"{row}\n" for row in rows))
    differ = sum(one.differs for one in close)
    return (
        f"{name}: {decisions - len(close):,} of {decisions:,} decisions are the same in the second implementation; "
        f"{len(close):,} are closer than {CLOSE} and not compared, {differ} of them differ: .cache/close/{name}.tsv"
    )


def unpacked(packed: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.unpackbits(packed, axis=-1, count=size[0] * size[1]).reshape(-1, *size).astype(bool)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", MODELS)
def test_links_are_decided_as_a_slow_second_implementation_decides_them(name: str, corpora: Path, record_property):
    texts = tuple(islice(read_conllu(corpora), 100))
    slow = [one for ordinal, parsed in enumerate(texts) for one in slow_links(name, ordinal, parsed)]
    part = measurer(name).measure(Chunk(0, 0, 0, texts))
    columns = [part.links[column].tolist() for column in ("text", "relation", "direction", "offset", "others")]
    hits = unpacked(part.links["hits"], measurer(name).size)
    close = agree(slow, list(zip(*columns, strict=True)), hits)
    record_property("summary", listed(close, f"{name}-links", hits.size))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["gap", "winogender"])
@pytest.mark.parametrize("name", MODELS)
def test_questions_are_decided_as_a_slow_second_implementation_decides_them(
    name: str, kind: str, corpora: Path, record_property
):
    texts = tuple(islice(QUESTIONS[kind](corpora), ASKED[name]))
    slow = [one for ordinal, question in enumerate(texts) for one in slow_question(name, ordinal, question)]
    part = measurer(name).measure(Chunk(0, 0, 0, texts))
    hits = unpacked(part.questions["hits"], measurer(name).size)
    close = agree(slow, [(ordinal,) for ordinal in part.questions["text"].tolist()], hits)
    record_property("summary", listed(close, f"{name}-{kind}", hits.size))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_links_built_again_are_what_the_shipped_atlas_holds(name: str, corpora: Path):
    shipped = checked(name)
    part = measurer(name).measure(Chunk(0, 0, 0, tuple(islice(read_conllu(corpora), SLICE))))
    hits = unpacked(part.links["hits"], measurer(name).size)
    different = total = 0
    for relation in sorted(set(part.links["relation"].tolist())):
        for number, direction in enumerate(("dh", "hd")):
            stored = shipped.links(relation if ":" in relation else f"{relation}:", direction)  # of this label alone
            stored = stored.where(stored.text < SLICE)
            mine = (part.links["relation"] == relation) & (part.links["direction"] == number)
            np.testing.assert_array_equal(stored.text, part.links["text"][mine])
            np.testing.assert_array_equal(stored.offset, part.links["offset"][mine])
            np.testing.assert_array_equal(stored.others, part.links["others"][mine])
            different, total = different + int((stored.hits != hits[mine]).sum()), total + stored.hits.size
    assert total > 50_000
    assert different <= FLIPPED * total


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gap", "winogender"])
@pytest.mark.parametrize("name", MODELS)
def test_questions_built_again_are_what_the_shipped_atlas_holds(name: str, kind: str, corpora: Path):
    stored = checked(name).questions(kind)
    stored = stored.where(stored.text < SLICE)
    part = measurer(name).measure(Chunk(0, 0, 0, tuple(islice(QUESTIONS[kind](corpora), SLICE))))
    hits = unpacked(part.questions["hits"], measurer(name).size)
    np.testing.assert_array_equal(stored.text, part.questions["text"])
    np.testing.assert_array_equal(stored.nearest, part.questions["nearest"])
    assert hits.size > 1_000
    assert (stored.hits != hits).sum() <= FLIPPED * hits.size


def checked(name: str) -> reader.Atlas:
    """The shipped atlas, if it is of the weights that are here."""
    shipped = reader.shipped(name)
    assert shipped is not None
    loaded = measurer(name).loaded
    assert (shipped.header.digest, (shipped.header.layers, shipped.header.heads)) == (loaded.digest, measurer(name).size)
    return shipped


def read_conllu(folder: Path) -> Iterator[ParsedSentence]:
    return corpora.conllu(folder / "ewt-dev.conllu", corpora.strict)


def read_gap(folder: Path) -> Iterator[AnnotatedQuestion]:
    return corpora.gap(folder / "gap-development.tsv", corpora.strict)  # the first one of the shipped atlases


def read_winogender(folder: Path) -> Iterator[AnnotatedQuestion]:
    return corpora.winogender(folder / "winogender.tsv", corpora.strict)


QUESTIONS = {"gap": read_gap, "winogender": read_winogender}
