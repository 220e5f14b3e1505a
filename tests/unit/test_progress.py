"""Progress of slow work: the time that is left."""

from __future__ import annotations

import pytest

from attnviz.progress import time_left


@pytest.mark.parametrize(
    ("seconds", "share", "expected"),
    [
        (2.0, 0.2, ", about 8 s left"),  # 2 s for a fifth: 10 s in all
        (1.0, 0.5, ""),
        (10.0, 0.01, ", about 16 min left"),  # 1,000 s in all, 990 left
        (1.0, 0.0, ""),
        (9.0, 1.0, ""),
    ],
)
def test_the_time_left_follows_from_the_time_so_far(seconds: float, share: float, expected: str):
    assert time_left(seconds, share) == expected
