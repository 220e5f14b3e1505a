"""The Selection of this reader from URL and session: the only place that decides what the reader looks at.

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

_SELECTION, _URL, _NOTICES, _LAST_BY_MODEL = "attnviz_selection", "attnviz_url", "attnviz_notices", "attnviz_last_by_model"
_CHANGED, _HEADS_CHOSEN = "attnviz_changed", "attnviz_heads_chosen"
_AWAY, _SET = "attnviz_away", "attnviz_set"
_FILLED, _REPLACED = "attnviz_filled", "attnviz_replaced"
_PAGE_PARAMS, _PAGE_PARAMS_READ = "attnviz_page_params", "attnviz_page_params_read"
MOMENT = 2.0  # seconds in which a browser on a slow line may still send the value that a field had before we filled it


def current() -> Selection:
    """Return the current selection."""
    return st.session_state[_SELECTION]


def card() -> ModelCard:
    """Return the card of the chosen model."""
    return catalog.card(current().request.model)


def read_url() -> None:
    """Take the selection from the URL on a first visit, and when the URL is not the one that we wrote last.

    With a choice of the reader the browser may send an older URL, because the newest one is still on its way: then the
    choice is newer and the URL is ignored. A head that neither the reader nor a link chose is the model's own again, until
    the page opens on one of its own (`open_on`).
    """
    params = st.query_params.to_dict()
    chosen = st.session_state.pop(_CHANGED, False)
    if _SELECTION not in st.session_state or (params and not chosen and params != st.session_state.get(_URL)):
        selection, notices = Selection.parse(params)
        st.session_state[_SELECTION] = selection
        st.session_state[_NOTICES] = notices
        st.session_state[_PAGE_PARAMS] = {name: value for name, value in params.items() if name not in PARAMETERS}
        _mark_head(selection.request.model, chosen="layer" in params or "head" in params)
    open_on(HeadRef(*card().head, card().blocks[0]))
    st.session_state[_PAGE_PARAMS_READ] = set()
    st.session_state[_URL] = params  # read once: a run that is cut short does not reach `write_url`


def write_url() -> None:
    """Write the selection to the URL, so that a reload or a copied link shows the same."""
    given, read = st.session_state.get(_PAGE_PARAMS, {}), st.session_state.get(_PAGE_PARAMS_READ, set())
    params = current().params() | {name: given[name] for name in sorted(read) if given.get(name)}
    if st.query_params.to_dict() != params:
        st.query_params.from_dict(params)
    st.session_state[_URL] = params
    st.session_state.pop(_CHANGED, None)


def page_parameter(name: str) -> str:
    """Return a URL parameter that only the open page uses, such as a glossary term; "" if the link has none.

    The URL keeps it beside the selection as long as the page reads it.
    """
    st.session_state.setdefault(_PAGE_PARAMS_READ, set()).add(name)
    return st.session_state.get(_PAGE_PARAMS, {}).get(name, "")


def set_page_parameter(name: str, value: str) -> None:
    """Set a URL parameter of the open page."""
    st.session_state[_PAGE_PARAMS] = {**st.session_state.get(_PAGE_PARAMS, {}), name: value}
    st.session_state[_CHANGED] = True


def notices() -> tuple[str, ...]:
    """Return messages, such as on unusable parts of a link; they stay until the reader changes something."""
    return st.session_state.get(_NOTICES, ())


def keep_notices(lines: Iterable[str]) -> None:
    """Add messages; they stay until the reader changes something."""
    st.session_state[_NOTICES] = (*notices(), *lines)


def fill(key: str, value: Any) -> str:
    """Give a widget its value before it is drawn; returns the key."""
    state, filled = st.session_state, st.session_state.setdefault(_FILLED, {})
    if state.get(key) != value or filled.get(key, value) != value:
        replaced = state.setdefault(_REPLACED, {}).setdefault(key, {})
        before = [values[key] for values in (state, filled) if key in values]  # a new field had no value
        replaced |= dict.fromkeys(map(_hashable, before), time.monotonic())
        state[key] = value
    filled[key] = value
    return key


def answer(key: str, choose: Callable[[Any], None]) -> Callable[[], None]:
    """Return the callback of a filled widget: it calls `choose` with the reader's value.

    With each action a browser sends the values of all widgets of a page. If we filled one of them a moment ago and the
    browser has not received the new value yet, it sends the old one: that is not a choice, so it is ignored.
    """

    def on_change() -> None:
        value, replaced = st.session_state[key], st.session_state.setdefault(_REPLACED, {})
        if time.monotonic() - replaced.get(key, {}).get(_hashable(value), float("-inf")) < MOMENT:
            return
        replaced.pop(key, None)  # the browser is up to date: an old value can now be a choice again
        st.session_state.setdefault(_FILLED, {})[key] = value
        choose(value)

    return on_change


def _hashable(value: Any) -> Any:
    """Return a widget's value as a key: the value of a multiselect is a list."""
    return tuple(value) if isinstance(value, list) else value


