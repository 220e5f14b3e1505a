"""Align a tokenizer's pieces with the text: characters, word and label of each piece."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from unicodedata import category, normalize

from attnviz.text.words import words

_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_WINDOW = 4096  # characters searched after an unknown piece; limits the time that a hostile text can take


@dataclass(frozen=True)
class Piece:
    """One piece from the tokenizer: its id, its own string, and its characters, including spaces.

    `raw` is the piece as bytes if the tokenizer works on bytes, else None. `role` is text, mask, or special for a token that
    the template adds. `unknown` is True for the tokenizer's unknown token. `spelled` is the piece without the tokenizer's
    signs for spaces and parts of a word, if it is not bytes.
    """

    id: int
    piece: str
    start: int = 0
    end: int = 0
    raw: bytes | None = None
    role: str = "text"
    unknown: bool = False
    spelled: str = ""


@dataclass(frozen=True)
class PiecePlace:
    """The place of a piece: `text` as shown, characters `start` to `end`, and its word, None for a mask."""

    text: str
    start: int
    end: int
    word: int | None


def place_pieces(text: str, pieces: Sequence[Piece], given: Sequence[tuple[int, int]] | None = None) -> tuple[PiecePlace, ...]:
    """Return the places of one text's pieces, in order of start; its words are our own, or those `given` as spans.

    A piece belongs to the word in which it starts. Characters that the tokenizer dropped (control characters, accents)
    go to the piece before them in their word. A piece of only spaces belongs to no word of the text and
    gets a number of its own, counted on from the last word.
    """
    found = words(text) if given is None else given
    starts = [start for start, _ in found]
    spans: list[list[int]] = []
    numbers: list[int | None] = []
    floor, reached, blanks, last_blank = 0, 0, 0, -1
    for piece in _one_character_each(pieces):
        start, end, blank = _located(text, piece, floor, reached)
        floor, reached = start, max(reached, end)
        number = max(0, bisect_right(starts, start) - 1)
        if piece.role == "mask":
            numbers.append(None)
        elif blank and not (start == end and _midword(found, number, start, numbers)):
            blanks += start != last_blank  # the bytes of one space character stay together
            last_blank = start
            numbers.append(len(found) + blanks - 1)
        else:  # a space without its own character, added in the middle of a word, does not split it
            numbers.append(number)
        spans.append([start, end])
    _covered(found, spans, numbers)
    return tuple(
        PiecePlace(piece.piece if piece.role == "mask" else label(text[start:end], piece), start, end, number)
        for piece, (start, end), number in zip(pieces, spans, numbers, strict=True)
    )


def _midword(found: Sequence[tuple[int, int]], number: int, at: int, numbers: Sequence[int | None]) -> bool:
    """Return whether place `at` is in the middle of word `number`: beyond its start, or after another piece of it."""
    return number < len(found) and at < found[number][1] and (found[number][0] < at or numbers[-1:] == [number])


def label(typed: str, piece: Piece) -> str:
    """Return the text shown for a piece: as typed, or the names of its bytes if it is only a part of a character."""
    if piece.raw is None:
        return typed
    shown = bytes_to_text(piece.raw)
    return shown.lstrip() if shown != piece.raw.decode(errors="replace") else typed


def bytes_to_text(raw: bytes) -> str:
    """Return UTF-8 as text; a byte that is not part of a whole character becomes its name, `<0xF0>`."""
    text = raw.decode("utf-8", errors="surrogateescape")  # such a byte b becomes U+DC00 + b
    return re.sub("[\udc80-\udcff]", lambda byte: f"<0x{ord(byte[0]) - 0xDC00:02X}>", text)


def text_to_bytes(text: str) -> bytes:
    """Return the bytes behind a label made by `named`."""
    parts = _BYTE.split(text)  # text, hexadecimal digits, text, …
    return b"".join(bytes.fromhex(part) if i % 2 else part.encode() for i, part in enumerate(parts))


def alphabet() -> dict[str, int]:
    """Return the characters that represent bytes in byte-level vocabularies: character -> byte.

    Printable bytes represent themselves; the characters from U+0100 on represent the others, in order
    (Radford et al. 2019, `bytes_to_unicode` of the published encoder).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(others)}


