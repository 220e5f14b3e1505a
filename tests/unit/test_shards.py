"""Chunks and parts as files or other processes get them, and back."""

from __future__ import annotations

import json

import numpy as np

from attnviz.linguistics.atlas.shards import Chunk, Part
from attnviz.linguistics.corpora.types import AnnotatedQuestion, ParsedSentence
from attnviz.types import Link

PARSED = ParsedSentence("s-1", "“Don’t” 🐈\u2028go", ((0, 7), (8, 9), (10, 12)), (Link((0, 7), (10, 12), "advmod:neg"),))
ASKED = AnnotatedQuestion("q-1", "Ann saw Bea; she left.", (13, 16), ((0, 3), (8, 11)), 1)
NEITHER = AnnotatedQuestion("q-2", "Ann saw Bea; it rained.", (13, 15), ((0, 3), (8, 11)), None)


def test_a_chunk_travels_as_plain_json_and_comes_back_as_the_same_value():
    chunk = Chunk(2, 7, 1792, (PARSED, ASKED, NEITHER))
    written = chunk.to_bytes()
    assert json.loads(written)["texts"][1] == {
        "id": "q-1", "text": "Ann saw Bea; she left.", "pronoun": [13, 16], "candidates": [[0, 3], [8, 11]], "answer": 1,
    }  # fmt: skip
    again = Chunk.from_bytes(written)
    assert again == chunk
    assert hash(again) == hash(chunk)  # tuples all through, as before


def test_a_part_comes_back_with_every_array_and_count():
    random = np.random.default_rng(0)
    links = {"text": np.array([3, 5], np.int32), "relation": np.array(["det", "obj"]), "hits": random.bytes(4)}
    links["hits"] = np.frombuffer(links["hits"], np.uint8).reshape(2, 2)
    part = Part(
        links, {"text": np.zeros(0, np.int32)}, {"answers": np.ones((2, 2, 5), np.uint32)}, random.random((9, 2, 5)),
        np.arange(9), random.random((2, 3, 2, 2, 5)), np.array([[1, 7, 49], [0, 0, 0]]),
        texts=4, used=3, left_out={"too long": 1},
    )  # fmt: skip
    again = Part.from_bytes(part.to_bytes())
    assert (again.texts, again.used, again.left_out) == (4, 3, {"too long": 1})
    for name in ("habits", "rows", "meaning", "tally"):
        np.testing.assert_array_equal(getattr(again, name), getattr(part, name))
    for kind in ("links", "questions", "control"):
        found, wanted = getattr(again, kind), getattr(part, kind)
        assert found.keys() == wanted.keys()
        for name in wanted:
            np.testing.assert_array_equal(found[name], wanted[name])
            assert found[name].dtype == wanted[name].dtype
