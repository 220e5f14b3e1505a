"""Every colour and number format of the project: weights, numbers and names as colours and short texts.

Blue is weight, orange is the reader, green and purple are differences; nothing else has a colour. JavaScript gets the
same tokens from `as_json()`, style sheets from `css()` and `live_css()`, so that each colour is written once.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float, UInt8

from attnviz.errors import BadInputError
from attnviz.rounding import fixed
from attnviz.types import PARTLY_UNKNOWN, UNKNOWN, HeadRef, Token, Unit, unknown_mark

EXPONENT = 0.7  # colour = ramp(weight ** EXPONENT): small weights stay distinct, and the legend's uneven ticks show it
LUMINANCE = 0.179  # above it black text has the better contrast, below it white: at least 4.58 : 1 in both cases
WRITTEN_FROM = 0.05  # smaller weights get no number under a word or in a cell
LEGEND = (0.0, 0.1, 0.3, 0.6, 1.0)  # ticks of a weight legend
DIFFERENCE_LEGEND = (-1.0, -0.3, 0.0, 0.3, 1.0)
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif'
SENTENCE_FONT = '"Iowan Old Style", Charter, "Source Serif 4", "Source Serif Pro", "Noto Serif", Georgia, serif'
LABEL = 24  # characters of a label before it is shortened
Number = float | int | np.number  # numpy's numbers are numbers too: weights come from arrays
HIT, MISS = "\u2713", "\u2717"
MINUS, NARROW, ELLIPSIS, ARROW = "\u2212", "\u202f", "\u2026", "\u2192"


@dataclass(frozen=True)
class Theme:
    """The colours of one theme: roles by name, and two ramps with even stops.

    `sequential` runs from weight 0 to 1, `diverging` from difference -1 to +1; lightness is strictly monotone on each
    side, so both read in grey and with red- or green-blindness.
    """

    name: str
    page: str
    field: str
    ink: str
    mute: str
    accent: str
    on_accent: str
    line: str
    hair: str
    sequential: tuple[str, ...]
    diverging: tuple[str, ...]


LIGHT = Theme(
    name="light",
    page="#FFFFFF",
    field="#F4F6F9",
    ink="#14181F",
    mute="#5B6472",
    accent="#B8430A",
    on_accent="#FFFFFF",
    line="#DDE2E9",
    hair="#EBEEF2",
    sequential=("#F2F6FB", "#C7E1FB", "#89C0F5", "#478EE2", "#2456B9", "#142C79", "#0A1541"),
    diverging=("#5B1A6B", "#8C4A9E", "#C29BCE", "#F4F5F7", "#8CC7A6", "#2F8A5D", "#08512F"),
)
DARK = Theme(
    name="dark",
    page="#0F131A",
    field="#181E27",
    ink="#E9EDF3",
    mute="#9BA6B5",
    accent="#FF9C5B",
    on_accent="#1D0D03",
    line="#2F3845",
    hair="#222A35",
    sequential=("#181E29", "#213654", "#27538B", "#277BC6", "#44A8E7", "#84D4F3", "#CCF8FA"),
    diverging=("#F0C4FF", "#C07FD6", "#6E4480", "#1B212B", "#2B6B4B", "#54B585", "#C4F7DA"),
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}
# What stands on a page takes the colours of `live_css`, and so follows a reader who switches the theme. Pixels and downloads
# need real colours: see `each_theme`.
LIVE = Theme(
    "live", "var(--page)", "var(--field)", "var(--ink)", "var(--mute)", "var(--accent)", "var(--on-accent)", "var(--line)",
    "var(--hair)", tuple(f"var(--w{n})" for n in range(7)), tuple(f"var(--d{n})" for n in range(7)),
)  # fmt: skip
ROLES = ("page", "field", "ink", "mute", "accent", "on_accent", "line", "hair")


def theme(name: str) -> Theme:
    """Return the theme called `name`, also `live`; raises BadInputError and names those that exist."""
    if name == LIVE.name:
        return LIVE
    if name not in THEMES:
        raise BadInputError(f"A theme is one of {', '.join(THEMES)}; got {name!r}.")
    return THEMES[name]


def rgb(colour: str) -> UInt8[np.ndarray, "3"]:
    """Return `#RRGGBB` as three bytes."""
    return np.frombuffer(bytes.fromhex(colour.removeprefix("#")), np.uint8)


def hexadecimal(colour: UInt8[np.ndarray, "3"]) -> str:
    """Return three bytes as `#RRGGBB`."""
    return "#" + colour.tobytes().hex().upper()


def weight_rgb(weights: Float[np.ndarray, "*shape"], name: str) -> UInt8[np.ndarray, "*shape 3"]:
    """Return the colour of each weight in theme `name`: ramp(weight ** 0.7); outside 0..1 the colour of the nearer end."""
    return _ramp(theme(name).sequential, np.asarray(np.clip(weights, 0.0, 1.0) ** EXPONENT))


def difference_rgb(differences: Float[np.ndarray, "*shape"], name: str) -> UInt8[np.ndarray, "*shape 3"]:
    """Return the colour of each difference, -1 to +1, with the same exponent on both sides of 0."""
    along = np.sign(differences) * np.clip(np.abs(differences), 0.0, 1.0) ** EXPONENT
    return _ramp(theme(name).diverging, np.asarray((1.0 + along) / 2.0))


def weight_colour(weight: Number, name: str) -> str:
    """Return the colour of one weight as `#RRGGBB`; in the live theme, as a mixture of two of its colours."""
    if name == LIVE.name:
        return _mixture(LIVE.sequential, ramp_position(min(max(float(weight), 0.0), 1.0)))
    return hexadecimal(weight_rgb(np.array(weight, np.float32), name))


def difference_colour(difference: Number, name: str) -> str:
    """Return the colour of one difference as `#RRGGBB`; in the live theme, as a mixture of two of its colours."""
    if name == LIVE.name:
        return _mixture(LIVE.diverging, (1.0 + ramp_position(min(max(float(difference), -1.0), 1.0))) / 2.0)
    return hexadecimal(difference_rgb(np.array(difference, np.float32), name))


def steps(ramp: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Return `count` evenly spaced colours of a ramp, for legends and other tools."""
    return tuple(hexadecimal(colour) for colour in _ramp(ramp, np.linspace(0.0, 1.0, count)))


