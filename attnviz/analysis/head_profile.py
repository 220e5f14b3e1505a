"""A head's profile: how much of its attention goes to each kind of place on one text, and how widely it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from attnviz.analysis.positions import PositionClass, PositionClasses
from attnviz.analysis.row_stats import entropy, first_choices, percent
from attnviz.rounding import fixed, round_parts
from attnviz.types import HiddenPart, Pattern, joined

MENTION = 0.005  # a share that would be written "0 %" is not mentioned


class ProfileLine(NamedTuple):
    """One line of a profile: its `share` of the attention and of `uniform` attention, and first choice of `chosen` rows.

    `percent` is the share as shown: all lines of a profile add up to 100. `uniform` is None for hidden shares.
    """

    kind: str
    label: str
    place: str
    share: float
    percent: int
    uniform: float | None
    chosen: int

    @property
    def share_text(self) -> str:
        """The share in words, the same everywhere: 84 %."""
        return percent(self.share if 0.0 < self.share < MENTION else self.percent / 100)


@dataclass(frozen=True)
class HeadProfile:
    """Where a head looks on average over `rows` words: lines in reading order, whose shares add up to 1.

    `entropy` is in bits, of at most `most`.
    """

    lines: tuple[ProfileLine, ...]
    entropy: float
    most: float
    rows: int

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """(label, share) of every line."""
        return tuple((line.label, line.share) for line in self.lines)

    @property
    def spread(self) -> str:
        """The entropy in words."""
        return f"entropy {fixed(self.entropy, 1)} of at most {fixed(self.most, 1)} bits"

    def as_dict(self) -> dict[str, object]:
        """Return the profile as its JSON object."""
        places = [
            {"place": line.label, "share": line.share, "percent": line.percent, "even": line.uniform, "chosen": line.chosen}
            for line in self.lines
        ]
        return {"rows": self.rows, "entropy_bits": self.entropy, "most_bits": self.most, "places": places}


@dataclass(frozen=True, eq=False)
class Counts:
    """What the rows that count (see PositionClasses) give in one head, before it is put into words.

    `sums` is the mean share of each class of places, the last one those of the same word elsewhere; `chosen` of how many
    rows it is the first choice, and `firsts` the same for each key. `lost` is the mean hidden share, None where nothing
    is hidden, and `lost_first` of how many rows it is more than any key gets. `entropy` is in bits, of at most `most`.
    """

    sums: np.ndarray
    chosen: np.ndarray
    firsts: np.ndarray
    lost: float | None
    lost_first: int
    entropy: float
    most: float


def profile(pattern: Pattern, words: bool = True, classes: PositionClasses | None = None) -> HeadProfile:
    """Return the lines of "On average, this head looks at", averaged over the rows that count (see PositionClasses).

    Hidden shares are one more line, and one more place in the entropy, so that both describe whole rows.
    `most` is the mean over the rows of log2 of the places each can see: log2 n, and less in a causal model.
    """
    classes = classes or PositionClasses.of(pattern, words)
    found = counts(pattern.weights[None], pattern.hidden[None], classes)[0]
    lines = profile_lines(found, hidden_label(pattern), classes)[0]
    return HeadProfile(lines, found.entropy, found.most, int(classes.rows.sum()))


def counts(
    weights: Float[np.ndarray, "head query key"], hidden: Float[np.ndarray, "head query"], classes: PositionClasses
) -> list[Counts]:
    """Return the counts of heads that share their position classes: all at once is many times cheaper than one by one.

    `weights` and `hidden` are those of a pattern. Sums are in float64: their digits do not depend on the order of addition.
    """
    rows, many, count = classes.rows, len(classes.lines) + 1, max(len(classes.at), 1)
    hides, heads = np.any(hidden, -1).tolist(), np.arange(len(weights))
    weights, lost = weights[:, rows], hidden[:, rows]
    at = classes.at + many * heads[:, None, None]
    sums = np.bincount(at.ravel(), weights.ravel(), many * len(heads)).reshape(-1, many) / count
    top = weights.max(-1, initial=0.0)
    choice = _choices(weights, top, lost, classes)
    chosen = np.bincount((choice + many * heads[:, None])[choice >= 0], minlength=many * len(heads)).reshape(-1, many)
    firsts = (first_choices(weights) & (weights > lost[..., None])).sum(-2)
    bits, most = _entropies(weights, lost, classes).tolist(), _most(classes)
    mean_lost, lost_first = (lost.sum(-1, dtype=np.float64) / count).tolist(), (lost > top).sum(-1).tolist()
    return [
        Counts(
            sums[head], chosen[head], firsts[head], mean_lost[head] if hide else None, lost_first[head],
            bits[head][hide], most[hide],
        )
        for head, hide in enumerate(hides)
    ]  # fmt: skip


def profile_lines(
    found: Counts, hidden_label: str, classes: PositionClasses
) -> tuple[tuple[ProfileLine, ...], ProfileLine | None]:
    """Return the lines of a profile, and the line of the same word elsewhere (None if the text repeats too few words)."""
    sums, chosen, many = found.sums.tolist(), found.chosen.tolist(), len(classes.lines)
    repeat = None
    if classes.repeat is not None:
        repeat = _profile_line(classes.repeat, sums[many], float(fixed(100.0 * sums[many])), chosen[many])
    sums[classes.rest] += sums[many]
    chosen[classes.rest] += chosen[many]
    hidden = [] if found.lost is None else [found.lost]
    shares = [*sums[:many], *hidden]
    percents = round_parts(shares, alone=many if hidden else None)
    lines = [_profile_line(*one) for one in zip(classes.lines, shares, percents, chosen, strict=False)]
    if hidden:
        lines.append(ProfileLine("hidden", hidden_label, hidden_label, shares[-1], int(percents[-1]), None, found.lost_first))
    return tuple(lines), repeat


def _profile_line(line: PositionClass, share: float, percent: float, chosen: int) -> ProfileLine:
    """Return a line with its numbers."""
    return ProfileLine(line.kind, line.label, line.place, share, int(percent), line.uniform, chosen)


def _choices(weights: np.ndarray, top: np.ndarray, lost: np.ndarray, classes: PositionClasses) -> np.ndarray:
    """Return the line of each row's first choice in each head; -1 if two lines tie, or if hidden keys get more."""
    if not weights.size:
        return np.full(weights.shape[:2], -1)
    rows = np.arange(weights.shape[1])
    first, last = weights.argmax(-1), weights.shape[-1] - 1 - weights[..., ::-1].argmax(-1)
    line = classes.at[rows, first]
    if (first != last).any():
        other = classes.at[rows, last]
        both = (line != other) & (np.minimum(line, other) == classes.rest) & (np.maximum(line, other) == len(classes.lines))
        line = np.where(both, classes.rest, np.where(line == other, line, -1))
    return np.where(top > lost, line, -1)


def _entropies(weights: np.ndarray, lost: np.ndarray, classes: PositionClasses) -> np.ndarray:
    """Return the mean entropy of each head's rows, without and with the hidden share as one more place."""
    if not classes.rows.any():
        return np.zeros((len(weights), 2))
    weights = weights.astype(np.float64)
    own = entropy(weights).mean(-1)
    if not lost.any():
        return np.stack([own, own], -1)
    return np.stack([own, entropy(np.concatenate([weights, lost[..., None]], -1)).mean(-1)], -1)


def _most(classes: PositionClasses) -> tuple[float, float]:
    """Return the most that the mean entropy can be, without and with one more place."""
    if not classes.rows.any():
        return 0.0, 0.0
    places = classes.visible.sum(-1)
    return float(np.log2(places).mean()), float(np.log2(places + 1).mean())


def hidden_label(pattern: Pattern) -> str:
    """Name what takes the hidden shares of a pattern: `hidden tokens and a learned sink`."""
    parts = [part.value for part in HiddenPart if part in pattern.hidden_parts] + (["what is left out"] if pattern.keep else [])
    return joined(parts) or HiddenPart.SPECIAL_TOKENS.value
