"""Weights in thousandths: JavaScript reads exactly what Python rounded, and refuses bytes that are damaged."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

import attnviz
from attnviz import board
from attnviz.board.thousandths import deflated
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Projections
from attnviz.engine.trace import Trace
from attnviz.types import AttentionRequest, HeadRef, Token
from tests.unit.test_board_frame import node, read

HERE = Path(board.__file__).parent
TEXT = (
    "The ferry left the island at noon with nine passengers, two goats and a piano that nobody had asked for. Halfway across, "
    "the captain noticed that the piano was slowly sliding, so she told the boy who was tuning it to sit down beside it."
)
EVEN = 0.0005 + 6e-8  # half a thousandth, and float32's own rounding of a number up to 1


def rounded(weights: np.ndarray) -> np.ndarray:
    """Weights as whole thousandths."""
    return np.rint(weights.astype(np.float64) * 1000).astype(np.uint16)


def rows(*shape: int, power: float, causal: bool = False) -> np.ndarray:
    """Random rows that sum to 1: the higher the power, the fewer weights take most of them."""
    raw = np.random.default_rng(11).uniform(0.01, 1, size=shape) ** power
    raw = np.tril(raw) if causal else raw
    return raw / raw.sum(-1, keepdims=True)


def windowed(heads: int, n: int, width: int) -> np.ndarray:
    """Each query sees only the `width` keys up to itself, as under a sliding window, and divides itself evenly."""
    seen = np.tri(n, dtype=bool) & ~np.tri(n, k=-width, dtype=bool)
    return np.broadcast_to(seen / seen.sum(1, keepdims=True), (heads, n, n)).copy()


CASES = {
    "random": (rows(5, 23, 23, power=1), False),
    "spiky": (rows(6, 31, 31, power=40), False),
    "one key takes all": (np.broadcast_to(np.eye(29), (3, 29, 29)).copy(), False),
    "uniform": (np.full((4, 37, 37), 1 / 37), False),
    "one token": (np.ones((4, 1, 1)), False),
    "two tokens": (rows(1, 2, 2, power=3), False),
    "causal": (rows(5, 33, 33, power=5, causal=True), True),
    "one token, causal": (np.ones((2, 1, 1)), True),
    "cross, few queries": (rows(3, 4, 41, power=3), False),
    "cross, few keys": (rows(3, 41, 4, power=3), False),
    "masked out": (windowed(3, 27, 5), True),
    "a head that is not there": (np.concatenate([rows(2, 19, 19, power=4), np.zeros((1, 19, 19))]), False),
    "smallest and largest": (np.array([[[1, 0, 0], [0.0005001, 0.9994999, 0], [0.0004999, 0.0004999, 0.9990002]]]), False),
}

READS = """
import { readFileSync } from "node:fs";
import { inflated } from "%(here)s/js/core/store.js";
import { decode, makeBook, tokenWeights } from "%(here)s/js/core/frame.js";
import { thousandths } from "%(here)s/js/core/thousandths.js";
const out = {};
for (const [name, { hex, shape, heads }] of Object.entries(JSON.parse(readFileSync("%(file)s", "utf8")))) {
  try {
    const frame = decode(await inflated(Uint8Array.from(Buffer.from(hex, "hex"))));
    const book = makeBook(frame);
    out[name] = {
      steps: heads.map((head) => Array.from(thousandths(frame.numbers, head, shape))),
      weights: heads.map((n) => Array.from(tokenWeights(book, Math.floor(n / frame.heads), n %% frame.heads))),
    };
  } catch (error) {
    out[name] = { error: error.message };
  }
}
console.log(JSON.stringify(out));
"""


def in_javascript(jobs: dict[str, dict], folder: Path) -> dict[str, dict]:
    """What the board's JavaScript reads of each job's bytes, or its error message."""
    file, script = folder / "jobs.json", folder / "read.mjs"
    file.write_text(json.dumps(jobs))
    script.write_text(READS % {"here": HERE.as_posix(), "file": file.as_posix()})
    done = subprocess.run([node(), str(script)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bytes_of(data: bytes, weights: np.ndarray, causal: bool) -> bytes:
    """A frame around deflated weights."""
    count, many, keys = weights.shape
    side = [{"tokens": [["w", i, i + 1, 0, 0] for i in range(n)], "words": [], "pieces": []} for n in (many, keys)]
    header = {
        "kind": "frame", "layers": 1, "heads": count, "causal": causal, "queries": side[0], "keys": side[1],
        "whole": True, "dtype": "thousandths",
    }  # fmt: skip
    head = json.dumps(header).encode()
    start = b"ATZ1" + bytes(16) + len(head).to_bytes(4, "little") + head
    return start + bytes(-len(start) % 4) + data


def job(data: bytes, weights: np.ndarray, causal: bool, heads: list[int] | None = None) -> dict:
    """Bytes to be read as heads of this shape, in the order of `heads`."""
    count, many, keys = weights.shape
    shape = {"heads": count, "rows": many, "columns": keys, "causal": causal}
    return {
        "hex": bytes_of(data, weights, causal).hex(),
        "shape": shape,
        "heads": list(range(count)) if heads is None else heads,
    }


def test_javascript_reads_every_thousandth_that_python_wrote(tmp_path: Path):
    jobs = {name: job(deflated([weights], causal), weights, causal) for name, (weights, causal) in CASES.items()}
    found = in_javascript(jobs, tmp_path)
    for name, (weights, _) in CASES.items():
        assert "error" not in found[name], (name, found[name])
        assert np.array_equal(np.array(found[name]["steps"]).reshape(weights.shape), rounded(weights)), name
        assert np.abs(np.array(found[name]["weights"]).reshape(weights.shape) - weights).max() <= EVEN or 0 in weights.sum(
            -1
        ), name


def test_one_head_is_read_without_the_others(tmp_path: Path):
    weights, causal = CASES["random"]
    found = in_javascript({"one": job(deflated([weights], causal), weights, causal, [3])}, tmp_path)
    assert np.array_equal(np.array(found["one"]["steps"]).reshape(23, 23), rounded(weights)[3])


def test_the_same_weights_give_the_same_bytes():
    weights, causal = CASES["spiky"]
    assert deflated([weights], causal) == deflated([weights], causal)


def test_damaged_bytes_are_refused(tmp_path: Path):
    weights = rows(4, 24, 24, power=6)
    whole = deflated([weights], False)
    damaged = {"nothing": b"", "half": whole[: len(whole) // 2], "only ones": b"\xff" * len(whole)}
    damaged["the weights of other heads"] = deflated([weights[:3]], False)
    found = in_javascript({name: job(data, weights, False) for name, data in damaged.items()}, tmp_path)
    assert {name for name, one in found.items() if "error" in one} == set(damaged)


def made_of(trace: Trace, weights: np.ndarray, tmp_path: Path, causal: bool) -> np.ndarray:
    """The weights of all heads as JavaScript has them from the trace's frame."""
    frame = board.frame(trace, name="made")
    assert (frame[:4], read(frame)[0]["dtype"]) == (b"ATZ1", "thousandths")
    _, heads, queries, keys = weights.shape
    shape = {"heads": heads * len(weights), "rows": queries, "columns": keys, "causal": causal}
    found = in_javascript({"frame": {"hex": frame.hex(), "shape": shape, "heads": list(range(shape["heads"]))}}, tmp_path)[
        "frame"
    ]
    return np.array(found["weights"]).reshape(weights.shape)