def text_on(colour: str) -> str:
    """Return black or white, the more legible one on `colour`."""
    return "#000000" if luminance(colour) > LUMINANCE else "#FFFFFF"


def text_on_weight(weight: Number, name: str) -> str:
    """Return black or white, the more legible one on the colour of a weight; in the live theme, the right one of each theme."""
    if name != LIVE.name:
        return text_on(weight_colour(weight, name))
    return _live_text(*(weight_colour(weight, one) for one in THEMES))


def live_step(at: Number, *, diverging: bool = False) -> tuple[str, str]:
    """Return the live theme's colour at `at`, 0 to 1 along a whole ramp, and black or white, the more legible one on it."""
    along = min(max(float(at), 0.0), 1.0)
    name = "diverging" if diverging else "sequential"
    seen = (hexadecimal(_ramp(getattr(one, name), np.array(along))) for one in THEMES.values())
    return _mixture(getattr(LIVE, name), along), _live_text(*seen)


def _live_text(light: str, dark: str) -> str:
    """Return the more legible text on a colour that is `light` in one theme and `dark` in the other."""
    on_light, on_dark = text_on(light), text_on(dark)
    return on_light if on_light == on_dark else "var(--black-white)" if on_light == "#000000" else "var(--white-black)"


def luminance(colour: str) -> float:
    """Return the luminance, 0 to 1: Y = 0.2126 R + 0.7152 G + 0.0722 B over linear RGB (WCAG 2.2, "relative luminance")."""
    channels = rgb(colour) / 255.0
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def _ramp(stops: tuple[str, ...], at: Float[np.ndarray, "*shape"]) -> UInt8[np.ndarray, "*shape 3"]:
    """Return the colours at `at`, 0 to 1, interpolated in sRGB between even stops."""
    knots = np.linspace(0.0, 1.0, len(stops))
    table = np.array([rgb(stop) for stop in stops], np.float64)  # [stop, 3]
    return np.stack([np.rint(np.interp(at, knots, channel)) for channel in table.T], -1).astype(np.uint8)


