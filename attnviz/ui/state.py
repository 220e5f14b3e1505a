"""URL and session in, the Selection out: the only place that decides what this reader looks at.

The Selection in the session is the truth. Widgets are filled from it before they are drawn and change it by callbacks;
the URL is written from it. A link, or a step back in the browser, is read when the URL is not what we wrote last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import streamlit as st

from attnviz.board.tray import Tray, TrayPin, key, rebuilt
from attnviz.models import catalog
from attnviz.selection import PARAMETERS, PINS, Selection
from attnviz.text import words
from attnviz.types import AttentionRequest, HeadRef, Link, ModelCard
from attnviz.view_state import Panel, Pin, TokenSelection

_KEPT, _WRITTEN, _NOTICES, _LEFT = "attnviz_selection", "attnviz_url", "attnviz_notices", "attnviz_left"
_CHANGED = "attnviz_changed"
_AWAY, _SET = "attnviz_away", "attnviz_set"
_FILLED, _GONE = "attnviz_filled", "attnviz_gone"
_OWN, _ASKED = "attnviz_own", "attnviz_asked"
MOMENT = 2.0  # seconds in which a browser on a slow line may still send what a field held before we filled it anew


def current() -> Selection:
    """What the reader looks at now."""
    return st.session_state[_KEPT]


def card() -> ModelCard:
    """The card of the chosen model."""
    return catalog.card(current().request.model)


def read_url() -> None:
    """Take the selection from the URL on a first visit, and whenever the URL was changed by somebody else.

    What comes together with a choice of the reader may be the URL of a moment ago, when the one that we wrote last is
    still on its way to the browser: the choice is newer, and stands.
    """
    params = st.query_params.to_dict()
    chosen = st.session_state.pop(_CHANGED, False)
    if _KEPT not in st.session_state or (params and not chosen and params != st.session_state.get(_WRITTEN)):
        selection, notices = Selection.parse(params)
        st.session_state[_KEPT] = selection
        st.session_state[_NOTICES] = notices
        st.session_state[_OWN] = {name: value for name, value in params.items() if name not in PARAMETERS}
    st.session_state[_ASKED] = set()
    st.session_state[_WRITTEN] = params  # read once: a run that is cut short does not reach `write_url`


def write_url() -> None:
    """Let the address bar carry the selection, so that a reload or a copied link shows the same."""
    own, asked = st.session_state.get(_OWN, {}), st.session_state.get(_ASKED, set())
    params = current().params() | {name: own[name] for name in sorted(asked) if own.get(name)}
    if st.query_params.to_dict() != params:
        st.query_params.from_dict(params)
    st.session_state[_WRITTEN] = params
    st.session_state.pop(_CHANGED, None)


def own(name: str) -> str:
    """What a link says of something that only the open page knows, such as a term of the glossary; "" where it says nothing.

    The address carries it on with the selection as long as the page asks for it.
    """
    st.session_state.setdefault(_ASKED, set()).add(name)
    return st.session_state.get(_OWN, {}).get(name, "")


def keep_own(name: str, value: str) -> None:
    """Let the address say this of the open page from now on."""
    st.session_state[_OWN] = {**st.session_state.get(_OWN, {}), name: value}
    st.session_state[_CHANGED] = True


def notices() -> tuple[str, ...]:
    """What could not be used of the link, until the reader changes something."""
    return st.session_state.get(_NOTICES, ())


def keep_notices(lines: Iterable[str]) -> None:
    """More that the reader should know, until the reader changes something."""
    st.session_state[_NOTICES] = (*notices(), *lines)


def fill(key: str, value: Any) -> str:
    """Give a widget its value before it is drawn; returns the key."""
    state, filled = st.session_state, st.session_state.setdefault(_FILLED, {})
    if state.get(key) != value or filled.get(key, value) != value:
        gone = state.setdefault(_GONE, {}).setdefault(key, {})
        before = [held[key] for held in (state, filled) if key in held]  # a field that is new held nothing
        gone |= dict.fromkeys(map(_hashable, before), time.monotonic())
        state[key] = value
    filled[key] = value
    return key


def answer(key: str, choose: Callable[[Any], None]) -> Callable[[], None]:
    """The callback of a filled widget: `choose` gets what the reader put there.

    With whatever is done on a page, a browser sends the values of all its widgets. Where one of them was filled anew a
    moment ago and the browser has not heard of it, what it sends is the old value, and nobody's choice: it is passed over.
    """

    def heard() -> None:
        value, gone = st.session_state[key], st.session_state.setdefault(_GONE, {})
        if time.monotonic() - gone.get(key, {}).get(_hashable(value), float("-inf")) < MOMENT:
            return
        gone.pop(key, None)  # the browser has heard of everything: who counts on may come by an old value again
        st.session_state.setdefault(_FILLED, {})[key] = value
        choose(value)

    return heard


def _hashable(value: Any) -> Any:
    """A widget's value as a key: what was chosen of a list of several is a list."""
    return tuple(value) if isinstance(value, list) else value


