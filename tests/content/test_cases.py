"""The table of cases in the docs names tests that are there, and says what it promises: at least ten cases beyond reports."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [line for line in (ROOT / "docs" / "cases.md").read_text().splitlines() if line.startswith("| ")]


def test_every_case_names_a_file_of_tests_that_is_there():
    cases = [row for row in ROWS if not row.startswith("| what people hit")]
    for row in cases:
        named = re.findall(r"(?:unit|app|browser|parity|content|js)/\w+", row.rsplit("|", 2)[1])
        assert named, row
        for name in named:
            assert [*(ROOT / "tests").glob(f"{name}.py"), *(ROOT / "tests").glob(f"{name}.test.mjs")], name


def test_at_least_ten_cases_were_found_here():
    assert sum("★" in row for row in ROWS) >= 10
