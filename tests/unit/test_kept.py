"""Results that are kept for a value are made once, bounded, and gone with it."""

from __future__ import annotations

import gc
import weakref

from attnviz.linguistics.atlas.kept import kept


class Owner:
    """A value that results belong to."""


def test_a_result_is_made_once_for_each_owner_and_argument():
    made: list[int] = []

    @kept(2)
    def double(owner: Owner, number: int) -> int:
        made.append(number)
        return 2 * number

    one, other = Owner(), Owner()
    assert [double(one, 3), double(one, 3), double(other, 3)] == [6, 6, 6]
    assert made == [3, 3]
    for number in (4, 5, 3):  # two are kept
        double(one, number)
    assert made == [3, 3, 4, 5, 3]


def test_an_owner_is_not_kept_alive():
    @kept(2)
    def size(owner: Owner) -> int:
        return 1

    one = Owner()
    gone = weakref.ref(one)
    assert size(one) == 1
    del one
    gc.collect()
    assert gone() is None