def change(**parts: Any) -> None:
    """A new selection with some parts exchanged; whatever was wrong with the link is forgotten."""
    st.session_state[_KEPT] = replace(current(), **parts)
    st.session_state[_NOTICES] = ()
    st.session_state[_CHANGED] = True


def choose_text(text: str, text_b: str | None = None) -> None:
    """Another text: the held word stays where the same word stands at the same place, and is let go elsewhere.

    Pins stay with the texts that they were pinned on; links stay where all of their words do.
    """
    before = current()
    request = AttentionRequest(before.request.model, text, text_b)
    candidates, meant = (before.candidates, before.meant) if text == before.request.text else ((), None)
    focus = _same_word(before.focus, before.request, request)
    links = _same_links(before.links, before.request.text, text)
    change(request=request, focus=focus, candidates=candidates, meant=meant, links=links)


def choose_model(name: str) -> None:
    """Another model: its own head to begin with, or what was left there; a second text rests where it takes none.

    Whoever tries a model that turns out to be missing or damaged finds head and texts as they were. Pins stay.
    """
    chosen, before = catalog.card(name), current()
    left = st.session_state.setdefault(_LEFT, {})
    left[before.request.model] = before
    text_b, earlier = before.request.text_b, left.get(name)
    if earlier and not card().pairs and earlier.request.text == before.request.text:
        text_b = earlier.request.text_b
    request = AttentionRequest(name, before.request.text, text_b if chosen.pairs else None)
    focus = before.focus if before.focus and not before.focus.special else None
    change(request=request, head=earlier.head if earlier else HeadRef(*chosen.head, chosen.blocks[0]), focus=focus)


def choose_head(layer: int, head: int) -> None:
    """Another head of the same block."""
    change(head=HeadRef(layer, head, current().head.block))


def choose_block(block: str) -> None:
    """Another block of an encoder-decoder, same layer and head."""
    change(head=replace(current().head, block=block), focus=None)


def hold(focus: TokenSelection | None) -> None:
    """Hold a word, or let go."""
    change(focus=focus)


def take(tray: Tray) -> None:
    """The pins as the reader has put them, and the panels made of them."""
    now, known = current(), {key(pin) for pin in current().pins}
    pins, panels = rebuilt(tray, now.pins, now.panels, now.request, now.head.block)
    if all(key(pin) in known or _exists(pin.head) for pin in pins):
        change(pins=pins, panels=panels)


def _exists(head: HeadRef) -> bool:
    """Whether the chosen model has such a head."""
    return head.layer < card().layers and head.head < card().heads


def open_pin(name: str) -> None:
    """Show the head, text and model of the pin whose key is `name`, if there is one."""
    now = current()
    for pin in now.pins:
        if key(pin) == name:
            focus = now.focus if pin.request == now.request else _same_word(now.focus, now.request, pin.request)
            change(request=pin.request, head=pin.head, focus=focus)
            return


