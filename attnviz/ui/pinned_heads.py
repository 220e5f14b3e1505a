"""Pinned heads: take, open, compare and restore them, and the second head beside the chosen one."""

from __future__ import annotations

import streamlit as st

from attnviz.board.tray import Tray, TrayPin, key, rebuilt
from attnviz.selection import PINS
from attnviz.types import HeadRef
from attnviz.ui import state
from attnviz.view_state import Panel, Pin

_OWN_PINS, _SET = "attnviz_away", "attnviz_set"  # the reader's own, while a ready set is shown


def take_pins(tray: Tray) -> None:
    """Take over the pins in the reader's order, and the panels made of them."""
    now, known = state.current(), {key(pin) for pin in state.current().pins}
    pins, panels = rebuilt(tray, now.pins, now.panels, now.request, now.head.block)
    if all(key(pin) in known or _exists(pin.head) for pin in pins):
        state.change(pins=pins, panels=panels)


def open_pin(name: str) -> None:
    """Show the head, text and model of the pin whose key is `name`, if there is one."""
    now = state.current()
    for pin in now.pins:
        if key(pin) == name:
            focus = now.focus if pin.request == now.request else state.same_word(now.focus, now.request, pin.request)
            state.change(request=pin.request, head=pin.head, focus=focus)
            return


def show_difference() -> None:
    """Add a panel with the difference of the first two pins, if there is room for one more."""
    now, panel = state.current(), Panel("difference", (0, 1))
    if len(now.pins) > 1:
        state.change(panels=tuple(dict.fromkeys((*now.panels, panel)))[:PINS], shown="")


def show_set(pins: tuple[Pin, ...], panels: tuple[Panel, ...] = ()) -> None:
    """Show a ready set in place of the reader's own pins, which are kept until `restore_pins` restores them."""
    now = state.current()
    if now.pins and now.pins != st.session_state.get(_SET):
        st.session_state[_OWN_PINS] = (now.pins, now.panels)
    st.session_state[_SET] = pins
    state.change(pins=pins, panels=panels, shown="")


def replaced_pins() -> tuple[Pin, ...]:
    """Return the reader's pins that a ready set replaced."""
    own = st.session_state.get(_OWN_PINS, ((), ()))[0]
    return () if own == state.current().pins else own


def restore_pins() -> None:
    """Restore the reader's own pins from before a ready set."""
    pins, panels = st.session_state.pop(_OWN_PINS, (state.current().pins, state.current().panels))
    state.change(pins=pins, panels=panels, shown="")


def second_head() -> HeadRef | None:
    """Return the head that stands beside the chosen one: the first other one pinned on the same text and block."""
    pin = _second_pin()
    return None if pin is None else pin.head


def pin_second_head(head: HeadRef | None) -> None:
    """Pin the head that stands beside the chosen one, in place of the present one; None removes it.

    Stepping through the heads skips the chosen one. A ninth pin is not accepted, with a notice.
    """
    now, old = state.current(), _second_pin()
    if head is not None and old is not None and head == now.head:
        head = _past(old.head, head)
    own = head is not None and any(pin.request == now.request and pin.head == head and not pin.over for pin in now.pins)
    new = None if head is None or own else Pin(now.request, head)
    if old is None and new is not None and len(now.pins) >= PINS:
        state.set_notices([f"At most {PINS} heads can be pinned: remove one first."])
        return
    listed = [pin for pin in now.pins if pin != old]
    if new is not None:
        listed.insert(len(listed) if old is None else now.pins.index(old), new)
    take_pins(Tray(tuple(TrayPin(key(pin), (pin.head.layer, pin.head.head), pin.name) for pin in listed)))


def _second_pin() -> Pin | None:
    """Return the pin of the head that stands beside the chosen one."""
    now = state.current()
    others = [pin for pin in now.pins if pin.request == now.request and not pin.over and pin.head.block == now.head.block]
    return next((pin for pin in others if pin.head != now.head), None)


def _past(start: HeadRef, end: HeadRef) -> HeadRef:
    """Return the head one step further than from `start` to `end`; where the model ends, `start`."""
    layer, head = (b + (b > a) - (b < a) for a, b in ((start.layer, end.layer), (start.head, end.head)))
    found = HeadRef(layer, head, end.block) if layer >= 0 and head >= 0 else start
    return found if _exists(found) else start


def _exists(head: HeadRef) -> bool:
    """Return whether the chosen model has such a head."""
    return head.layer < state.card().layers and head.head < state.card().heads
