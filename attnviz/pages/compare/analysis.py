"""What each panel of the Compare page shows, and one link followed through all panels."""

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

NOTHING_SHARED = "These texts share no words, so there is nothing to compare."

Traces = Mapping[AttentionRequest, Trace | AttnvizError]  # the error explains why a request has no trace


@dataclass(frozen=True, eq=False)
class ComparePanel:
    """One panel: `kind` is "" for a pin, else how its pins are combined. `pattern` is None if `problem` says why.

    `numbers` are the numbers of its pins, from 1; `queries` and `keys` are the tokens that its units refer to.
    """

    pins: tuple[Pin, ...]
    numbers: tuple[int, ...]
    kind: str = ""
    pattern: Pattern | Difference | None = None
    queries: tuple[Token, ...] = ()
    keys: tuple[Token, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class FollowedLink:
    """One link in one panel: the words at both ends as that text has them, and the exact weight or difference."""

    query: str
    key: str
    weight: float


def layer_pins(request: AttentionRequest, head: HeadRef, head_count: int) -> tuple[Pin, ...]:
    """Return every head of one layer as a pin."""
    return tuple(Pin(request, replace(head, head=number)) for number in range(head_count))


def build_panels(
    pins: Sequence[Pin], panels: Sequence[Panel], traces: Traces, options: ViewOptions
) -> tuple[ComparePanel, ...]:
    """Return every panel, pins first. The pattern of each pin is computed once."""
    found = [_pin_panel(pin, number, traces[pin.request], options) for number, pin in enumerate(pins, start=1)]
    return (*found, *(_combined_panel(panel, pins, found, traces, options) for panel in panels if max(panel.of) < len(pins)))


def _pin_panel(pin: Pin, number: int, trace: Trace | AttnvizError, options: ViewOptions) -> ComparePanel:
    """Return the panel of one pin."""
    try:
        if isinstance(trace, AttnvizError):
            return ComparePanel((pin,), (number,), problem=str(trace))
        block = trace.block(pin.head.block)
        pattern = pattern_of(pin, trace, options)
    except AttnvizError as error:
        return ComparePanel((pin,), (number,), problem=str(error))
    return ComparePanel((pin,), (number,), "", pattern, block.queries, block.keys)


def pattern_of(pin: Pin, trace: Trace, options: ViewOptions) -> Pattern:
    """Return what a pin shows: one head, or all heads of its layer."""
    return view.layer_pattern(trace, pin.head, options, pin.over) if pin.over else view.pattern(trace, pin.head, options)


def _combined_panel(
    panel: Panel,
    pins: Sequence[Pin],
    found: Sequence[ComparePanel],
    traces: Traces,
    options: ViewOptions,
) -> ComparePanel:
    """Return a difference, sum or mean of panels; for two models always by words, because they split a text differently."""
    own = tuple(pins[at] for at in panel.of)
    numbers = tuple(at + 1 for at in panel.of)
    for at in panel.of:
        if found[at].pattern is None:
            return ComparePanel(own, numbers, panel.kind, problem=f"This needs panel {at + 1}, which is not here.")
    words = options if len({pin.request.model for pin in own}) == 1 else replace(options, words=True)
    patterns = [_pattern_again(pins[at], found[at], traces[pins[at].request], words, options) for at in panel.of]
    made = compare.difference(*patterns) if panel.kind == "difference" else compare.combined(panel.kind, patterns)
    if not made.weights.size:
        return ComparePanel(own, numbers, panel.kind, problem=NOTHING_SHARED)
    first = found[panel.of[0]]
    return ComparePanel(own, numbers, panel.kind, made, first.queries, first.keys)


def _pattern_again(
    pin: Pin, panel: ComparePanel, trace: Trace | AttnvizError, wanted: ViewOptions, options: ViewOptions
) -> Pattern:
    """Return the pattern of a pin with the options `wanted`; that of its own panel if these are its `options`."""
    if isinstance(panel.pattern, Pattern) and wanted == options:
        return panel.pattern
    if isinstance(trace, AttnvizError):
        raise trace
    return pattern_of(pin, trace, wanted)


def token_at(focus: TokenSelection, tokens: Sequence[Token]) -> int | None:
    """Return the token that a focus selects; None if this text has none there."""
    for at, token in enumerate(tokens):
        inside = at == focus.start if token.special else token.start <= focus.start < token.end
        if token.special == focus.special and inside and (token.special or token.segment == focus.segment):
            return at
    return None


def follow_selection(
    panels: Sequence[ComparePanel],
    focus: TokenSelection | None,
    base: tuple[Sequence[Token], Sequence[Token]],
    chosen: Pin | None = None,
) -> tuple[FollowedLink | None, ...]:
    """Follow one link through all panels; None for a panel that lacks one of its words.

    The link is the selected word's strongest in the chosen head's panel, else in the first panel that has the word. `base`
    are the queries and keys that `focus` refers to. Several selected words are summed. The other end is a word: not a
    special token and not the selected word itself.
    """
    if focus is None:
        return (None,) * len(panels)
    near, selected = _selected_tokens(focus, base)
    far = 1 - near
    able = [panel for panel in panels if _line(panel, selected, base[near], near)[0] is not None]
    first = next((panel for panel in able if chosen and _is_head(panel, chosen)), able[0] if able else None)
    if first is None:
        return (None,) * len(panels)
    line, places = _line(first, selected, base[near], near)
    units = _units(first)[far]
    cross = first.queries != first.keys
    order = [int(at) for at in np.argsort(-line, kind="stable")] if line is not None else []
    mate = next((at for at in order if not units[at].special and (cross or at not in places)), None)
    if mate is None:
        return (None,) * len(panels)
    token = units[mate].tokens[0]
    sides = (first.queries, first.keys)
    return tuple(_followed_link(panel, selected, base[near], near, token, sides[far]) for panel in panels)


def selected_rows(
    panels: Sequence[ComparePanel], focus: TokenSelection | None, base: tuple[Sequence[Token], Sequence[Token]]
) -> tuple[tuple[int, ...], ...]:
    """Return the rows of the selected words in every panel; none if a panel does not have them, or if columns are selected."""
    if focus is None or focus.side != "query":
        return ((),) * len(panels)
    near, selected = _selected_tokens(focus, base)
    return tuple(_line(panel, selected, base[near], near)[1] for panel in panels)


def head_count(pin: Pin, trace: Trace | AttnvizError | None) -> int:
    """Return how many heads a pin's layer has; 0 if there is no trace or no such layer."""
    if not isinstance(trace, Trace) or pin.head.block not in trace.blocks:
        return 0
    calls = trace.block(pin.head.block).calls
    return calls[pin.head.layer].heads if pin.head.layer < len(calls) else 0


def largest_row_sum(panel: ComparePanel, head_count: Callable[[Pin], int]) -> float:
    """Return the largest sum that a row of a panel can have: 1 for a head or a mean, more for a sum.

    `head_count` returns the number of heads in a pin's layer.
    """
    each = [float(head_count(pin)) if pin.over == "sum" else 1.0 for pin in panel.pins]
    return sum(each) if panel.kind == "sum" else max(each)


def _selected_tokens(focus: TokenSelection, base: tuple[Sequence[Token], Sequence[Token]]) -> tuple[int, list[int]]:
    """Return the selected side, 0 for queries and 1 for keys, and the selected tokens."""
    near = 0 if focus.side == "query" else 1
    found = [token_at(one, base[near]) for one in (focus, *focus.also)]
    return near, [token for token in found if token is not None]


def _is_head(panel: ComparePanel, pin: Pin) -> bool:
    """Return whether a panel shows one head, that of `pin`."""
    return not panel.kind and replace(panel.pins[0], name="") == replace(pin, name="")


def _followed_link(
    panel: ComparePanel, selected: Sequence[int], base_tokens: Sequence[Token], near: int, mate: int, mates: Sequence[Token]
) -> FollowedLink | None:
    """Return one link in one panel."""
    line, places = _line(panel, selected, base_tokens, near)
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
    return FollowedLink(ends[0], ends[1], float(line[at]))


def _line(
    panel: ComparePanel, selected: Sequence[int], base_tokens: Sequence[Token], near: int
) -> tuple[np.ndarray | None, tuple[int, ...]]:
    """Return the selected words' weights in a panel, summed, and their rows or columns; None if it has none of them."""
    if panel.pattern is None:
        return None, ()
    tokens = [compare.counterpart(token, base_tokens, (panel.queries, panel.keys)[near]) for token in selected]
    units = _units(panel)[near]
    found = [_unit_with(units, token) for token in tokens if token is not None]
    places = tuple(dict.fromkeys(place for place in found if place is not None))
    if not places:
        return None, ()
    weights = panel.pattern.weights if near == 0 else panel.pattern.weights.T
    return weights[list(places)].sum(0), places


def _units(panel: ComparePanel) -> tuple[tuple[Unit, ...], tuple[Unit, ...]]:
    """Return the units of a panel's rows and of its columns."""
    return (panel.pattern.query_units, panel.pattern.key_units) if panel.pattern is not None else ((), ())


def _unit_with(units: Sequence[Unit], token: int) -> int | None:
    """Return the unit that holds a token; None if it is hidden."""
    return next((at for at, unit in enumerate(units) if token in unit.tokens), None)