def open_on(head: HeadRef) -> None:
    """Show a head that suits the open page, if neither the reader nor a link has chosen one of this model.

    Other pages do not keep it.
    """
    if current().request.model not in st.session_state.get(_HEADS_CHOSEN, frozenset()):
        st.session_state[_SELECTION] = replace(current(), head=head)


def _mark_head(model: str, *, chosen: bool) -> None:
    """Remember whether the head of a model was chosen."""
    others = st.session_state.get(_HEADS_CHOSEN, frozenset()) - {model}
    st.session_state[_HEADS_CHOSEN] = others | {model} if chosen else others


def change(**parts: Any) -> None:
    """Replace parts of the selection, and drop the messages about the link."""
    _replace(**parts)
    if "head" in parts:
        _mark_head(current().request.model, chosen=True)


def _replace(**parts: Any) -> None:
    """Replace parts of the selection; a head does not count as chosen by the reader."""
    st.session_state[_SELECTION] = replace(current(), **parts)
    st.session_state[_NOTICES] = ()
    st.session_state[_CHANGED] = True


def choose_text(text: str, text_b: str | None = None) -> None:
    """Choose another text. The selected word stays selected if the same word stands at the same place, else no word is.

    Pins stay with the texts that they were pinned on; links stay where all of their words do.
    """
    before = current()
    request = AttentionRequest(before.request.model, text, text_b)
    candidates, meant = (before.candidates, before.meant) if text == before.request.text else ((), None)
    focus = _same_word(before.focus, before.request, request)
    links = same_links(before.links, before.request.text, text)
    change(request=request, focus=focus, candidates=candidates, meant=meant, links=links)


def choose_model(name: str) -> None:
    """Choose another model, with its default head, or the one last chosen there; a second text is kept until a model takes it.

    After a model that turns out to be missing or damaged, head and texts are as they were. Pins stay.
    """
    chosen, before = catalog.card(name), current()
    last = st.session_state.setdefault(_LAST_BY_MODEL, {})
    last[before.request.model] = before
    text_b, earlier = before.request.text_b, last.get(name)
    if earlier and not card().pairs and earlier.request.text == before.request.text:
        text_b = earlier.request.text_b
    request = AttentionRequest(name, before.request.text, text_b if chosen.pairs else None)
    focus = before.focus if before.focus and not before.focus.special else None
    _replace(request=request, head=earlier.head if earlier else HeadRef(*chosen.head, chosen.blocks[0]), focus=focus)


def choose_head(layer: int, head: int) -> None:
    """Choose another head of the same block."""
    change(head=HeadRef(layer, head, current().head.block))


def choose_block(block: str) -> None:
    """Choose another block of an encoder-decoder, same layer and head."""
    change(head=replace(current().head, block=block), focus=None)


