"""A trace survives as bytes bit for bit, in the smaller of two forms; all other bytes are refused."""

from __future__ import annotations

import json
import re
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnviz.backends import wire
from attnviz.backends.wire import arrays
from attnviz.backends.wire.limits import AnswerLimits
from attnviz.engine import verify
from attnviz.engine.layers import Projections, RemoteWeights
from attnviz.engine.trace import Trace
from attnviz.errors import AnswerError, AttnvizError
from attnviz.types import HeadRef
from tests.fuzz import amounts, check_promise, example_count
from tests.wires import every, identical, one, projections, same

TRACES = every()
SMALL = wire.dumps(TRACES["written by an encoder-decoder"])
VECTORS = wire.dumps(TRACES["vectors"])


@pytest.mark.parametrize("kind", TRACES)
def test_a_trace_keeps_its_weights_bit_for_bit(kind: str):
    assert same(TRACES[kind], wire.loads(wire.dumps(TRACES[kind])))


@pytest.mark.parametrize("kind", TRACES)
def test_a_whole_trace_is_unchanged(kind: str):
    assert identical(TRACES[kind], wire.loads(wire.dumps(TRACES[kind], full=True)))


@pytest.mark.parametrize("kind", TRACES)
def test_a_received_trace_can_be_sent_again(kind: str):
    arrived = wire.loads(wire.dumps(TRACES[kind]))

    assert identical(arrived, wire.loads(wire.dumps(arrived)))


def test_equal_traces_make_equal_bytes():
    assert wire.dumps(every()["written by an encoder-decoder"]) == SMALL


def test_weights_are_sent_up_to_the_length_where_queries_and_keys_are_smaller():
    # 6 heads: weights are 6 n n numbers; queries and keys 6 n 4 + 3 n 4 = 36 n of them, which is less from n = 7 on.
    kinds = {n: type(wire.loads(wire.dumps(one((projections(n, n),), n))).parts[0].calls[0]) for n in (6, 7)}
    # Of a causal trace half the weights are enough: 3 n n against 36 n.
    causal = {n: type(wire.loads(wire.dumps(one((projections(n, n, causal=True),), n))).parts[0].calls[0]) for n in (12, 13)}

    assert kinds == {6: RemoteWeights, 7: Projections}
    assert causal == {12: RemoteWeights, 13: Projections}


def test_values_are_sent_only_with_the_whole_trace():
    call = wire.loads(VECTORS).parts[0].calls[0]

    assert (call.value, call.output) == (None, None)
    assert wire.loads(VECTORS).parts[0].difference(0, 0) is None


def test_the_server_s_comparison_is_sent_with_its_weights():
    trace = TRACES["matrices"]

    arrived = wire.loads(wire.dumps(trace)).parts[0]

    assert isinstance(arrived.calls[1], RemoteWeights)
    assert [arrived.difference(1, head) for head in range(6)] == [trace.parts[0].difference(1, head) for head in range(6)]


def test_a_long_text_without_kernel_outputs_counts_as_not_compared():
    check = verify.against_kernel(wire.loads(VECTORS), [HeadRef(0, 0)])

    assert (check.ok, check.heads) == (False, 0)
    assert check.note.startswith("Not checked: for a long text, the other machine sends queries and keys")


def test_a_mask_that_layers_share_is_sent_once_and_shared_again():
    calls = wire.loads(wire.dumps(TRACES["a shared mask"], full=True)).parts[0].calls

    assert calls[0].mask is calls[2].mask
    assert calls[0].mask.tolist() == np.tril(np.ones((5, 5), bool)).tolist()


def test_received_arrays_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        wire.loads(SMALL).block("decoder").calls[0].array[0, 0, 0] = 1.0


def test_sixteen_bit_numbers_need_about_two_bytes():
    trace = TRACES["rounded to 16 bits"]

    header, planes = arrays.pack(trace.parts[0].calls[0].query)

    assert [len(plane) for plane in planes] == list(header.sizes)
    assert sum(header.sizes[:2]) < 0.02 * header.nbytes
    assert header.nbytes == 4 * 6 * 40 * 2


@amounts(200, 3000)
def test_random_bytes_are_refused(examples: int):
    def promise(data: bytes) -> None:
        with pytest.raises(AnswerError):
            wire.loads(data)

    check_promise(examples, st.binary(max_size=600) | st.binary(max_size=600).map(lambda data: signed(data)), promise)


