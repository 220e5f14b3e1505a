"""A small picture made of arithmetic: a sun over the sea with a boat; and a picture cut into patches, each a vector."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from attnviz.errors import ShapeError

SIDE, PATCH = 40, 5  # pixels
SUN, SKY, SEA, BOAT = (2, 5), (1, 1), (6, 2), (4, 2)  # a patch (row, column) of each


def scene() -> Float[np.ndarray, "height width colour"]:
    """A picture of 40 by 40 pixels, red, green and blue from 0 to 1, the same each time."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    down = y / SIDE
    made = np.stack([0.45 + 0.5 * down, 0.68 + 0.18 * down, np.full_like(y, 0.92)], -1)  # a sky that pales to the horizon
    wave = 0.05 * np.sin(0.9 * x + 1.7 * y)
    sea = y >= 24
    made[sea] = np.stack([0.08 + wave, 0.32 + wave, 0.52 + wave - 0.2 * (down - 0.6)], -1)[sea]
    made[(x - 27) ** 2 + (y - 12) ** 2 <= 30] = (1.0, 0.86, 0.3)
    made[(y >= 21) & (y < 25) & (np.abs(x - 12) <= 5 - (y - 21))] = (0.42, 0.2, 0.12)  # a hull
    made[(y >= 14) & (y < 21) & (x >= 12) & (x - 12 <= (y - 14) * 0.7)] = (0.96, 0.95, 0.92)  # and a sail
    return made.clip(0.0, 1.0)


def patches(image: Float[np.ndarray, "height width colour"], side: int) -> Float[np.ndarray, "patch numbers"]:
    """Square patches from left to right and top to bottom, the colours of each written one after the other."""
    height, width, colours = image.shape
    if height % side or width % side:
        raise ShapeError(
            f"A picture of {height} by {width} pixels cannot be cut into patches of {side}. Choose a divisor of both."
        )
    cut = image.reshape(height // side, side, width // side, side, colours)
    return cut.transpose(0, 2, 1, 3, 4).reshape(-1, side * side * colours)  # [row * column, pixel * colour]
