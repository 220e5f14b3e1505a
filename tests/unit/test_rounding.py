"""Numbers as text: rounded as JavaScript rounds, and parts of one whole that add up to 100."""

from __future__ import annotations

import json
import subprocess
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attnviz.figures import encoding
from attnviz.rounding import fixed, round_parts
from tests.unit.test_board_frame import HERE, node

# Weights of uniform attention and others that lie on a half exactly, where Python's own formats go to the even digit.
HALVES = [1 / 16, 3 / 16, 9 / 16, 0.125, 0.375, 0.005, 0.0005, 0.4995, 0.5, 2.5, 0.0]


def by_fractions(value: float, digits: int) -> str:
    """The same by exact arithmetic."""
    scaled = abs(Fraction(value)) * 10**digits
    whole = int(scaled + Fraction(1, 2))
    text = f"{whole:0{digits + 1}d}"
    text = f"{text[: len(text) - digits]}.{text[len(text) - digits :]}" if digits else text
    return f"-{text}" if value < 0 else text


@given(st.floats(-100, 100, allow_nan=False, width=32), st.integers(0, 6))
@example(0.0625, 3)
@example(0.5625, 3)
@example(-0.125, 2)
@example(0.0005, 3)
def test_a_number_is_rounded_by_its_exact_value_and_a_half_away_from_zero(value: float, digits: int):
    assert float(fixed(value, digits)) == float(by_fractions(value, digits))
    assert len(fixed(value, digits).partition(".")[2]) == digits


def test_a_sixteenth_has_the_same_digits_in_both_languages(tmp_path):
    numbers = [*HALVES, *np.random.default_rng(0).random(500).astype(np.float32).astype(float)]
    script = tmp_path / "digits.mjs"
    script.write_text(
        f'import {{ percent, threeDigits }} from "{HERE.as_posix()}/js/core/encoding.js";\n'
        f"const numbers = {json.dumps(numbers)};\n"
        "console.log(JSON.stringify(numbers.map((x) => [threeDigits(x), percent(x), percent(x, 1)])));"
    )
    done = subprocess.run([node(), str(script)], capture_output=True, text=True, check=True, timeout=60)
    for x, theirs in zip(numbers, json.loads(done.stdout), strict=True):
        if x < 1:
            assert theirs == [encoding.three(x), encoding.percent(x), encoding.percent(x, 1)], x


@pytest.mark.parametrize(
    ("shares", "want"),
    [
        # All would round up, to 101: what lost least stays down.
        ([0.932, 0.025, 0.015, 0.028], [93, 3, 1, 3]),
        ([1 / 3, 1 / 3, 1 / 3], [34, 33, 33]),
        ([0.125] * 8, [13, 13, 13, 13, 12, 12, 12, 12]),
        ([1.0, 0.0], [100, 0]),
        ([0.0, 0.0], [0, 0]),
        ([], []),
    ],
)
def test_shares_of_one_whole_add_up_to_100(shares: list[float], want: list[int]):
    assert list(round_parts(shares)) == want


def test_a_share_that_is_shown_elsewhere_too_is_rounded_by_itself_and_the_others_share_the_rest():
    # 33.5 alone is 34; by largest remainders of three halves it would be the last to be rounded up.
    assert round_parts([0.335, 0.33, 0.335], alone=2) == (33, 33, 34)
    assert round_parts([0.005, 0.005, 0.99], alone=0) == (1, 0, 99)
    assert round_parts([0.002, 0.003, 0.995], alone=2) == (0, 0, 100)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12).filter(any), st.integers(0, 3), st.booleans())
def test_parts_add_up_and_none_is_off_by_one_step_or_more(counts: list[int], digits: int, own: bool):
    shares = [count / sum(counts) for count in counts]
    found = round_parts(shares, digits, alone=len(shares) - 1 if own else None)
    step = Decimal(1).scaleb(-digits)
    assert sum(Decimal(repr(part)).quantize(step) for part in found) == 100
    for share, part in zip(shares, found, strict=True):
        assert part >= 0
        assert abs(part - 100 * share) < (2.0 if own else 1.0) * float(step) + 1e-6
    if own:
        want = Decimal(shares[-1] * 100).quantize(step, ROUND_HALF_UP)
        assert abs(Decimal(repr(found[-1])) - want) <= (
            0 if abs(Decimal(shares[-1] * 100) - want) < step * Decimal("0.499") else step
        )


def test_both_languages_divide_100_alike(tmp_path):
    random = np.random.default_rng(1)
    lists = [list(random.dirichlet(np.ones(n))) for n in range(1, 9) for _ in range(30)] + [[0.125] * 8, [1 / 3] * 3]
    script = tmp_path / "parts.mjs"
    script.write_text(
        f'import {{ together }} from "{HERE.as_posix()}/js/core/encoding.js";\n'
        f"console.log(JSON.stringify({json.dumps(lists)}.map((list) => [together(list), together(list, list.length - 1)])));"
    )
    done = subprocess.run([node(), str(script)], capture_output=True, text=True, check=True, timeout=60)
    for shares, (plain, own) in zip(lists, json.loads(done.stdout), strict=True):
        assert (plain, own) == (list(round_parts(shares)), list(round_parts(shares, alone=len(shares) - 1)))