@given(st.integers(0, len(SMALL) - 1))
@settings(max_examples=example_count(150), deadline=None)
def test_a_truncated_answer_is_refused(length: int):
    with pytest.raises(AnswerError):
        wire.loads(SMALL[:length])


@given(st.sampled_from([SMALL, VECTORS]), st.integers(0, 2**20), st.integers(0, 7))
@settings(max_examples=example_count(200), deadline=None)
def test_an_answer_with_a_flipped_bit_is_refused(data: bytes, at: int, bit: int):
    changed = bytearray(data)
    changed[at % len(data)] ^= 1 << bit
    with pytest.raises(AnswerError):
        wire.loads(changed)


def signed(content: bytes) -> bytes:
    """An answer with any content and a valid digest, as only an attacker makes it."""
    return wire.MAGIC + wire.digest(content) + content


def forged(data: bytes, change: object) -> bytes:
    """An answer with a changed header and a valid digest."""
    (length,) = struct.unpack("<I", data[20:24])
    header = json.loads(data[24 : 24 + length])
    change(header)  # type: ignore[operator]
    header_bytes = json.dumps(header).encode()
    return signed(struct.pack("<I", len(header_bytes)) + header_bytes + data[24 + length :])


@pytest.mark.slow
@amounts(200, 4000)
def test_a_changed_answer_with_a_valid_digest_is_harmless(examples: int):
    def promise(case: tuple[bytes, int, bytes]) -> None:
        data, at, piece = case
        at %= len(data) - 20
        content = data[20:]
        try:
            found = wire.loads(signed(content[:at] + piece + content[at + len(piece) :]), max_bytes=2**20)
        except AnswerError:
            return
        use(found)

    cases = st.tuples(st.sampled_from([SMALL, VECTORS]), st.integers(0, 2**20), st.binary(min_size=1, max_size=8))
    check_promise(examples, cases, promise)


def use(trace: Trace) -> None:
    """Ask everything of a trace that can be an answer; it may refuse, by an error of ours."""
    bounds = AnswerLimits.of(trace.request, None, 2**20)
    try:
        bounds.check(trace)
    except AnswerError:
        return
    for block in trace.parts:
        assert max(len(block.queries), len(block.keys)) <= bounds.tokens
        assert 4 * len(block.queries) * len(block.keys) <= 2**20
        for token in block.queries + block.keys:
            assert token.segment or token.start <= token.end <= len(trace.request.text)
    for block in trace.parts:
        for layer, call in enumerate(block.calls):
            try:
                block.weights(layer)
                block.rows([0])
                block.sink(layer, 0)
                block.difference(layer, call.heads - 1)
            except AttnvizError:
                pass
    assert isinstance(trace.causal, bool)
    assert trace.note is not None


