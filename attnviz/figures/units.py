"""Bytes, seconds and ratios in words: `154 kB`, `2.3 minutes`, `171`."""

from __future__ import annotations

from attnviz.figures import encoding

UNITS = ("bytes", "kB", "MB", "GB", "TB")
TIME_UNITS = (("second", 1.0), ("minute", 60.0), ("hour", 3600.0), ("day", 86400.0), ("year", 365.25 * 86400.0))


def ratio_text(ratio: float | int) -> str:
    """Return a ratio: `1.25`, and from 10 on in whole numbers, `1,280`."""
    return f"{ratio:.3g}" if ratio < 10 else f"{ratio:,.0f}"


def byte_size(size: float | int) -> str:
    """Return a number of bytes with its unit, in powers of 1000: `154 kB`."""
    steps = 0
    amount = float(size)
    while amount >= 1000 and steps < len(UNITS) - 1:
        amount, steps = amount / 1000, steps + 1
    if 0 < size < 0.5:
        return "less than 1 byte"
    return f"{f'{amount:.3g}' if amount < 1000 else _whole(amount)}{encoding.NARROW}{UNITS[steps]}"


def duration(seconds: float | int) -> str:
    """Return a duration: `0.31 ms`, `59.8 ms`, `1.24 s`, `2.3 minutes`, `13 hours`, `1,200 years`, `3.2 × 10²⁴ years`."""
    if 0 < seconds < 5e-6:
        return f"less than 0.01{encoding.NARROW}ms"
    if seconds < 0.9995:
        return f"{_short(1000 * seconds)}{encoding.NARROW}ms"
    if seconds < 99.95:
        return f"{_short(seconds)}{encoding.NARROW}s"
    name, size = max((one for one in TIME_UNITS if seconds >= 0.9995 * one[1]), key=lambda one: one[1])
    amount = seconds / size
    number = _whole(amount) if amount >= 99.5 else f"{amount:.2g}"
    return f"{number} {name}{'' if number == '1' else 's'}"


def _whole(number: float) -> str:
    """Return a whole number with commas; from a billion on with a power of ten: `3.2 × 10²⁴`."""
    if number < 1e9:
        return f"{number:,.0f}"
    whole, power = f"{number:.1e}".split("e")
    return f"{whole} × 10{str(int(power)).translate(_RAISED)}"


_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _short(number: float | int) -> str:
    """Return three digits, without a power of ten."""
    return f"{number:.0f}" if number >= 99.95 else f"{number:.1f}" if number >= 9.995 else f"{number:.2f}"


Numbers = dict[str, str]


def tex(value: encoding.Number) -> str:
    """Return a number for a TeX formula: `-1.25`, `162{,}755`, with a power of ten if it is large."""
    found, _, tens = encoding.digits(value).replace(encoding.MINUS, "-").partition("e")
    return rf"{found} \cdot 10^{{{tens}}}" if tens else found.replace(",", "{,}")


def within(value: encoding.Number) -> str:
    """Return a number for a TeX formula after a sign or a dot: in parentheses if it is negative."""
    found = tex(value)
    return f"({found})" if found.startswith("-") else found


def as_text(value: encoding.Number) -> str:
    """Return a number for a sentence: `1.07 × 10^13`."""
    found, _, tens = encoding.digits(value).partition("e")
    return f"{found} × 10^{tens}" if tens else found
