"""Encoding: colours by weight, contrast on every cell, number formats, labels, and the tokens that JavaScript gets."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from attnviz.errors import BadInputError
from attnviz.figures import encoding
from attnviz.types import HeadRef

WEIGHTS = np.linspace(0.0, 1.0, 1001, dtype=np.float32)


def lightness(colours: np.ndarray) -> np.ndarray:
    return np.array([encoding.luminance(encoding.hexadecimal(colour)) for colour in colours])


def contrast(one: str, other: str) -> float:
    """(L1 + 0.05) / (L2 + 0.05), WCAG 2.2, "contrast ratio"."""
    low, high = sorted((encoding.luminance(one), encoding.luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_weights_zero_and_one_take_the_ends_of_the_ramp_and_the_middle_stop_sits_at_its_bent_place(name: str):
    stops = encoding.theme(name).sequential
    assert encoding.weight_colour(0.0, name) == stops[0]
    assert encoding.weight_colour(1.0, name) == stops[-1]
    assert encoding.weight_colour(0.5 ** (1 / 0.7), name) == stops[3]  # w ** 0.7 = 0.5 is the fourth of seven stops


def test_a_weight_between_two_stops_is_mixed_by_hand():
    # 0.1 ** 0.7 = 0.199526; times 6 gaps = 1.197157: 19.7 % of the way from #C7E1FB to #89C0F5.
    want = [round(a + (b - a) * 0.197157) for a, b in zip((0xC7, 0xE1, 0xFB), (0x89, 0xC0, 0xF5), strict=True)]
    assert encoding.weight_rgb(np.array([[0.1]]), "light")[0, 0].tolist() == want


@pytest.mark.parametrize("name", ["light", "dark"])
def test_lightness_runs_one_way_along_the_weights_and_away_from_zero_along_differences(name: str):
    direction = -1 if name == "light" else 1
    along = np.diff(lightness(encoding.weight_rgb(WEIGHTS[::20], name))) * direction
    assert (along > 0).all()
    for sign in (-1, 1):
        assert (np.diff(lightness(encoding.difference_rgb(sign * WEIGHTS[::20], name))) * direction > 0).all()


@pytest.mark.parametrize("name", ["light", "dark"])
def test_text_on_any_cell_has_at_least_the_promised_contrast(name: str):
    cells = np.concatenate([encoding.weight_rgb(WEIGHTS, name), encoding.difference_rgb(2 * WEIGHTS - 1, name)])
    worst = min(contrast(colour, encoding.text_on(colour)) for colour in map(encoding.hexadecimal, cells))
    assert worst >= 4.5


@pytest.mark.parametrize("name", ["light", "dark"])
def test_words_are_readable_on_page_and_field(name: str):
    theme = encoding.theme(name)
    for text in (theme.ink, theme.mute, theme.accent):
        assert min(contrast(text, theme.page), contrast(text, theme.field)) >= 4.5
    assert contrast(theme.accent, theme.on_accent) >= 4.5


def test_differences_of_equal_size_are_equally_far_from_the_middle():
    assert encoding.difference_colour(0.0, "light") == encoding.LIGHT.diverging[3]
    assert encoding.difference_colour(-1.0, "light") == encoding.LIGHT.diverging[0]
    assert encoding.difference_colour(1.0, "dark") == encoding.DARK.diverging[6]
    third = (1 / 3) ** (1 / 0.7)  # bent, a third of the way from the middle: the stop beside it
    assert encoding.difference_colour(third, "dark") == encoding.DARK.diverging[4]
    assert encoding.difference_colour(-third, "dark") == encoding.DARK.diverging[2]


def test_colours_have_the_shape_of_the_weights_and_do_not_leave_the_ramp():
    assert encoding.weight_rgb(np.full((2, 3, 5), 7.0, np.float32), "light").shape == (2, 3, 5, 3)
    assert encoding.weight_colour(7.0, "light") == encoding.weight_colour(1.0, "light")
    assert encoding.difference_colour(-7.0, "dark") == encoding.difference_colour(-1.0, "dark")


def test_an_unknown_theme_is_refused_by_name():
    with pytest.raises(BadInputError, match="light, dark; got 'sepia'"):
        encoding.theme("sepia")


def test_numbers_are_written_as_the_design_says():
    assert [encoding.three(0.64), encoding.three(1.0)] == ["0.640", "1.000"]
    assert [encoding.percent(0.52), encoding.percent(0.7304, 1)] == ["52\u202f%", "73.0\u202f%"]
    assert [encoding.signed(d) for d in (0.3744, -0.3744, 0.0, -0.0004)] == ["+0.374", "\u22120.374", "0.000", "0.000"]
    assert [encoding.exact(w) for w in (0.63994893, 0.0)] == ["0.639949", "0.000000"]
    assert [encoding.exact(d, sign=True) for d in (0.37412, -0.25, 0.0)] == ["+0.374120", "\u22120.250000", "0.000000"]
    assert encoding.thousands(1773) == "1,773"
    assert [encoding.tick(v) for v in (0.0, 0.1, 1.0, -0.3, -1.0)] == ["0", "0.1", "1", "\u22120.3", "\u22121"]


def test_a_head_is_named_with_its_block_where_there_are_several():
    assert encoding.head_name(HeadRef(3, 1)) == "L3·H1"
    assert encoding.head_name(HeadRef(0, 11, "cross")) == "cross L0·H11"


def test_labels_show_what_has_no_ink_and_shorten_at_the_end():
    assert encoding.label("\n") == "↵"
    assert encoding.label("a\tb\x00") == "a⇥b␀"
    assert encoding.label("  ") == "␣␣"
    assert encoding.label("abcdef", 4) == "abc…"
    assert encoding.label("abcd", 4) == "abcd"


def test_shortening_does_not_cut_through_a_joined_character():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert encoding.label("ab" + family + "cd", 6) == "ab…"
    assert encoding.label("abe\u0301x" + "y" * 9, 4) == "ab…"


def test_both_sides_of_a_link_are_isolated_from_each_other():
    assert encoding.link("it", "animal") == "\u2068it\u2069 → \u2068animal\u2069"


def test_javascript_gets_every_colour_and_number_that_python_uses():
    tokens = json.loads(encoding.as_json())
    assert tokens["dark"]["accent"] == encoding.DARK.accent
    assert tokens["light"]["onAccent"] == encoding.LIGHT.on_accent
    assert tuple(tokens["light"]["sequential"]) == encoding.LIGHT.sequential
    assert (tokens["exponent"], tokens["luminance"], tokens["writtenFrom"]) == (0.7, 0.179, 0.05)
    assert [tick["text"] for tick in tokens["legend"]] == ["0", "0.1", "0.3", "0.6", "1"]
    assert "<" not in encoding.as_json()  # it stands inside a script


def test_a_style_sheet_gets_every_role():
    assert "--page:#0F131A" in encoding.css("dark")
    assert "--on-accent:#FFFFFF" in encoding.css("light")


def test_steps_along_a_ramp_start_and_end_with_its_own_colours():
    ten = encoding.steps(encoding.LIGHT.sequential, 10)
    assert (len(ten), ten[0], ten[-1]) == (10, "#F2F6FB", "#0A1541")


def mixed(colour: str, name: str) -> list[float]:
    """The colour that a browser computes from a colour of the live theme, in the variables of one theme."""
    variables = dict(re.findall(r"(--[\w-]+):(#\w{6})", encoding.live_css().partition("@media")[0 if name == "light" else 2]))
    found = re.fullmatch(r"color-mix\(in srgb,var\((.*?)\) (\d+)%,var\((.*?)\)\)|var\((.*?)\)", colour)
    assert found is not None
    more, share, less, alone = found.groups()
    if alone:
        return encoding.rgb(variables[alone]).tolist()
    return (
        encoding.rgb(variables[more]) * (int(share) / 100) + encoding.rgb(variables[less]) * (1 - int(share) / 100)
    ).tolist()


@pytest.mark.parametrize("name", ["light", "dark"])
def test_colours_of_the_live_theme_are_those_of_the_theme_that_the_reader_has(name: str):
    for weight in (0.0, 0.03, 0.2, 0.5, 0.64, 0.999, 1.0):  # shares are whole percents: half a percent of 255 at most
        assert mixed(encoding.weight_colour(weight, "live"), name) == pytest.approx(
            encoding.rgb(encoding.weight_colour(weight, name)).tolist(), abs=2
        )
    for difference in (-1.0, -0.4, 0.0, 0.07, 1.0):
        assert mixed(encoding.difference_colour(difference, "live"), name) == pytest.approx(
            encoding.rgb(encoding.difference_colour(difference, name)).tolist(), abs=2
        )
    assert encoding.theme("live").accent == "var(--accent)"
    assert f"--accent:{encoding.theme(name).accent}" in encoding.live_css()


def test_text_on_a_live_colour_is_legible_in_both_themes():
    for weight in np.linspace(0.0, 1.0, 41):
        light, dark = (encoding.text_on(encoding.weight_colour(weight, name)) for name in ("light", "dark"))
        pair = {"var(--black-white)": ("#000000", "#FFFFFF"), "var(--white-black)": ("#FFFFFF", "#000000")}
        written = encoding.text_on_weight(weight, "live")
        assert pair.get(written, (written, written)) == (light, dark)


def test_pixels_come_in_both_themes_and_the_page_shows_one():
    assert encoding.each_theme("dark", str.upper) == "DARK"
    assert encoding.each_theme("live", str.upper) == '<span class="in-light">LIGHT</span><span class="in-dark">DARK</span>'