def select_word(focus: TokenSelection | None) -> None:
    """Select a word, or none."""
    change(focus=focus)


def take_pins(tray: Tray) -> None:
    """Take over the pins in the reader's order, and the panels made of them."""
    now, known = current(), {key(pin) for pin in current().pins}
    pins, panels = rebuilt(tray, now.pins, now.panels, now.request, now.head.block)
    if all(key(pin) in known or _exists(pin.head) for pin in pins):
        change(pins=pins, panels=panels)


def _exists(head: HeadRef) -> bool:
    """Return whether the chosen model has such a head."""
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
    """Add a panel with the difference of the first two pins, if there is room for one more."""
    now, panel = current(), Panel("difference", (0, 1))
    if len(now.pins) > 1:
        change(panels=tuple(dict.fromkeys((*now.panels, panel)))[:PINS], shown="")


def show_set(pins: tuple[Pin, ...], panels: tuple[Panel, ...] = ()) -> None:
    """Show a ready set in place of the reader's own pins, which are kept until `restore_pins` restores them."""
    now = current()
    if now.pins and now.pins != st.session_state.get(_SET):
        st.session_state[_AWAY] = (now.pins, now.panels)
    st.session_state[_SET] = pins
    change(pins=pins, panels=panels, shown="")


def replaced_pins() -> tuple[Pin, ...]:
    """Return the reader's pins that a ready set replaced."""
    away = st.session_state.get(_AWAY, ((), ()))[0]
    return () if away == current().pins else away


def restore_pins() -> None:
    """Restore the reader's own pins from before a ready set."""
    pins, panels = st.session_state.pop(_AWAY, (current().pins, current().panels))
    change(pins=pins, panels=panels, shown="")


def second_head() -> HeadRef | None:
    """Return the head that stands beside the chosen one: the first other one pinned on the same text and block."""
    pin = _second_pin()
    return None if pin is None else pin.head


def pin_second_head(head: HeadRef | None) -> None:
    """Pin the head that stands beside the chosen one, in place of the present one; None removes it.

    Stepping through the heads skips the chosen one. A ninth pin is not accepted, with a notice.
    """
    now, old = current(), _second_pin()
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
    take_pins(Tray(tuple(TrayPin(key(pin), (pin.head.layer, pin.head.head), pin.name) for pin in listed)))


def _past(start: HeadRef, end: HeadRef) -> HeadRef:
    """Return the head one step further than from `start` to `end`; where the model ends, `start`."""
    layer, head = (b + (b > a) - (b < a) for a, b in ((start.layer, end.layer), (start.head, end.head)))
    found = HeadRef(layer, head, end.block) if layer >= 0 and head >= 0 else start
    return found if _exists(found) else start


def _second_pin() -> Pin | None:
    """Return the pin of the head that stands beside the chosen one."""
    now = current()
    others = [pin for pin in now.pins if pin.request == now.request and not pin.over and pin.head.block == now.head.block]
    return next((pin for pin in others if pin.head != now.head), None)


def same_links(links: tuple[Link, ...] | None, before: str, after: str) -> tuple[Link, ...] | None:
    """Return the links, if the same words stand at their places in both texts; else None."""
    same = {place for place in set(words(before)) & set(words(after)) if before[slice(*place)] == after[slice(*place)]}

    def stays(span: tuple[int, int]) -> bool:
        return any(start <= span[0] and span[1] <= end for start, end in same)

    return links if links and all(stays(link.source) and stays(link.target) for link in links) else None


def _same_word(focus: TokenSelection | None, before: AttentionRequest, after: AttentionRequest) -> TokenSelection | None:
    """Return the selected word, if the text there has not changed."""
    if focus is None or focus.special or focus.segment:
        return None
    old, new = (text[focus.start :].split(" ", 1)[0] for text in (before.text, after.text))
    starts_word = focus.start == 0 or after.text[focus.start - 1 : focus.start].isspace()
    return focus if old == new and old and starts_word else None
