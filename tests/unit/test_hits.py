"""Hits by hand: which bit belongs to which head, and which instances lie in which half."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.errors import BadInputError
from attnviz.linguistics.atlas import npz
from attnviz.linguistics.atlas.hits import Hits, unpacked


def test_each_bit_is_a_head_in_the_order_of_layers_and_the_last_byte_is_padded():
    packed = np.array([[0b10000010, 0b10000000], [0b00000000, 0b01000000]], np.uint8)  # 2 layers of 5 heads, 16 bits
    found = unpacked(packed, (2, 5))
    assert [tuple(map(int, place)) for place in np.argwhere(found)] == [(0, 0, 0), (0, 1, 1), (0, 1, 3), (1, 1, 4)]


def test_more_than_memory_should_hold_is_refused_before_it_is_taken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(npz, "MAX_BYTES", 19)
    with pytest.raises(BadInputError, match="2 links of 10 heads take more than the 19 bytes allowed"):
        unpacked(np.zeros((2, 2), np.uint8), (2, 5))


def test_a_half_of_the_instances_keeps_every_column_and_its_heads():
    right = np.zeros((3, 1, 2), bool)
    right[0, 0, 1] = right[2, 0, 1] = right[1, 0, 0] = True
    found = Hits(np.array([4, 7, 8]), np.array([0, 0, 1]), right, np.array([-1, 2, 3]), np.array([5, 6, 7]))
    even = found.where(found.even)
    assert (len(found), len(even)) == (3, 2)
    assert (found.counts.tolist(), even.counts.tolist()) == ([[1, 2]], [[0, 2]])
    assert even.offset is not None
    assert even.others is not None
    assert (even.text.tolist(), even.corpus.tolist(), even.nearest) == ([4, 8], [0, 1], None)
    assert (even.offset.tolist(), even.others.tolist()) == ([-1, 3], [5, 7])
