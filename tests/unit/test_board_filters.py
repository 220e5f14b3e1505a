"""One rule in two languages: what the board's modules leave out of random patterns is what Python leaves out, to the cell."""

from __future__ import annotations

import json
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnviz import board
from attnviz.analysis import filters, view
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.types import AttentionRequest, HeadRef, Keep, Token
from attnviz.view_state import BETWEEN, SPECIAL, ViewOptions
from tests.toy_texts import IT_DIDNT
from tests.unit.test_board_frame import HERE, node

RULES = [Keep("least", 0.07), Keep("least", 0.2), Keep("top", 1.0), Keep("top", 4.0), Keep("mass", 0.5), Keep("mass", 0.95)]
# A pair of texts; "didn't" and "wasn't" are three pieces each.
PAIR = (
    *IT_DIDNT,
    Token("It", "it", 0, 2, 0, 1),
    Token("wasn", "wasn", 3, 7, 1, 1),
    Token("'", "'", 7, 8, 1, 1),
    Token("t", "t", 8, 9, 1, 1),
    Token("[SEP]", "[SEP]", 9, 9, None, 1),
)
LEAVES = """
import { readFileSync } from "node:fs";
import { leaveOut } from "%(here)s/js/core/filters.js";
const { rows, keeps } = JSON.parse(readFileSync("%(file)s", "utf8"));
console.log(JSON.stringify(keeps.map((keep) => rows.map((row) => {
  const found = Float32Array.from(row);
  leaveOut(found, keep);
  return Array.from(found, (weight) => weight > 0);
}))));
"""
FILTERS = """
import { readFileSync } from "node:fs";
import { decode } from "%(here)s/js/core/frame.js";
import { filtered } from "%(here)s/js/core/filters.js";
import { merged } from "%(here)s/js/core/pattern.js";
import { notesOf } from "%(here)s/js/core/notes.js";
const { weights, options } = JSON.parse(readFileSync("%(file)s", "utf8"));
const frame = decode(readFileSync("%(frame)s"));
console.log(JSON.stringify(options.map((one) => {
  const found = filtered(merged(Float32Array.from(weights), frame, one), frame, one);
  const [queries, keys] = [found.queries, found.keys].map((units) => units.map((unit) => unit.text));
  const parts = found.parts.map(({ shares }) => Array.from(shares));
  const [shown, hidden] = [found.weights, found.hidden].map((numbers) => Array.from(numbers));
  return { queries, keys, parts, shown, hidden, note: notesOf(found).join(" ") };
})));
"""


def in_javascript(script: str, folder: Path, given: dict[str, Any], **more: str) -> Any:
    """What a script of the board's own modules prints of what it is given."""
    file, program = folder / "given.json", folder / "run.mjs"
    file.write_text(json.dumps(given))
    program.write_text(script % {"here": HERE.as_posix(), "file": file.as_posix(), **more})
    done = subprocess.run([node(), str(program)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def random_rows(count: int, columns: int) -> np.ndarray:
    """Rows that sum to 1, sharp and flat; in every third of them many weights are equal, or 0."""
    random = np.random.default_rng(19)
    rows = random.exponential(size=(count, columns)) ** random.uniform(0.5, 4.0, size=(count, 1))
    rows[::3] = np.floor(5 * random.random(size=rows[::3].shape)) + np.eye(columns)[0]
    return (rows / rows.sum(-1, keepdims=True)).astype(np.float32)


def test_javascript_leaves_out_the_very_cells_that_python_leaves_out(tmp_path: Path):
    rows = random_rows(400, 13)
    keeps = [*RULES, *(Keep("least", value) for value in (0.1, 0.25, 1.0)), Keep("top", 13.0), Keep("mass", 1.0)]
    given = {"rows": rows.astype(float).tolist(), "keeps": [{"rule": keep.rule, "value": keep.value} for keep in keeps]}
    found = in_javascript(LEAVES, tmp_path, given)
    for keep, theirs in zip(keeps, found, strict=True):
        np.testing.assert_array_equal(np.array(theirs), filters.strongest(rows, keep) > 0, err_msg=str(keep))


def as_dict(options: ViewOptions) -> dict[str, Any]:
    """Options as the board has them."""
    keep = options.keep
    rule = None if keep is None else {"rule": keep.rule, "value": keep.value}
    return {"words": options.words, "special": options.special, "between": options.between, "keep": rule}


ALL = [
    ViewOptions(words, special, keep, between)
    for words, special, keep, between in product((True, False), SPECIAL, (None, *RULES), BETWEEN)
]


@pytest.mark.parametrize("tokens", [PAIR, PAIR[:6]], ids=["pair", "one text"])
def test_javascript_shows_what_python_shows_under_every_filter(tokens: tuple[Token, ...], tmp_path: Path):
    n = len(tokens)
    weights = random_rows(2 * n, n).reshape(2, n, n)[1] * 0.999 + 0.001 / n
    weights = (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
    trace = Trace(AttentionRequest("made", "It didn't", "It wasn't"), (Block("self", tokens, tokens, (Dense(weights[None]),)),))
    frame = tmp_path / "frame.bin"
    frame.write_bytes(board.frame(trace, name="made"))
    given = {"weights": weights.astype(float).ravel().tolist(), "options": [as_dict(options) for options in ALL]}
    found = in_javascript(FILTERS, tmp_path, given, frame=frame.as_posix())
    for options, theirs in zip(ALL, found, strict=True):
        ours = view.pattern(trace, HeadRef(0, 0), options)
        assert (tuple(theirs["queries"]), tuple(theirs["keys"])) == (ours.queries, ours.keys), options
        shown = np.array(theirs["shown"]).reshape(ours.weights.shape)
        np.testing.assert_array_equal(shown > 0, ours.weights > 0, err_msg=str(options))
        # Sums of float32 in another order: at most eleven roundings of 6e-8 each.
        np.testing.assert_allclose(shown, ours.weights, atol=1e-6, err_msg=str(options))
        np.testing.assert_allclose(theirs["hidden"], ours.hidden, atol=2e-6, err_msg=str(options))
        if options.special != "renormalise":
            np.testing.assert_allclose(np.sum(theirs["parts"], 0), ours.hidden, atol=2e-6, err_msg=str(options))
        merging = "Words of several pieces are merged: attention to a word is the sum over its pieces, from a word their mean."
        assert theirs["note"] == ours.note.removeprefix(merging).lstrip(), options
