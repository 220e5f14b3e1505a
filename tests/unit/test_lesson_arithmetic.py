"""Sums in lessons: what is computed, and what is refused."""

from __future__ import annotations

import pytest

from attnviz.errors import BadInputError
from attnviz.teaching import arithmetic


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2*1 + 0*3 + 1*(-1)", 1.0),
        ("17 / sqrt(32)", 3.00520),
        ("exp(3) / (exp(3) + exp(1) + exp(1))", 0.78699),
        (" 2 ** 3 - +1 ", 7.0),
        ("log(8) / log(2)", 3.0),
    ],
)
def test_a_sum_comes_to_its_value(expression: str, value: float):
    assert arithmetic.value(expression) == pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize(
    "expression",
    [
        "", "x", "1 +", "1 / 0", "log(0)", "sqrt(-1)", "exp(999)", "9 ** 9 ** 9 ** 9", "1e400", "True", "'a' * 9", "open('x')",
        "exp(1, 2)", "exp(x=1)", "(1).real", "[1]", "1 if 1 else 2", "__import__('os')", "1 << 9", "(-8) ** 0.5", "1j", "\0",
        "1" * 201, "(" * 150,
    ],
)  # fmt: skip
def test_anything_else_is_refused(expression: str):
    with pytest.raises(BadInputError, match="A sum has"):
        arithmetic.value(expression)
