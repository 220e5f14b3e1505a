"""Token buckets: how much may come at once, how it is refilled, and how many clients are remembered."""

from __future__ import annotations

import pytest

from attnviz.token_bucket import ClientBuckets, TokenBucket


def test_a_full_bucket_gives_its_capacity_at_once_and_then_says_how_long_to_wait():
    now = [0.0]
    bucket = TokenBucket(3.0, 2.0, lambda: now[0])
    assert [bucket.take() for _ in range(3)] == [0, 0, 0]
    assert bucket.take() == 0.5
    assert bucket.take() == 0.5, "a refused action takes no token"
    now[0] = 0.25
    assert bucket.take() == 0.25
    now[0] = 0.5
    assert bucket.take() == 0


def test_a_bucket_is_refilled_up_to_its_capacity():
    now = [0.0]
    bucket = TokenBucket(400.0, 40.0, lambda: now[0])
    assert [bucket.take() for _ in range(400)] == [0] * 400
    now[0] = 2.0
    assert [bucket.take() > 0 for _ in range(81)] == [False] * 80 + [True]
    now[0] += 3600
    assert [bucket.take() > 0 for _ in range(401)] == [False] * 400 + [True]


def test_a_client_below_the_rate_never_waits():
    now = [0.0]
    bucket = TokenBucket(400.0, 40.0, lambda: now[0])
    for _ in range(33 * 120):  # two minutes
        now[0] += 1 / 33
        assert bucket.take() == 0


def test_each_client_has_a_bucket_of_its_own():
    buckets = ClientBuckets(1.0, 1.0, 10, lambda: 0.0)
    assert (buckets.take("a"), buckets.take("a"), buckets.take("b")) == (0, 1, 0)


@pytest.mark.parametrize(("again", "forgotten"), [("a", "b"), ("b", "a")])
def test_only_the_clients_that_came_last_are_remembered(again: str, forgotten: str):
    buckets = ClientBuckets(1.0, 1.0, 2, lambda: 0.0)
    for client in ("a", "b", again, "c"):
        buckets.take(client)
    assert (buckets.take(again), buckets.take(forgotten)) == (1, 0)
