"""Bytes that all requests together may hold in; what would go beyond is refused as busy, before it is held.

Small things need no room: their number is bounded by that of the connections, and nobody who fills the room keeps them out.
One that is larger than all the room is let in where nobody else holds anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attnviz.errors import BusyError

AGAIN = 1  # seconds after which to ask again


class Room:
    """At most `most` bytes of what is larger than `free` bytes; `what` names it. For one event loop."""

    def __init__(self, most: int, free: int, what: str) -> None:
        self.most, self.free, self.what = most, free, what
        self.held = 0  # bytes

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A place in it, empty at first and given back in the end."""
        place = Place(self)
        try:
            yield place
        finally:
            self.held -= place.size


class Place:
    """What one request holds."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.size = 0  # bytes that count

    def grow(self, size: int) -> None:
        """From now on it is `size` bytes, or BusyError."""
        room, wanted = self.room, size if size > self.room.free else 0
        others = room.held - self.size
        if wanted and others and others + wanted > room.most:
            most = f"{room.most // 2**20:,} MB of {room.what} are under way"
            raise BusyError(f"The server is busy, try again in {AGAIN} s: {most}.", AGAIN)
        room.held, self.size = others + wanted, wanted
