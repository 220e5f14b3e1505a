"""A pattern or a difference together with its style: colours, numbers and words of one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from attnviz.analysis.compare import Difference
from attnviz.figures import encoding
from attnviz.figures.vector import lettering
from attnviz.types import Pattern, Unit


@dataclass(frozen=True, eq=False)
class HeadPicture:
    """The content of a picture: a pattern or a difference, its name, and a second line that describes it.

    `selected_rows` are highlighted rows; `coded` writes letters without a font as code points. `most` is the largest sum that
    a row can have: 1 for a head, the number of heads for a sum of several. `unseen` are cells that cannot be looked at; None
    finds those of a causal pattern.
    """

    pattern: Pattern | Difference
    name: str
    line: str
    theme: str = "light"
    selected_rows: tuple[int, ...] = ()
    coded: bool = False
    most: float = 1.0
    unseen: Bool[np.ndarray, "query key"] | None = None

    @property
    def signed(self) -> bool:
        """Whether values are differences, -1 to 1."""
        return isinstance(self.pattern, Difference)

    @property
    def colours(self) -> encoding.Theme:
        """The theme's colours."""
        return encoding.theme(self.theme)

    @property
    def shares(self) -> Float[np.ndarray, "query key"]:
        """Values relative to the largest possible sum of a row, for colours and widths."""
        return self.pattern.weights / np.float32(self.most)

    def colour(self, share: float) -> str:
        """Return the colour of a share or of a difference."""
        return (encoding.difference_colour if self.signed else encoding.weight_colour)(share, self.theme)

    def number(self, value: float) -> str:
        """Return a value as text for a cell."""
        return encoding.signed(value) if self.signed else encoding.three(value)

    def visible(self, text: str) -> str:
        """Return the reader's text as it is shown here."""
        return lettering.readable(encoding.visible(text)) if self.coded else encoding.visible(text)

    @staticmethod
    def marked(text: str, units: Sequence[Unit], at: int) -> str:
        """Return a label, with its mark if the model cannot read the unit at its place."""
        return encoding.marked(text, units[at]) if at < len(units) else text

    def exact(self, query: int, key: int) -> str:
        """Return a link and its value: `it → animal 0.640`."""
        value = self.pattern.weights[query, key]
        written = encoding.signed(value) if self.signed else encoding.three(value)
        pattern = self.pattern
        names = (pattern.queries, pattern.query_units, query), (pattern.keys, pattern.key_units, key)
        link = encoding.link(*(self.marked(encoding.visible(texts[at]), units, at) for texts, units, at in names))
        return f"{link} {written}"