def _mixture(stops: tuple[str, ...], at: float) -> str:
    """Return the colour at `at`, 0 to 1, between two neighbours of these, as a style sheet computes it."""
    low, share = divmod(round(100 * at * (len(stops) - 1)), 100)
    return f"color-mix(in srgb,{stops[low + 1]} {share}%,{stops[low]})" if share else stops[low]


def three(weight: Number) -> str:
    """Return a weight, wherever it stands: in a sentence, under a word, in a cell, in a list: `0.640`."""
    return fixed(weight, 3)


def summed(weight: Number, most: Number) -> str:
    """Return a sum over heads that is at most `most`, for a cell or a legend: `2.4`, or `14` for ten or more heads."""
    return fixed(weight, 1 if most < 10 else 0)


def signed(difference: Number) -> str:
    """Return a difference: `+0.374`, with a true minus below 0, and no sign if it rounds to 0."""
    size = three(abs(float(difference)))
    return _sign(float(difference) if float(size) else 0.0) + size


def points(difference: Number) -> str:
    """Return a difference in percentage points: `+4.9`, with a true minus below 0."""
    return _sign(round(float(difference), 1)) + f"{abs(float(difference)):.1f}"


def exact(weight: Number, *, sign: bool = False) -> str:
    """Return a weight in a table, to six digits: `0.639949`; with its sign if it is a difference: `+0.374120`."""
    size = fixed(abs(float(weight)), 6)
    return (_sign(float(weight) if float(size) else 0.0) if sign else "") + size


def digits(number: Number) -> str:
    """Return a number of any size with three digits: `8.81`, `−0.0250`, `162,755`, `1.07e13`; below 0.0005, `0.000`."""
    size = abs(float(number))
    if size < 5e-4:
        return "0.000"
    if size < 999.5:
        found = f"{number:#.3g}".rstrip(".") if size >= 1e-3 else f"{number:.3f}"
    else:
        found = f"{number:,.0f}" if size < 1e6 else f"{number:.2e}".replace("e+0", "e").replace("e+", "e")
    return found.replace("-", MINUS)


def _sign(number: Number) -> str:
    """Return `+`, a true minus, or nothing."""
    return "+" if number > 0 else MINUS if number < 0 else ""


def percent(share: Number, digits: int = 0) -> str:
    """Return a share as `52 %`, a rate as `73.0 %` (digits=1), with a narrow no-break space."""
    return f"{fixed(100.0 * float(share), digits)}{NARROW}%"


def thousands(count: int) -> str:
    """Return a count: `1,773`."""
    return f"{count:,}"


def tick(value: Number) -> str:
    """Return a legend's tick: `0`, `0.1`, `1`, or with a true minus below 0."""
    return ("" if value >= 0 else MINUS) + f"{abs(value):g}"


def mark(hit: bool) -> str:
    """Return right or wrong as a sign: a check or a cross, never a colour."""
    return HIT if hit else MISS


def verdict(hit: bool) -> str:
    """Return right or wrong, with sign and word: `✓ hit`, `✗ miss`."""
    return f"{mark(hit)} {'hit' if hit else 'miss'}"


def head_name(head: HeadRef) -> str:
    """Return `L3·H1`, or `cross L3·H1` if a model has several blocks."""
    return str(head) if head.block == "self" else f"{head.block} {head}"


def visible(text: str) -> str:
    """Return a text with visible control characters, and visible spaces if it has nothing else."""
    seen = "".join(_VISIBLE.get(c) or (chr(0x2400 + ord(c)) if c < " " else c) for c in text)
    return "\u2423" * len(seen) if seen.isspace() else seen


_VISIBLE = {"\n": "\u21b5", "\t": "\u21e5", "\r": "\u240d", "\x7f": "\u2421"}


def label(text: str, most: int = LABEL) -> str:
    """Return a word or token as a row label: control characters visible, and a long one shortened at the end with an ellipsis.

    Never cut inside a character that combining marks or joiners follow.
    """
    seen = visible(text)
    if len(seen) <= most:
        return seen
    end = most - 1
    while end > 1 and (unicodedata.combining(seen[end]) or "\u200d" in seen[end - 1 : end + 1] or seen[end] in "\ufe0e\ufe0f"):
        end -= 1
    return seen[:end] + ELLIPSIS


