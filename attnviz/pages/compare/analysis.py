"""Pins, panels and the traces that they need in; what each panel shows, and one link followed through all of them, out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from attnviz.analysis import compare, view
from attnviz.analysis.compare import Difference
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.types import AttentionRequest, HeadRef, Pattern, Token, Unit, unknown_mark
from attnviz.view_state import Panel, Pin, TokenSelection, ViewOptions

NOTHING_SHARED = "These texts have no words that stand for each other, so there is nothing to lay over each other."


@dataclass(frozen=True, eq=False)
class Shown:
    """One panel: `kind` is "" for a pin, else how it is made of its pins. `pattern` is None where `problem` says why.

    `numbers` are those of its pins, from 1; `queries` and `keys` the tokens that its units count.
    """

    pins: tuple[Pin, ...]
    numbers: tuple[int, ...]
    kind: str = ""
    pattern: Pattern | Difference | None = None
    queries: tuple[Token, ...] = ()
    keys: tuple[Token, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Followed:
    """One link as a panel has it: the words at both ends as they are written there, and the exact weight or difference."""

    query: str
    key: str
    weight: float


def of_layer(request: AttentionRequest, head: HeadRef, heads: int) -> tuple[Pin, ...]:
    """Every head of one layer as a pin."""
    return tuple(Pin(request, replace(head, head=number)) for number in range(heads))


def shown(
    pins: Sequence[Pin], panels: Sequence[Panel], traces: Mapping[AttentionRequest, Trace | str], options: ViewOptions
) -> tuple[Shown, ...]:
    """Every panel, pins first. `traces` has, for each request, its trace, or the sentence that says why there is none."""
    found = [_pinned(pin, number, traces[pin.request], options) for number, pin in enumerate(pins, start=1)]
    return (*found, *(_made(panel, pins, found, traces, options) for panel in panels if max(panel.of) < len(pins)))


def _pinned(pin: Pin, number: int, trace: Trace | str, options: ViewOptions) -> Shown:
    """The panel of one pin."""
    try:
        if isinstance(trace, str):
            return Shown((pin,), (number,), problem=trace)
        block = trace.block(pin.head.block)
        pattern = pattern_of(pin, trace, options)
    except AttnvizError as error:
        return Shown((pin,), (number,), problem=str(error))
    return Shown((pin,), (number,), "", pattern, block.queries, block.keys)


def pattern_of(pin: Pin, trace: Trace, options: ViewOptions) -> Pattern:
    """What a pin shows: one head, or all heads of its layer."""
    return view.layer_pattern(trace, pin.head, options, pin.over) if pin.over else view.pattern(trace, pin.head, options)


def _made(
    panel: Panel,
    pins: Sequence[Pin],
    found: Sequence[Shown],
    traces: Mapping[AttentionRequest, Trace | str],
    options: ViewOptions,
) -> Shown:
    """A difference, sum or mean of panels; of two models always by words, because they cut a text differently."""
    own = tuple(pins[at] for at in panel.of)
    numbers = tuple(at + 1 for at in panel.of)
    for at in panel.of:
        if found[at].pattern is None:
            return Shown(own, numbers, panel.kind, problem=f"This needs panel {at + 1}, which is not here.")
    words = options if len({pin.request.model for pin in own}) == 1 else replace(options, words=True)
    patterns = [pattern_of(pin, trace, words) for pin in own if not isinstance(trace := traces[pin.request], str)]
    made = compare.difference(*patterns) if panel.kind == "difference" else compare.combined(panel.kind, patterns)
    if not made.weights.size:
        return Shown(own, numbers, panel.kind, problem=NOTHING_SHARED)
    first = found[panel.of[0]]
    return Shown(own, numbers, panel.kind, made, first.queries, first.keys)


def held_token(focus: TokenSelection, tokens: Sequence[Token]) -> int | None:
    """The token that a focus means; None where this text has none there."""
    for at, token in enumerate(tokens):
        inside = at == focus.start if token.special else token.start <= focus.start < token.end
        if token.special == focus.special and inside and (token.special or token.segment == focus.segment):
            return at
    return None


def followed(
    panels: Sequence[Shown],
    focus: TokenSelection | None,
    base: tuple[Sequence[Token], Sequence[Token]],
    chosen: Pin | None = None,
) -> tuple[Followed | None, ...]:
    """The held word's strongest link in the chosen head's panel, else in the first that has the word, as every panel has it.

    None where a panel lacks one of its words. `base` are the queries and keys that `focus` counts. Several held words are
    summed. The far end is a word: neither a special token nor the held word itself.
    """
    if focus is None:
        return (None,) * len(panels)
    near, anchors = _anchors(focus, base)
    far = 1 - near
    able = [panel for panel in panels if _line(panel, anchors, base[near], near)[0] is not None]
    first = next((panel for panel in able if chosen and _same(panel, chosen)), able[0] if able else None)
    if first is None:
        return (None,) * len(panels)
    line, places = _line(first, anchors, base[near], near)
    units = _units(first)[far]
    cross = first.queries != first.keys
    order = [int(at) for at in np.argsort(-line, kind="stable")] if line is not None else []
    mate = next((at for at in order if not units[at].special and (cross or at not in places)), None)
    if mate is None:
        return (None,) * len(panels)
    token = units[mate].tokens[0]
    sides = (first.queries, first.keys)
    return tuple(_followed(panel, anchors, base[near], near, token, sides[far]) for panel in panels)


def held_rows(
    panels: Sequence[Shown], focus: TokenSelection | None, base: tuple[Sequence[Token], Sequence[Token]]
) -> tuple[tuple[int, ...], ...]:
    """The rows of the held words in every panel; none where a panel lacks them, or where the words are looked at."""
    if focus is None or focus.side != "query":
        return ((),) * len(panels)
    near, anchors = _anchors(focus, base)
    return tuple(_line(panel, anchors, base[near], near)[1] for panel in panels)


def heads(pin: Pin, trace: Trace | str | None) -> int:
    """How many heads a pin's layer has; 0 where there is no trace, or none of that layer."""
    if not isinstance(trace, Trace) or pin.head.block not in trace.blocks:
        return 0
    calls = trace.block(pin.head.block).calls
    return calls[pin.head.layer].heads if pin.head.layer < len(calls) else 0


