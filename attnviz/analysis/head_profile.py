"""A head's profile: how much of its attention goes to each kind of place on one text, and how widely it looks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from attnviz.analysis.positions import PositionClass, PositionClasses
from attnviz.analysis.row_stats import entropy, percent
from attnviz.rounding import fixed, round_parts
from attnviz.types import HiddenPart, Pattern, joined

MENTION = 0.005  # a share that would be written "0 %" is not mentioned


@dataclass(frozen=True)
class ProfileLine:
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


def profile(pattern: Pattern, words: bool = True, classes: PositionClasses | None = None) -> HeadProfile:
    """Return the lines of "On average, this head looks at", averaged over the rows that count (see PositionClasses).

    Hidden shares are one more line, and one more place in the entropy, so that both describe whole rows.
    `most` is the mean over the rows of log2 of the places each can see: log2 n, and less in a causal model.
    """
    classes = classes or PositionClasses.of(pattern, words)
    bits, most = spread(pattern, classes)
    return HeadProfile(profile_lines(pattern, classes)[0], bits, most, int(classes.rows.sum()))


def profile_lines(pattern: Pattern, classes: PositionClasses) -> tuple[tuple[ProfileLine, ...], ProfileLine | None]:
    """Return the lines of a profile, and the line of the same word elsewhere (None if the text repeats too few words).

    Sums are in float64, so that their digits do not depend on the order of addition.
    """
    rows, many, count = classes.rows, len(classes.lines), max(len(classes.at), 1)
    weights, lost = pattern.weights[rows], pattern.hidden[rows]
    sums = np.bincount(classes.at.ravel(), weights.ravel(), many + 1) / count
    choice, top = _choices(weights, lost, classes)
    chosen = np.bincount(choice[choice >= 0], minlength=many + 1)
    repeat = None
    if classes.repeat is not None:
        repeat = _profile_line(classes.repeat, float(sums[many]), float(fixed(100.0 * sums[many])), int(chosen[many]))
    sums[classes.rest] += sums[many]
    chosen[classes.rest] += chosen[many]
    shares, hidden = sums[:many].tolist(), bool(pattern.hidden.any())
    if hidden:
        shares.append(float(lost.sum(dtype=np.float64)) / count)
    percents = round_parts(shares, alone=many if hidden else None)
    found = [_profile_line(*one) for one in zip(classes.lines, shares, percents, chosen.tolist(), strict=False)]
    if hidden:
        label = hidden_label(pattern)
        found.append(ProfileLine("hidden", label, label, shares[-1], int(percents[-1]), None, int((lost > top).sum())))
    return tuple(found), repeat


def _profile_line(line: PositionClass, share: float, percent: float, chosen: int) -> ProfileLine:
    """Return a line with its numbers."""
    return ProfileLine(line.kind, line.label, line.place, share, int(percent), line.uniform, chosen)


def _choices(weights: np.ndarray, lost: np.ndarray, classes: PositionClasses) -> tuple[np.ndarray, np.ndarray]:
    """Return the line of each row's first choice, and its weight; -1 if two lines tie, or if hidden keys get more."""
    if not weights.size:
        return np.full(len(weights), -1), np.zeros(len(weights), np.float32)
    rows = np.arange(len(weights))
    first, last = weights.argmax(-1), weights.shape[1] - 1 - weights[:, ::-1].argmax(-1)
    top, line = weights[rows, first], classes.at[rows, first]
    if (first != last).any():
        other = classes.at[rows, last]
        both = (line != other) & (np.minimum(line, other) == classes.rest) & (np.maximum(line, other) == len(classes.lines))
        line = np.where(both, classes.rest, np.where(line == other, line, -1))
    return np.where(top > lost, line, -1), top


def spread(pattern: Pattern, classes: PositionClasses) -> tuple[float, float]:
    """Return the mean entropy of the rows that count, and its maximum; hidden shares count as one more place."""
    rows = classes.rows
    if not rows.any():
        return 0.0, 0.0
    weights, places = pattern.weights[rows].astype(np.float64), classes.visible.sum(-1)
    if pattern.hidden.any():
        weights, places = np.concatenate([weights, pattern.hidden[rows, None]], -1), places + 1
    return float(entropy(weights).mean()), float(np.log2(places).mean())


def hidden_label(pattern: Pattern) -> str:
    """Name what takes the hidden shares of a pattern: `hidden tokens and a learned sink`."""
    parts = [part.value for part in HiddenPart if part in pattern.hidden_parts] + (["what is left out"] if pattern.keep else [])
    return joined(parts) or HiddenPart.SPECIAL_TOKENS.value