@pytest.mark.parametrize("model", ["minilm", pytest.param("smollm2", marks=pytest.mark.slow)])
def test_no_weight_of_a_real_model_is_off_by_more_than_half_a_thousandth(model: str, tmp_path: Path):
    trace = attnviz.attend(TEXT, model)
    weights = trace.weights()
    found = made_of(trace, weights, tmp_path, trace.causal)
    assert np.abs(found - weights).max() <= EVEN
    # A row of 50 weights, each rounded by itself, is off by about 0.0003 times the root of 50; nothing is lost on the way.
    assert np.abs(found.sum(-1) - 1).max() <= 0.012
    assert np.abs(found.sum(-1) - 1).mean() <= 0.002


def test_thousandths_take_far_fewer_bytes_than_plain_weights():
    trace = attnviz.attend(TEXT * 2, "minilm")
    frame = board.frame(trace, name="made")
    assert len(frame) <= trace.weights().size * 2 / 4


def words(n: int) -> tuple[Token, ...]:
    """A text of n words."""
    return tuple(Token("w", "w", 2 * i, 2 * i + 1, i) for i in range(n))


def test_a_short_text_travels_as_it_is_and_a_longer_one_in_thousandths():
    kinds = {}
    for n in (36, 37):  # 72 heads: 93,312 and 98,568 weights
        trace = Trace(
            AttentionRequest("made", "w"),
            (Block("self", words(n), words(n), (Dense(rows(72, n, n, power=3).astype(np.float32)),)),),
        )
        kinds[n] = read(board.frame(trace, name="made"))[0]["dtype"]
    assert kinds == {36: "uint16", 37: "thousandths"}


def test_rows_that_a_learned_sink_shortens_travel_as_they_are():
    random = np.random.default_rng(5)
    query, key = (random.normal(size=(16, 60, 8)).astype(np.float32) for _ in range(2))
    call = Projections(query, key, key, 0.35, False, np.zeros_like(query), sinks=np.ones(16, np.float32))
    trace = Trace(AttentionRequest("made", "w"), (Block("self", words(60), words(60), (call,)),))
    assert read(board.frame(trace, name="made"))[0]["dtype"] == "uint16"


def test_a_number_that_is_shown_does_not_change_when_the_exact_weights_arrive(tmp_path: Path):
    trace = attnviz.attend(TEXT, "minilm")
    frame = board.frame(trace, name="made")
    sheet = board.sheet(trace, HeadRef(3, 1), frame)
    assert sheet is not None
    exact = read(sheet)[1].reshape(trace.weights(3, 1).shape)
    assert np.array_equal(exact, trace.weights(3, 1))
    rough = made_of(trace, trace.weights(), tmp_path, False)[3, 1]
    assert [f"{w:.3f}" for w in rough.ravel()] == [f"{float(w):.3f}" for w in exact.ravel()]