def show_difference() -> None:
    """The difference of the first two pins beside those that are there; where there are as many panels as may be, no other."""
    now, panel = current(), Panel("difference", (0, 1))
    if len(now.pins) > 1:
        change(panels=tuple(dict.fromkeys((*now.panels, panel)))[:PINS], shown="")


def show_set(pins: tuple[Pin, ...], panels: tuple[Panel, ...] = ()) -> None:
    """A ready set in the place of the reader's own pins, which are put away until `show_own` brings them back."""
    now = current()
    if now.pins and now.pins != st.session_state.get(_SET):
        st.session_state[_AWAY] = (now.pins, now.panels)
    st.session_state[_SET] = pins
    change(pins=pins, panels=panels, shown="")


def put_away() -> tuple[Pin, ...]:
    """The pins that a ready set has taken the place of."""
    away = st.session_state.get(_AWAY, ((), ()))[0]
    return () if away == current().pins else away


def show_own() -> None:
    """The reader's own pins, as they were before a ready set."""
    pins, panels = st.session_state.pop(_AWAY, (current().pins, current().panels))
    change(pins=pins, panels=panels, shown="")


def beside() -> HeadRef | None:
    """The head that stands beside the chosen one: the first other one pinned on the same text and block."""
    pin = _beside()
    return None if pin is None else pin.head


def keep_beside(head: HeadRef | None) -> None:
    """Pin the head that is to stand beside the chosen one, in the place of the one that does; None takes that away.

    Whoever counts through the heads steps over the chosen one. A ninth pin is refused with a notice.
    """
    now, old = current(), _beside()
    if head is not None and old is not None and head == now.head:
        head = _past(old.head, head)
    own = head is not None and any(pin.request == now.request and pin.head == head and not pin.over for pin in now.pins)
    new = None if head is None or own else Pin(now.request, head)
    if old is None and new is not None and len(now.pins) >= PINS:
        st.session_state[_NOTICES] = (f"{PINS} heads are pinned, and {PINS} is the most: remove one first.",)
        return
    listed = [pin for pin in now.pins if pin != old]
    if new is not None:
        listed.insert(len(listed) if old is None else now.pins.index(old), new)
    take(Tray(tuple(TrayPin(key(pin), (pin.head.layer, pin.head.head), pin.name) for pin in listed)))


def _past(start: HeadRef, end: HeadRef) -> HeadRef:
    """One step further than from `start` to `end`; where the model ends, `start`."""
    layer, head = (b + (b > a) - (b < a) for a, b in ((start.layer, end.layer), (start.head, end.head)))
    found = HeadRef(layer, head, end.block) if layer >= 0 and head >= 0 else start
    return found if _exists(found) else start


def _beside() -> Pin | None:
    """The pin of the head that stands beside the chosen one."""
    now = current()
    others = [pin for pin in now.pins if pin.request == now.request and not pin.over and pin.head.block == now.head.block]
    return next((pin for pin in others if pin.head != now.head), None)


def _same_links(links: tuple[Link, ...] | None, before: str, after: str) -> tuple[Link, ...] | None:
    """The links, if the same words stand at their places in both texts; else none were said."""
    same = {place for place in set(words(before)) & set(words(after)) if before[slice(*place)] == after[slice(*place)]}

    def stays(span: tuple[int, int]) -> bool:
        return any(start <= span[0] and span[1] <= end for start, end in same)

    return links if links and all(stays(link.source) and stays(link.target) for link in links) else None


def _same_word(focus: TokenSelection | None, before: AttentionRequest, after: AttentionRequest) -> TokenSelection | None:
    """The held word, if what stands there has not changed."""
    if focus is None or focus.special or focus.segment:
        return None
    old, new = (text[focus.start :].split(" ", 1)[0] for text in (before.text, after.text))
    starts_word = focus.start == 0 or after.text[focus.start - 1 : focus.start].isspace()
    return focus if old == new and old and starts_word else None