def marked(text: str, what: Unit | Token) -> str:
    """Return a label with its mark, if it has one: `😀 [UNK]`. Shorten the text first, so that the mark stays whole."""
    mark = unknown_mark(what)
    return f"{text} {mark}" if mark else text


def labels(texts: Sequence[str], units: Sequence[Unit], most: int | None = LABEL) -> list[str]:
    """Return row labels, or full labels if `most` is None, each with its mark; a text without a unit has no mark."""
    shown = [visible(text) if most is None else label(text, most) for text in texts]
    return [marked(text, units[place]) if place < len(units) else text for place, text in enumerate(shown)]


def unread_note(units: Iterable[Unit | Token]) -> str:
    """Return the meaning of the marks in a picture, short enough for one line; "" without marks."""
    found = {unknown_mark(unit) for unit in units} - {""}
    meanings = {UNKNOWN: "a word that the model cannot read", PARTLY_UNKNOWN: "a word of which it reads a part"}
    return ". ".join(f"{mark}: {meaning}" for mark, meaning in meanings.items() if mark in found) + "." * bool(found)


def link(query: str, key: str) -> str:
    """Return `it → animal` with each side isolated, so that two right-to-left words do not change places."""
    return f"\u2068{query}\u2069 {ARROW} \u2068{key}\u2069"


def css(name: str) -> str:
    """Return a theme's roles as style-sheet variables: `--page:#FFFFFF;--on-accent:…`."""
    found = theme(name)
    return ";".join(f"--{role.replace('_', '-')}:{getattr(found, role)}" for role in ROLES)


def live_css() -> str:
    """Return the variables of the live theme, for the root of a page whose `data-theme` is the reader's; paper is light.

    What has pixels of one theme stands in an element of class `in-light` or `in-dark`.
    """

    def variables(name: str, opposite: str) -> str:
        ramps = ((letter, getattr(THEMES[name], ramp)) for letter, ramp in (("w", "sequential"), ("d", "diverging")))
        steps_ = [f"--{letter}{n}:{colour}" for letter, ramp in ramps for n, colour in enumerate(ramp)]
        return ";".join([css(name), *steps_, opposite])

    light = variables("light", "--black-white:#000000;--white-black:#FFFFFF")
    dark = variables("dark", "--black-white:#FFFFFF;--white-black:#000000")
    root = ":root[data-theme=dark]"
    images = f"{root} .in-light{{display:none}}{root} .in-dark{{display:contents}}"
    return f":root{{{light}}}.in-light{{display:contents}}.in-dark{{display:none}}@media screen{{{root}{{{dark}}}{images}}}"


def each_theme(name: str, draw: Callable[[str], str]) -> str:
    """Return what `draw` makes for a theme; for the live theme both versions, of which the page shows one."""
    if name != LIVE.name:
        return draw(name)
    return "".join(f'<span class="in-{one}">{draw(one)}</span>' for one in THEMES)


def as_json() -> str:
    """Return all constants for JavaScript as one JSON object: `light` and `dark` (roles, two ramps), and shared numbers."""
    themes = {name: {_camel(role): value for role, value in asdict(found).items()} for name, found in THEMES.items()}
    shared = {
        "exponent": EXPONENT,
        "luminance": LUMINANCE,
        "writtenFrom": WRITTEN_FROM,
        "legend": [{"at": value, "text": tick(value)} for value in LEGEND],
        "differenceLegend": [{"at": value, "text": tick(value)} for value in DIFFERENCE_LEGEND],
        "font": FONT,
        "sentenceFont": SENTENCE_FONT,
        "label": LABEL,
        "unknown": UNKNOWN,
        "partlyUnknown": PARTLY_UNKNOWN,
    }
    return json.dumps(themes | shared, sort_keys=True)


def _camel(role: str) -> str:
    """Return `on_accent` as JavaScript spells it, `onAccent`."""
    first, *rest = role.split("_")
    return first + "".join(part.capitalize() for part in rest)


def ramp_position(value: Number) -> float:
    """Return the position of a weight or difference on its colour ramp: sign(v) |v| ** 0.7."""
    return math.copysign(abs(value) ** EXPONENT, value)