def byte_named(piece: str) -> bytes | None:
    """Return the byte of a byte-fallback piece `<0x0A>`; None for any other piece."""
    match = _BYTE.fullmatch(piece)
    return bytes.fromhex(match[1]) if match else None


def _one_character_each(pieces: Sequence[Piece]) -> list[Piece]:
    """Distribute bytes that share a span of several characters (unigram models join unknown ones) to the characters."""
    out: list[Piece] = []
    for (start, end, is_bytes), run in groupby(pieces, key=lambda p: (p.start, p.end, p.raw is not None and p.role == "text")):
        group = list(run)
        text = b"".join(piece.raw or b"" for piece in group).decode(errors="replace")
        if not is_bytes or end - start < 2 or len(group) < 2 or "\ufffd" in text or len(text) != end - start:
            out += group
            continue
        owners = [start + i for i, character in enumerate(text) for _ in character.encode()]
        seen = 0
        for piece in group:
            size = len(piece.raw or b"")
            out.append(replace(piece, start=owners[seen], end=owners[seen + size - 1] + 1) if size else piece)
            seen += size
    return out


def _located(text: str, piece: Piece, floor: int, reached: int) -> tuple[int, int, bool]:
    """Return a piece's start, its end, and whether it is only spaces; never before `floor`, the start of the piece before it.

    `reached` is the end of the pieces before it.

    Post-processors trim spaces off the spans of byte-level pieces, pieces of only spaces to nothing; and the space that a
    tokenizer adds before the text has the span of the first character. Both are corrected here.
    """
    start = min(max(piece.start, floor), len(text))
    end = min(max(piece.end, start), len(text))
    if piece.role == "mask":
        return start, end, False
    content = piece.piece.replace("▁", " ") if piece.raw is None else piece.raw.decode(errors="replace")
    if content.isspace():
        size = len(content)
        trimmed = len(piece.piece) - len(piece.piece.lstrip("Ġ"))
        whole = (start - trimmed, start - trimmed + size)
        for low, high in ((start, end), whole, (0, size) if start == 0 else whole):  # the first space is cut at its end
            if floor <= low and high - low >= size and text[low:high].isspace():
                return low, high, True
        place = max(floor, whole[0]) if start == end else start
        before = max(reached, len(text[:place].rstrip()))  # some add one space before each word instead of those typed
        return min(before, place), place, True
    if piece.raw is not None:
        start = _untrimmed(text, start, content, max(floor, reached))
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace() and not content[-1:].isspace():  # an added token includes the spaces after it
        end -= 1
    if start == end and piece.end > piece.start:  # bytes of a space character
        return max(min(piece.start, end), floor), end, True
    return start, end, False


def _untrimmed(text: str, start: int, content: str, least: int) -> int:
    """Return where a byte-level piece begins: post-processors trim its span by as many characters as it has leading spaces.

    If the tokenizer itself added a space before a stretch without one, as after an added token, this removes characters of
    the piece. They are restored: they are not spaces, and no earlier piece covers them.
    """
    trimmed = len(content) - len(content.lstrip())
    low = max(least, start - trimmed)
    return low if low < start and not any(character.isspace() for character in text[low:start]) else start


def _covered(found: Sequence[tuple[int, int]], spans: list[list[int]], numbers: Sequence[int | None]) -> None:
    """Widen spans, in place, until the pieces of a word cover all of it that no piece of an earlier word covers."""
    reached = 0
    for number, run in groupby(range(len(spans)), key=lambda i: numbers[i]):
        group = list(run)
        if number is not None and number < len(found):
            low, high = found[number]
            _widened(spans, group, max(low, reached), high)
        reached = max([reached, *(spans[i][1] for i in group)])


