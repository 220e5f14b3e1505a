"""Report the probes of an atlas: each head's score on random tokens, with its interval and the names that heads get.

Heads are ordered by the even half of the sequences and reported on the odd half, as everywhere.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from jaxtyping import Float

from attnviz.analysis.statistics import student_interval
from attnviz.errors import BadInputError
from attnviz.linguistics.atlas.reader import Atlas, nearest
from attnviz.linguistics.probes.random_tokens import EVEN, ODD
from attnviz.types import HeadRef, HeadScores, joined, quoted

BAR = 0.5  # a head gets a probe's name if more than half of its attention goes there, with its whole interval
ENCODER = (
    "This model reads both ways and predicts no next token: what Olsson et al. call an induction head cannot be in it, and "
    "the score is only how much the second copy looks at the token after the first."
)


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """One probe of every head: `scores` are means over the odd sequences, `errors` their standard errors.

    `even` are the means over the even sequences, by which `order` and `head` are chosen; `uniform` is what a head scores
    that looks equally at all visible tokens; `sequences` counts the even and the odd ones. `role` is the name that a head
    earns, "" if this kind of model cannot have it.
    """

    key: str
    name: str
    says: str
    source: str
    role: str
    scores: HeadScores
    even: Float[np.ndarray, "layer head"]
    errors: Float[np.ndarray, "layer head"]
    uniform: float
    sequences: tuple[int, int]

    @property
    def order(self) -> tuple[HeadRef, ...]:
        """All heads, the highest score on the even half first."""
        places = (np.unravel_index(at, self.even.shape) for at in np.argsort(-self.even, axis=None, kind="stable"))
        return tuple(HeadRef(int(layer), int(head)) for layer, head in places if np.isfinite(self.even[layer, head]))

    @property
    def head(self) -> HeadRef:
        """The best head on the even half."""
        return self.order[0]

    def at(self, head: HeadRef) -> float:
        """Return the score of one head on the odd half."""
        return float(self.scores.values[head.layer, head.head])

    def interval(self, head: HeadRef) -> tuple[float, float]:
        """Return the 95 % interval of that score over sequences (Student's), within 0 to 1."""
        low, high = student_interval(self.at(head), float(self.errors[head.layer, head.head]), self.sequences[ODD])
        return max(0.0, low), min(1.0, high)

    def rank(self, head: HeadRef) -> int:
        """Return the rank of a head on the even half, from 1; equal heads share the better rank."""
        return 1 + int((self.even > self.even[head.layer, head.head]).sum())

    @property
    def earned(self) -> tuple[HeadRef, ...]:
        """The heads that earn `role`: above BAR on the even half, and on the odd half with the whole interval."""
        if not self.role:
            return ()
        return tuple(
            head for head in self.order if self.even[head.layer, head.head] > BAR and self.interval(head)[0] > BAR
        )  # fmt: skip


@lru_cache(maxsize=8)
def results(atlas: Atlas) -> tuple[ProbeResult, ...]:
    """Return every known probe of an atlas; raises BadInputError, with the reason, if it has none."""
    figures, facts = atlas.probes, atlas.header.probes
    assert facts is not None  # `atlas.probes` raises before
    found = []
    for at, key in enumerate(facts.names):
        if key not in known():
            continue
        entry, ((even, odd), (_, errors)) = known()[key], figures[:, :, at]
        role = entry["role"] if not entry.get("causal") or atlas.header.causal else ""
        found.append(
            ProbeResult(
                key, entry["name"], entry["says"], entry["source"], role, HeadScores(entry["name"], odd, "share", 0.0, 1.0),
                even, errors, facts.uniform[at], facts.sequences,
            )
        )  # fmt: skip
    return tuple(found)


def result(atlas: Atlas, key: str) -> ProbeResult:
    """Return one probe by its key; raises BadInputError, which lists the probes, for an unknown one."""
    found = {one.key: one for one in results(atlas)}
    if key not in found:
        raise BadInputError(f"There is no probe {quoted(key)}.{nearest(key, list(found))} There are {joined(tuple(found))}.")
    return found[key]


def method(atlas: Atlas) -> str:
    """Describe in a sentence how the probes of this atlas were made."""
    facts = atlas.header.probes
    if facts is None or facts.missing:
        return ""
    before = f"{' '.join(facts.start)} first, then " if facts.start else ""
    behind = f", then {' '.join(facts.end)}" if facts.end else ""
    return (
        f"{sum(facts.sequences)} sequences: {before}{facts.length} different tokens, drawn at random from the "
        f"{facts.drawn_from:,} that are letters only and stand alone, then the same tokens again{behind}. Chosen on "
        f"{facts.sequences[EVEN]} of the sequences, reported on the other {facts.sequences[ODD]}."
    )


@lru_cache(maxsize=1)
def known() -> dict[str, dict]:
    """Read the file content/probes.toml."""
    return tomllib.loads(resources.files("attnviz").joinpath("content/probes.toml").read_text("utf-8"))["probe"]
