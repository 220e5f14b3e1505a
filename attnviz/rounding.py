"""Numbers as text, rounded alike in Python and in JavaScript, and shares of one whole that add up to 100.

Two rules. A number that stands alone is rounded by itself, half away from zero, as JavaScript's `toFixed` does; Python's
own formats send an exact half to the even digit, so that a weight of 1/16 would be 0.062 on one page and 0.063 on the next.
Shares that are listed as the parts of one whole are rounded together, so that they add up to 100; a sentence that names
one of them takes its digits from that list. board/js/core/encoding.js has the same two functions.

One quantity has one form (figures/encoding.py): the weight of a link is `0.640` everywhere, a difference `+0.374` with a true
minus, a share of several links or a mean of rows `52 %`, a rate counted on texts `73.1 %`. Files keep all digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import SupportsFloat

FINE = 1_000_000_000  # shares are compared to a billionth: below that two languages may differ in how they add up


def fixed(number: SupportsFloat, digits: int = 0) -> str:
    """Return a number with so many decimals, `0.063`; an exact half is rounded away from zero."""
    value = float(number)
    doubled = abs(value) * 2.0 * 10.0**digits
    if doubled < FINE and doubled == int(doubled) and int(doubled) % 2:  # may lie on a half: only its exact value tells
        return f"{Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"
    return f"{value:.{digits}f}"


def round_parts(shares: Sequence[float], digits: int = 0, alone: int | None = None) -> tuple[float, ...]:
    """Return shares of one whole as percentages with so many decimals, which add up to that of their sum: 100 for a whole.

    By largest remainders: all are rounded down, and what is missing goes to those that lost most, the first of equals. The
    share at place `alone` is rounded by itself, because it also stands elsewhere, and the others fill up the rest.
    """
    step = FINE // (100 * 10**digits)
    fine = [int(float(share) * FINE + 0.5) for share in shares]
    parts = [one // step for one in fine]
    left = (sum(fine) + step // 2) // step - sum(parts)
    order = sorted(range(len(fine)), key=[one % step for one in fine].__getitem__, reverse=True)
    if alone is not None and fine:
        own = (fine[alone] + step // 2) // step
        left -= own - parts[alone]
        parts[alone] = own
        order.remove(alone)
    for at in order[: max(left, 0)]:
        parts[at] += 1
    for at in [at for at in reversed(order) if parts[at] > 0][: max(-left, 0)]:
        parts[at] -= 1
    scale = 10**digits
    return tuple([part / scale for part in parts])
