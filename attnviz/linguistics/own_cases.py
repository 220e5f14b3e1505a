"""The cases of a claim on a file of one's own, one row each, as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from attnviz.linguistics.own_atlas import OwnAtlas
from attnviz.types import HeadRef

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet reads a cell that begins so as a formula


def cases(atlas: OwnAtlas, head: HeadRef, relation: str, direction: str = "dh") -> list[dict[str, Any]]:
    """Return one row for each link or question that the claim counts: words, what the head chose, and the half it counts in."""
    found = []
    for ordinal, text, case in atlas.cases(relation, direction):
        whole, choice = text.text.text, text.choice(case, head)
        found.append(
            {
                "id": text.text.id, "text": whole, "relation": case.relation or None,
                "direction": direction if case.relation else None,
                "word": whole[slice(*case.source)], "word_start": case.source[0],
                "right_word": whole[slice(*case.target)], "right_start": case.target[0],
                "looks_at": None if choice is None else whole[slice(*choice)],
                "looks_at_start": None if choice is None else choice[0],
                "right": bool(text.hits(case)[head.layer, head.head]),
                "half": "chosen on" if ordinal % 2 == 0 else "held out",
            }
        )  # fmt: skip
    return found


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return rows as a table in UTF-8, first the names of the columns; spreadsheets read no text in it as a formula."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(rows[0] if rows else ())
    for row in rows:
        table.writerow([f"'{cell}" if isinstance(cell, str) and cell[:1] in FORMULA else cell for cell in row.values()])
    return out.getvalue().encode("utf-8", "backslashreplace")


def as_json(facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], name: str = "cases") -> bytes:
    """Return facts and rows, the rows under a name, as one object."""
    return json.dumps({**facts, name: list(rows)}, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
