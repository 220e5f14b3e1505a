"""What a browser says of the tray: read with distrust, and turned into pins and panels that fit each other."""

from __future__ import annotations

import pytest

from attnviz.board.tray import Tray, TrayPin, key, listed, rebuilt
from attnviz.errors import BadInputError
from attnviz.types import AttentionRequest, HeadRef
from attnviz.view_state import Panel, Pin

OWN, OTHER = AttentionRequest("minilm", "too tired"), AttentionRequest("smollm2", "too wide", None)
PINS = (Pin(OWN, HeadRef(3, 1)), Pin(OTHER, HeadRef(16, 5), "far"), Pin(OWN, HeadRef(3, 0), over="mean"))


def as_sent(*pins: Pin) -> tuple[TrayPin, ...]:
    return tuple(TrayPin(key(pin), (pin.head.layer, pin.head.head), pin.name) for pin in pins)


def test_a_key_says_what_is_pinned_and_nothing_of_its_name():
    assert key(PINS[1]) == key(Pin(OTHER, HeadRef(16, 5)))
    assert len({key(pin) for pin in (*PINS, Pin(OWN, HeadRef(3, 0)), Pin(OWN, HeadRef(3, 0), over="sum"))}) == 5
    assert key(Pin(OWN, HeadRef(0, 0), over="sum")) == key(Pin(OWN, HeadRef(0, 7), over="sum"))


def test_pins_are_listed_with_what_tells_them_apart():
    found = listed(PINS, OWN, "self", {"minilm": "MiniLM", "smollm2": "SmolLM2"})
    assert [one["here"] for one in found] == [True, False, True]
    assert (found[1]["model"], found[1]["text"], found[1]["name"]) == ("SmolLM2", "too wide", "far")
    assert found[2]["over"] == "mean"
    assert not listed(PINS[:1], OWN, "cross", {"minilm": "MiniLM"})[0]["here"]


def test_panels_follow_their_pins_into_a_new_order_and_go_with_them():
    panels = (Panel("difference", (0, 1)), Panel("mean", (0, 2)))
    pins, kept = rebuilt(Tray(as_sent(PINS[2], PINS[0])), PINS, panels, OWN, "self")
    assert pins == (PINS[2], PINS[0])
    assert kept == (Panel("mean", (1, 0)),)


def test_a_new_head_belongs_to_the_text_and_block_shown():
    pins, _ = rebuilt(Tray((*as_sent(PINS[1]), TrayPin("", (2, 4), "new"))), PINS, (), OWN, "cross")
    assert pins == (PINS[1], Pin(OWN, HeadRef(2, 4, "cross"), "new"))


def test_the_same_head_twice_is_one_pin_and_invalid_pins_are_left_out():
    pins, _ = rebuilt(Tray((*as_sent(PINS[0]), TrayPin("", (3, 1), "again"), TrayPin("gone", None, ""))), PINS, (), OWN, "self")
    assert pins == (PINS[0],)


def test_panels_that_the_browser_made_count_its_own_order():
    tray = Tray((TrayPin("gone", None, ""), *as_sent(PINS[1], PINS[0])), (Panel("difference", (2, 1)), Panel("sum", (0, 1))))
    pins, panels = rebuilt(tray, PINS, (), OWN, "self")
    assert pins == (PINS[1], PINS[0])
    assert panels == (Panel("difference", (1, 0)),)


@pytest.mark.parametrize(
    ("pins", "panels"),
    [
        ("x", None),
        ([1], None),
        ([{"key": 1, "head": None, "name": ""}], None),
        ([{"key": None, "head": [1], "name": ""}], None),
        ([{"key": None, "head": [1, -1], "name": ""}], None),
        ([{"key": None, "head": [True, 1], "name": ""}], None),
        ([{"key": None, "head": None, "name": None}], None),
        ([{"key": None, "head": None, "name": ""}] * 9, None),
        ([], "x"),
        ([], [{"kind": "difference", "of": [0]}]),
        ([], [{"kind": "product", "of": [0, 1]}]),
        ([], [{"kind": False, "of": [0, 1]}]),
        ([], [{"kind": "sum", "of": [0, 8]}]),
        ([], [{"kind": "sum", "of": ["0", 1]}]),
        ([], [{"kind": "sum", "of": 1}]),
    ],
)
def test_what_no_tray_sends_is_refused(pins: object, panels: object):
    with pytest.raises(BadInputError):
        Tray.parse(pins, panels)


def test_a_long_name_is_cut():
    tray = Tray.parse([{"key": "a", "head": None, "name": "x" * 100}])
    assert tray is not None
    assert len(tray.pins[0].name) == 40
