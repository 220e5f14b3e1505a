"""Chunks as other processes get them, and back."""

from __future__ import annotations

import json

from attnviz.linguistics.annotated import Parsed, Question
from attnviz.linguistics.parts import Chunk
from attnviz.types import Link

PARSED = Parsed("s-1", "“Don’t” 🐈\u2028go", ((0, 7), (8, 9), (10, 12)), (Link((0, 7), (10, 12), "advmod:neg"),))
ASKED = Question("q-1", "Ann saw Bea; she left.", (13, 16), ((0, 3), (8, 11)), 1)
NEITHER = Question("q-2", "Ann saw Bea; it rained.", (13, 15), ((0, 3), (8, 11)), None)


def test_a_chunk_travels_as_plain_json_and_comes_back_as_the_same_value():
    chunk = Chunk(2, 7, 1792, (PARSED, ASKED, NEITHER))
    written = chunk.to_bytes()
    assert json.loads(written)["texts"][1] == {
        "id": "q-1", "text": "Ann saw Bea; she left.", "pronoun": [13, 16], "candidates": [[0, 3], [8, 11]], "answer": 1,
    }  # fmt: skip
    again = Chunk.of(written)
    assert again == chunk
    assert hash(again) == hash(chunk)  # tuples all through, as before