def places(value: object, path: tuple = ()) -> list[tuple]:
    """The path to everything in a header."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


HEADER = json.loads(SMALL[24 : 24 + struct.unpack("<I", SMALL[20:24])[0]])
PLACES = places(HEADER)[1:]
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 70), st.integers(), st.floats(), st.text(max_size=5), st.just("\ud800"),
    st.just([]), st.just({}), st.just([[]]), st.just("f8"), st.just("projections"),
)  # fmt: skip


@pytest.mark.slow
@amounts(400, 5000)
def test_a_changed_header_with_a_valid_digest_is_harmless(examples: int):
    def promise(case: tuple[tuple, object]) -> None:
        place, value = case

        def change(header: dict) -> None:
            at = header
            for key in place[:-1]:
                at = at[key]
            at[place[-1]] = value

        try:
            found = wire.loads(forged(SMALL, change), max_bytes=2**20)
        except AnswerError:
            return
        use(found)

    check_promise(examples, st.tuples(st.sampled_from(PLACES), ODD), promise)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.pop("digest"), "missing required field `digest`"),
        (lambda h: h.update(more=1), "unknown field `more`"),
        (lambda h: h.update(blocks=[]), "of length >= 1 - at `$.blocks`"),
        (lambda h: h.update(blocks=h["blocks"][:1] * 2), "each of them once"),
        (lambda h: h["blocks"][0].update(name="side"), "Invalid enum value 'side'"),
        (lambda h: h["blocks"][0].update(keys=1), "must have the shape"),
        (lambda h: h["blocks"][0].update(queries=9), "from 0 to below 2"),
        (lambda h: h["blocks"][0].update(queries=True), "Expected `int`, got `bool` - at `$.blocks[0].queries`"),
        (lambda h: h["arrays"][0].__setitem__(1, [6, 8, 3]), "sizes that its shape needs"),
        (lambda h: h["arrays"][0].__setitem__(1, [6, 8, 2**40]), "Expected `int` <= 2147483647 - at `$.arrays[0][1][2]`"),
        (lambda h: h["arrays"][0].__setitem__(1, [1] * 5), "of length <= 4 - at `$.arrays[0][1]`"),
        (lambda h: h["arrays"][1].__setitem__(2, True), "Only square matrices"),
        (lambda h: h["arrays"][0][3].__setitem__(3, 0), "sizes that its shape needs"),
        (lambda h: h["arrays"].pop(), "must fill"),
        (lambda h: h["request"].pop(), "of at least length 3, got 2 - at `$.request`"),
        (lambda h: h["blocks"][0]["layers"][0].update(scale=1e30), "Expected `float` <= 10000.0"),
        (lambda h: h["blocks"][0]["layers"][0].update(scale=10**400), "Number out of range"),
        (lambda h: h["blocks"][0]["layers"][0].update(softcap=1e-320), "A cap of scores is at least"),
        (lambda h: h["request"].__setitem__(1, "\ud800"), "JSON"),
    ],
)
def test_a_forged_header_is_refused_with_the_reason(change: object, message: str):
    with pytest.raises(AnswerError, match=re.escape(message)):
        wire.loads(forged(SMALL, change))


def test_a_header_that_nests_too_deep_is_refused():
    header_bytes = b"[" * 100_000
    with pytest.raises(AnswerError, match="The header of an answer is JSON"):
        wire.loads(signed(struct.pack("<I", len(header_bytes)) + header_bytes))


def test_a_small_answer_that_claims_a_large_array_allocates_nothing():
    plane = zlib.compress(bytes(1000))[2:-4]
    layer = {"kind": "dense", "weights": 0, "precision": "float32"}
    block = {"name": "self", "queries": 0, "keys": 0, "numbers": [], "note": "", "layers": [layer]}
    content = {
        "request": ["minilm", "a", None], "digest": "", "written": None, "batched": False, "sides": [[["a", "a", 0, 1, 0, 0]]],
        "arrays": [["f4", [1, 1, 2**28], False, [len(plane)] * 4]], "blocks": [block],
    }  # fmt: skip
    header = json.dumps(content).encode()
    data = signed(struct.pack("<I", len(header)) + header + plane * 4)
    tracemalloc.start()
    try:
        with pytest.raises(AnswerError, match="sizes that its shape needs"):
            wire.loads(data, max_bytes=2**31)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_arrays_beyond_the_limit_are_refused_before_allocation():
    # 2 layers: queries 6 * 60 * 1, keys 3 * 60 * 1, of 4 bytes each.
    assert same(TRACES["vectors"], wire.loads(VECTORS, max_bytes=2 * 4 * (360 + 180)))
    with pytest.raises(AnswerError, match=r"may hold 4,319 bytes; this one says 4,320"):
        wire.loads(VECTORS, max_bytes=2 * 4 * (360 + 180) - 1)


@pytest.mark.parametrize("plane", [b"\x3f" * 59, b"\x3f" * 61, b""])
def test_a_plane_that_inflates_to_something_else_is_refused(plane: bytes):
    small = zlib.compress(plane, wbits=-15)
    header = arrays.ArrayHeader("b1", (480,), False, (len(small),))  # 480 bits are 60 bytes

    with pytest.raises(AnswerError, match="must inflate to 60 bytes"):
        arrays.unpack(header, memoryview(small))


def test_a_plane_that_cannot_be_inflated_is_refused():
    header = arrays.ArrayHeader("b1", (480,), False, (4,))

    with pytest.raises(AnswerError, match="cannot be inflated"):
        arrays.unpack(header, memoryview(b"\xff\xff\xff\xff"))
