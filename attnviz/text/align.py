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
_WINDOW = 4096  # how many characters ahead an unknown piece is looked past; bounds the time a hostile text can take


@dataclass(frozen=True)
class Piece:
    """One piece as the tokenizer gives it: its id, its own string, and its characters, blanks included.

    `raw` is the piece as bytes where the tokenizer works on bytes, None elsewhere. `role` is text, mask, or special
    for a token that the template adds. `unknown` is True where it is the tokenizer's unknown token. `spelled` is the
    piece without the tokenizer's signs for blanks and for parts of a word, where it is no bytes.
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
    """Where a piece stands: `text` as shown, characters `start` to `end`, and its word, None for a mask."""

    text: str
    start: int
    end: int
    word: int | None


def place_pieces(text: str, pieces: Sequence[Piece], given: Sequence[tuple[int, int]] | None = None) -> tuple[PiecePlace, ...]:
    """Return the places of one text's pieces, in order of start; its words are our own, or those `given` as spans.

    A piece belongs to the word in which it starts. Characters that the tokenizer dropped (control characters, accents)
    go to the piece before them in their word. A piece that is nothing but blanks belongs to no word of the text and
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
            blanks += start != last_blank  # the bytes of one blank character stay together
            last_blank = start
            numbers.append(len(found) + blanks - 1)
        else:  # a blank without a character of its own, put in the middle of a word, does not part it
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
    """What to show for a piece: the text as typed, or the names of bytes where it holds only a part of a character."""
    if piece.raw is None:
        return typed
    shown = bytes_to_text(piece.raw)
    return shown.lstrip() if shown != piece.raw.decode(errors="replace") else typed


def bytes_to_text(raw: bytes) -> str:
    """UTF-8 as text, with each byte that is no part of a whole character by name: `<0xF0>`."""
    text = raw.decode("utf-8", errors="surrogateescape")  # such a byte b becomes U+DC00 + b
    return re.sub("[\udc80-\udcff]", lambda byte: f"<0x{ord(byte[0]) - 0xDC00:02X}>", text)


def text_to_bytes(text: str) -> bytes:
    """Return the bytes behind a label made by `named`."""
    parts = _BYTE.split(text)  # text, hexadecimal digits, text, …
    return b"".join(bytes.fromhex(part) if i % 2 else part.encode() for i, part in enumerate(parts))


def alphabet() -> dict[str, int]:
    """Return the characters that stand for bytes in byte-level vocabularies: character -> byte.

    Printable bytes stand for themselves, the others for the characters from U+0100 on, in order
    (Radford et al. 2019, `bytes_to_unicode` of the published encoder).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + i): byte for i, byte in enumerate(others)}


def byte_named(piece: str) -> bytes | None:
    """Return the byte that a byte-fallback piece `<0x0A>` stands for; None for any other piece."""
    match = _BYTE.fullmatch(piece)
    return bytes.fromhex(match[1]) if match else None


def _one_character_each(pieces: Sequence[Piece]) -> list[Piece]:
    """Bytes that share one span of several characters (unigram models join unknown ones) dealt out to the characters."""
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
    """Start, end and whether it is nothing but blanks; never before `floor`, where the piece before it starts.

    `reached` is how far the pieces before it go.

    Post-processors trim blanks off the spans of byte-level pieces, whole blank pieces to nothing; and the blank that a
    tokenizer puts before the text has the span of the first character. Both are put right here.
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
        for low, high in ((start, end), whole, (0, size) if start == 0 else whole):  # the very first blank is cut at its end
            if floor <= low and high - low >= size and text[low:high].isspace():
                return low, high, True
        place = max(floor, whole[0]) if start == end else start
        before = max(reached, len(text[:place].rstrip()))  # some put a blank before each word in place of those typed
        return min(before, place), place, True
    if piece.raw is not None:
        start = _untrimmed(text, start, content, max(floor, reached))
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace() and not content[-1:].isspace():  # an added token takes blanks after it along
        end -= 1
    if start == end and piece.end > piece.start:  # bytes of a blank character
        return max(min(piece.start, end), floor), end, True
    return start, end, False


def _untrimmed(text: str, start: int, content: str, least: int) -> int:
    """Return where a byte-level piece begins: post-processors trim as many characters off its span as it has leading blanks.

    Where the tokenizer itself put a blank before a stretch that begins without one, as after an added token, that takes
    off characters of the piece. They are taken back: they are no blanks, and no earlier piece reaches over them.
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
    """The pieces of one word from `low` to its end `high`; pieces that share a span go on sharing it."""
    shared = [[spans[i] for i in run] for _, run in groupby(group, key=lambda i: tuple(spans[i]))]
    for span in shared[0]:
        span[0] = min(span[0], low)
    for at, run in enumerate(shared):
        reach = shared[at + 1][0][0] if at + 1 < len(shared) else high
        for span in run:
            span[1] = max(span[1], reach)


def aligned(text: str, pieces: Sequence[str]) -> list[tuple[int, int]]:
    """Spans for the pieces of a tokenizer that gives none: walk through the text, piece by piece.

    Both are compared without case, accents, blanks and control characters. Pieces that do not match (unknown words,
    rewritten characters) take what lies before the next piece that does: one blank-separated stretch each where the
    numbers agree, all of it together elsewhere.
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
        gap = (done, max(done, origin[at]))  # one character may be two when folded, and end in the middle of a piece
        spans += _shared(text, gap, letters[here:stop])
        done, here = gap[1], stop
    return spans


def _anchor(folded: str, cores: Sequence[str], here: int, at: int) -> tuple[int, int]:
    """Return the next piece after `here` that can be found in the text, and where; the ends of both where there is none."""
    for stop in range(here + 1, len(cores)):
        if not cores[stop]:
            continue
        least = at + any(cores[here:stop])  # a piece with letters stands for at least one character
        for anchor in ("".join(cores[stop : stop + 3]), cores[stop]):
            where = folded.find(anchor, least, least + _WINDOW)
            if where >= 0:
                return stop, where
    return len(cores), len(folded)


def _shared(text: str, gap: tuple[int, int], bare: Sequence[str]) -> list[tuple[int, int]]:
    """Return the spans of pieces that did not match, inside a gap of the text. A piece without letters ("▁") takes blanks."""
    chunks = [(gap[0] + chunk.start(), gap[0] + chunk.end()) for chunk in re.finditer(r"\S+", text[gap[0] : gap[1]])]
    if not chunks:
        return [gap if i == 0 else (gap[1], gap[1]) for i in range(len(bare))]
    runs = [(letters, len(list(run))) for letters, run in groupby(bare, key=bool)]
    if sum(letters for letters, _ in runs) != len(chunks):  # blanks do not tell which piece stands for what
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
    """Return a piece without the signs that say whether a word begins, goes on or ends in it."""
    piece = piece.replace("▁", " ")
    piece = piece[2:] if piece.startswith("##") and len(piece) > 2 else piece
    for ending in ("@@", "</w>"):
        piece = piece[: -len(ending)] if piece.endswith(ending) and len(piece) > len(ending) else piece
    return piece


def _folded(text: str) -> tuple[str, list[int]]:
    """Return the text for comparing, and for each of its characters the place it came from."""
    pairs = [
        (folded, at)
        for at, character in enumerate(text)
        for folded in normalize("NFKD", character).casefold()
        if not folded.isspace() and category(folded) not in ("Mn", "Mc", "Me", "Cc", "Cf")
    ]
    return "".join(folded for folded, _ in pairs), [at for _, at in pairs]