def _widened(spans: list[list[int]], group: Sequence[int], low: int, high: int) -> None:
    """Return the pieces of one word widened to cover `low` to `high`; pieces that share a span still share it."""
    shared = [[spans[i] for i in run] for _, run in groupby(group, key=lambda i: tuple(spans[i]))]
    for span in shared[0]:
        span[0] = min(span[0], low)
    for at, run in enumerate(shared):
        reach = shared[at + 1][0][0] if at + 1 < len(shared) else high
        for span in run:
            span[1] = max(span[1], reach)


def aligned(text: str, pieces: Sequence[str]) -> list[tuple[int, int]]:
    """Return spans for the pieces of a tokenizer that gives none, by following the text piece by piece.

    Both are compared without case, accents, spaces and control characters. Pieces that do not match (unknown words,
    rewritten characters) get the text before the next piece that does: one stretch between spaces each if the numbers agree,
    or else all of it together.
    """
    folded, origin = _folded(text)
    origin.append(len(text))
    letters = [bare(piece).strip() for piece in pieces]
    cores = [_folded(piece)[0] for piece in letters]
    spans: list[tuple[int, int]] = []
    at, done = 0, 0  # in `folded`; in `text`
    here = 0
    while here < len(pieces):
        core = cores[here]
        if core and folded.startswith(core, at):
            done = origin[at + len(core) - 1] + 1
            spans.append((origin[at], done))
            at, here = at + len(core), here + 1
            continue
        stop, at = _anchor(folded, cores, here, at)
        gap = (done, max(done, origin[at]))  # one character may become two when folded, and end in the middle of a piece
        spans += _shared(text, gap, letters[here:stop])
        done, here = gap[1], stop
    return spans


def _anchor(folded: str, cores: Sequence[str], here: int, at: int) -> tuple[int, int]:
    """Return the next piece after `here` that can be found in the text, and its place; the ends of both if there is none."""
    for stop in range(here + 1, len(cores)):
        if not cores[stop]:
            continue
        least = at + any(cores[here:stop])  # a piece with letters is at least one character
        for anchor in ("".join(cores[stop : stop + 3]), cores[stop]):
            where = folded.find(anchor, least, least + _WINDOW)
            if where >= 0:
                return stop, where
    return len(cores), len(folded)


def _shared(text: str, gap: tuple[int, int], bare: Sequence[str]) -> list[tuple[int, int]]:
    """Return the spans of unmatched pieces inside a gap of the text. A piece without letters ("▁") gets spaces."""
    chunks = [(gap[0] + chunk.start(), gap[0] + chunk.end()) for chunk in re.finditer(r"\S+", text[gap[0] : gap[1]])]
    if not chunks:
        return [gap if i == 0 else (gap[1], gap[1]) for i in range(len(bare))]
    runs = [(letters, len(list(run))) for letters, run in groupby(bare, key=bool)]
    if sum(letters for letters, _ in runs) != len(chunks):  # spaces do not show which piece belongs where
        runs = [(bool(letters), 1) for letters in bare]
        if sum(map(bool, bare)) != len(chunks):
            chunks = [(chunks[0][0], chunks[-1][1])] * len(bare)
    spans, edge, taken = [], gap[0], 0
    for letters, size in runs:
        if letters:
            spans += [chunks[taken]] * size
            edge, taken = chunks[taken][1], taken + 1
        else:
            spans += [(edge, max(edge, chunks[taken][0] if taken < len(chunks) else gap[1]))] * size
    return spans


def bare(piece: str) -> str:
    """Return a piece without the signs that show whether a word begins, continues or ends in it."""
    piece = piece.replace("▁", " ")
    piece = piece[2:] if piece.startswith("##") and len(piece) > 2 else piece
    for ending in ("@@", "</w>"):
        piece = piece[: -len(ending)] if piece.endswith(ending) and len(piece) > len(ending) else piece
    return piece


def _folded(text: str) -> tuple[str, list[int]]:
    """Return the text in the form for comparison, and the original place of each of its characters."""
    pairs = [
        (folded, at)
        for at, character in enumerate(text)
        for folded in normalize("NFKD", character).casefold()
        if not folded.isspace() and category(folded) not in ("Mn", "Mc", "Me", "Cc", "Cf")
    ]
    return "".join(folded for folded, _ in pairs), [at for _, at in pairs]
