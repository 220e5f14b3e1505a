"""Number of tokens of pictures, sounds, films and proteins, and the cost of attention over them.

Counts are multiplications of one layer, exact by the formulas beside them; additions, softmax and biases are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError

FLOAT = 4  # bytes of a number
MEL = 100  # slices of sound a second that Whisper is given (Radford et al. 2022, arXiv:2212.04356, section 2.2)
STRIDE = 2  # and of which its second convolution keeps every other one


def image(height: int, width: int, patch: int) -> int:
    """Return the number of square patches in an image, each one token (Dosovitskiy et al. 2021, arXiv:2010.11929, section 3.1).

    What is left at the edges is cut away; the one token that stands for the whole image is not counted.
    """
    return (_integer(height, "height") // _integer(patch, "patch")) * (_integer(width, "width") // patch)


def sound(seconds: float | int) -> int:
    """Return the number of tokens of a sound as Whisper reads it: 50 per second."""
    return int(MEL * _positive(seconds, "seconds")) // STRIDE


def video(seconds: float | int, rate: float | int, height: int, width: int, patch: int, frames: int) -> int:
    """Return the number of tubelets, blocks of `frames` frames by a patch; each is one token.

    `rate` is how many frames per second the model gets. Arnab et al. 2021, arXiv:2103.15691, section 3.2.
    """
    seen = int(_positive(seconds, "seconds") * _positive(rate, "rate"))
    return seen // _integer(frames, "frames") * image(height, width, patch)


def protein(residues: int) -> int:
    """Return the number of amino acids, each one token, plus a token at each end.

    Lin et al. 2023, ESM-2, doi:10.1126/science.ade2574.
    """
    return _integer(residues, "residues") + 2


@dataclass(frozen=True)
class AttentionCost:
    """What one layer of attention costs: `tokens` tokens of `width` numbers look at `source` tokens, the same or others.

    `pairs` are the weights of one head, `stored` their bytes in float32 where nothing is tiled.
    """

    tokens: int
    width: int
    source: int

    @property
    def pairs(self) -> int:
        """Weights of one head."""
        return self.tokens * self.source

    @property
    def stored(self) -> int:
        """Bytes of one head's weights."""
        return FLOAT * self.pairs

    @property
    def mixing(self) -> int:
        """Scores and mixes: m n d each, all heads together (Vaswani et al. 2017, table 1)."""
        return 2 * self.tokens * self.source * self.width

    @property
    def projecting(self) -> int:
        """Queries and outputs of those that look, keys and values of those that are looked at: d² for each vector."""
        return 2 * (self.tokens + self.source) * self.width**2

    @property
    def work(self) -> int:
        """All multiplications of the attention half of a layer."""
        return self.mixing + self.projecting

    @property
    def share(self) -> float:
        """The part of a standard layer's work that grows with n²: 2 n² d of 2 n² d + 4 n d² + 8 n d².

        The last term is the small network, four times as wide inside as outside (Vaswani et al. 2017, section 3.3).
        """
        return self.mixing / (self.work + 8 * self.tokens * self.width**2)


@dataclass(frozen=True)
class TextSizes:
    """Of a text as a model reads it: tokens, numbers of a token's vector, and numbers that a layer keeps of each token."""

    tokens: int
    width: int
    kept: int


USUAL = 64  # numbers a head, where a model does not show its own


def sizes(trace: Trace) -> TextSizes:
    """Return the sizes of a trace's first block; grouped queries keep fewer keys and values than there are heads."""
    block = trace.parts[0]
    call = block.calls[0]
    if isinstance(call, Dense):
        return TextSizes(len(block.queries), call.heads * USUAL, 2 * call.heads * USUAL)
    return TextSizes(len(block.queries), call.heads * call.dim, 2 * call.groups * call.dim)


def attention(tokens: int, width: int, source: int | None = None) -> AttentionCost:
    """Return the cost of self-attention, or of cross-attention where `source` is another text's number of tokens."""
    return AttentionCost(tokens, width, tokens if source is None else source)


def level(width: int) -> int:
    """Return the number of tokens at which half of a standard layer's work grows with n²: 2 n² d = 12 n d², so n = 6 d."""
    return 6 * width


def recurrent(tokens: int, width: int) -> int:
    """Multiplications of a plain recurrent layer (Elman 1990): each token's input and memory go through a matrix each."""
    return 2 * tokens * width**2


def _integer(value: int, name: str) -> int:
    """Return a size that can be divided by and counted with."""
    if value < 1:
        raise BadInputError(f"The {name} must be at least 1; got {value}. Enter a larger number.")
    return int(value)


def _positive(value: float | int, name: str) -> float:
    """Return a duration or rate above 0."""
    if not value > 0:
        raise BadInputError(f"The {name} must be above 0; got {value}. Enter a larger number.")
    return float(value)