def most(panel: Shown, heads: Callable[[Pin], int]) -> float:
    """The largest sum that a row of a panel can have: 1 for a head or a mean, more for a sum. `heads` counts a pin's layer."""
    each = [float(heads(pin)) if pin.over == "sum" else 1.0 for pin in panel.pins]
    return sum(each) if panel.kind == "sum" else max(each)


def _anchors(focus: TokenSelection, base: tuple[Sequence[Token], Sequence[Token]]) -> tuple[int, list[int]]:
    """The side that is held, 0 for queries and 1 for keys, and the held tokens."""
    near = 0 if focus.side == "query" else 1
    held = [held_token(one, base[near]) for one in (focus, *focus.also)]
    return near, [token for token in held if token is not None]


def _same(panel: Shown, pin: Pin) -> bool:
    """Whether a panel shows one head, that of `pin`."""
    return not panel.kind and replace(panel.pins[0], name="") == replace(pin, name="")


def _followed(
    panel: Shown, anchors: Sequence[int], held: Sequence[Token], near: int, mate: int, mates: Sequence[Token]
) -> Followed | None:
    """One link in one panel."""
    line, places = _line(panel, anchors, held, near)
    if line is None or panel.pattern is None:
        return None
    far = 1 - near
    token = compare.counterpart(mate, mates, (panel.queries, panel.keys)[far])
    at = None if token is None else _unit_with(_units(panel)[far], token)
    if at is None:
        return None

    def named(side: int, place: int) -> str:
        mark = unknown_mark(_units(panel)[side][place])
        return f"{labels[side][place]} {mark}" if mark else labels[side][place]

    labels = (panel.pattern.queries, panel.pattern.keys)
    ends = {near: " + ".join(named(near, place) for place in places), far: named(far, at)}
    return Followed(ends[0], ends[1], float(line[at]))


def _line(panel: Shown, anchors: Sequence[int], held: Sequence[Token], near: int) -> tuple[np.ndarray | None, tuple[int, ...]]:
    """What the held words give or get in a panel, summed, and their rows or columns; None where it has none of them."""
    if panel.pattern is None:
        return None, ()
    tokens = [compare.counterpart(token, held, (panel.queries, panel.keys)[near]) for token in anchors]
    units = _units(panel)[near]
    found = [_unit_with(units, token) for token in tokens if token is not None]
    places = tuple(dict.fromkeys(place for place in found if place is not None))
    if not places:
        return None, ()
    weights = panel.pattern.weights if near == 0 else panel.pattern.weights.T
    return weights[list(places)].sum(0), places


def _units(panel: Shown) -> tuple[tuple[Unit, ...], tuple[Unit, ...]]:
    """The units of a panel's rows and of its columns."""
    return (panel.pattern.query_units, panel.pattern.key_units) if panel.pattern is not None else ((), ())


def _unit_with(units: Sequence[Unit], token: int) -> int | None:
    """The unit that holds a token; None where it is hidden."""
    return next((at for at, unit in enumerate(units) if token in unit.tokens), None)
