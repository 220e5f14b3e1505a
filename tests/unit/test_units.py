"""Amounts as a person says them."""

from __future__ import annotations

import pytest

from attnviz.figures import encoding, units


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (900, "900 bytes"),
        (153_664, "154 kB"),
        (9_000_000, "9 MB"),
        (4 * 10**15, "4,000 TB"),
        (1.18e12, "1.18 TB"),
        (1e-9, "less than 1 byte"),
        (3.2e36, "3.2 × 10²⁴ TB"),
    ],
)
def test_bytes_are_written_by_thousands(size: float, expected: str):
    assert units.byte_size(size).replace(encoding.NARROW, " ") == expected


def test_ratios_are_written_to_three_digits_or_in_thousands():
    assert [units.ratio_text(ratio) for ratio in (2.039, 1.0, 170.7, 43707.4)] == ["2.04", "1", "171", "43,707"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.000314, "0.31 ms"), (0.0598, "59.8 ms"), (0.123, "123 ms"), (0.9999, "1.00 s"), (1.24, "1.24 s"), (99, "99.0 s"),
        (138, "2.3 minutes"), (3600, "1 hour"), (47_000, "13 hours"), (86_400 * 3.2, "3.2 days"), (3.7e10, "1,172 years"),
        (1e-9, "less than 0.01 ms"), (3.15576e19, "1.0 × 10¹² years"),
    ],
)  # fmt: skip
def test_times_are_written_in_the_unit_that_suits_them(seconds: float, expected: str):
    assert units.duration(seconds).replace(encoding.NARROW, " ") == expected
