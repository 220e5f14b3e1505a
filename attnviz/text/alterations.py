"""Find the parts of a text that its pieces do not spell as typed, and what is lost: case, accents, forms, characters."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain, combinations, groupby
from unicodedata import category, normalize

from attnviz.legibility import KINDS, LISTED, AlteredText, Legibility
from attnviz.text.align import Piece, alphabet
from attnviz.text.words import MASK, words
from attnviz.types import Token

_BYTES = alphabet()
_STEPS = KINDS[:-1]  # each is a step of normalisation; `other` is for everything else


def legibility(texts: Sequence[str], pieces: Sequence[Piece], tokens: Sequence[Token], first: int = 0) -> Legibility:
    """Return how much a model reads of some texts, the first of which is segment `first`. `pieces` belong to `tokens`.

    The result comes from the pieces that the model gets, not from the tokenizer's settings: whatever changed the text (a
    normaliser, a pre-tokenizer, the tokenizer's own code), the pieces spell the rest.
    """
    typed = [token for token in tokens if not token.special]
    found = [words(text) for text in texts]
    unknown_words = unknown_characters = 0
    for number, (text, spans) in enumerate(zip(texts, found, strict=True)):
        if inside := _inside(text, [t for t in typed if t.unknown and t.segment == first + number]):
            unknown_words += sum(any(inside[start:end]) for start, end in spans)
            unknown_characters += sum(inside)
    stretches = [*_misspelled(texts, pieces, tokens, first), *_left_out(texts, found, tokens, first)]
    return Legibility(
        tokens=len(typed),
        unknown_tokens=sum(token.unknown for token in typed),
        words=sum(map(len, found)),
        unknown_words=unknown_words,
        characters=sum(len(part) for text in texts for part in text.split()),
        unknown_characters=unknown_characters,
        altered=_listed(stretches),
        stretches=len(stretches),
    )


def _inside(text: str, tokens: Sequence[Token]) -> bytearray:
    """Return 1 for each character that is in one of the tokens and is not a space, else 0; empty if there are no tokens."""
    found = bytearray(len(text) if tokens else 0)
    for token in tokens:
        for at in range(token.start, token.end):
            found[at] = not text[at].isspace()
    return found


def _listed(stretches: Iterable[AlteredText]) -> tuple[AlteredText, ...]:
    """Return each different part once, in order of its first place, with the number of its occurrences."""
    seen: dict[tuple[str, str, int], list[AlteredText]] = {}
    for one in stretches:
        seen.setdefault((one.typed, one.read, one.segment), []).append(one)
    groups = list(seen.values())[:LISTED]
    return tuple(
        AlteredText(group[0].typed, group[0].read, group[0].kinds, group[0].start, group[0].segment, len(group))
        for group in groups
    )


def _misspelled(texts: Sequence[str], pieces: Sequence[Piece], tokens: Sequence[Token], first: int) -> Iterator[AlteredText]:
    """Yield every part that its pieces do not spell as typed: neighbouring known pieces of one word."""
    runs = groupby(zip(pieces, tokens, strict=True), key=lambda pair: (pair[1].word, pair[1].unknown, pair[1].segment))
    for (word, unknown, segment), run in runs:
        group = list(run)
        if word is None or unknown or all(_as_typed(piece, token.text) for piece, token in group):
            continue
        text = texts[segment - first]
        start, end = min(token.start for _, token in group), max(token.end for _, token in group)
        typed, read = "".join(text[start:end].split()), _content([piece for piece, _ in group], text)
        if typed != read and (kinds := _lost(typed, read)):
            yield AlteredText(text[start:end], read, kinds, start, segment)


def _as_typed(piece: Piece, typed: str) -> bool:
    """Return whether a piece spells the typed text, without the spaces before it."""
    return piece.spelled.lstrip() == typed if piece.raw is None else piece.raw.lstrip() == typed.encode(errors="replace")


def _left_out(
    texts: Sequence[str], found: Sequence[Sequence[tuple[int, int]]], tokens: Sequence[Token], first: int
) -> Iterator[AlteredText]:
    """Yield every word of which the model gets no token at all."""
    begun = {(token.segment, token.word) for token in tokens}
    for segment, (text, spans) in enumerate(zip(texts, found, strict=True), start=first):
        here = [token for token in tokens if token.segment == segment and token.start < token.end]
        starts, reach = [token.start for token in here], list(accumulate((token.end for token in here), max))
        for number, (start, end) in enumerate(spans):
            if (segment, number) in begun or text[start:end] == MASK:
                continue
            before = bisect_left(starts, end)  # tokens that start before the word ends: one may have started in an earlier word
            if not before or reach[before - 1] <= start:
                yield AlteredText(text[start:end], "", ("dropped",), start, segment)


def _content(pieces: Sequence[Piece], text: str) -> str:
    """Return what some pieces spell together, without spaces."""
    raw = b"".join(_spelled(piece, text) if piece.raw is None else piece.raw for piece in pieces)
    return "".join(raw.decode(errors="replace").split())


def _spelled(piece: Piece, text: str) -> bytes:
    """Return a piece without the signs that show where words begin and continue, unless these signs were typed."""
    typed = text[piece.start : piece.end]
    return (typed if piece.piece == typed else piece.spelled).encode(errors="replace")


@lru_cache(maxsize=4096)
def _lost(typed: str, read: str) -> tuple[str, ...]:
    """Return what is lost between two spellings: the fewest steps from one to the other; () if they are the same.

    One letter with an accent and a letter with a combining accent are the same (canonical equivalence, Unicode annex 15).
    A tokenizer written in Python may spell bytes by letters: that too is the same.
    """
    if _same(typed, read) or typed in _decoded(read):
        return ()
    for fold in (str.lower, str.casefold):  # casefold also splits ligatures, which counts as form
        for steps in chain.from_iterable(combinations(_STEPS, size) for size in range(1, len(_STEPS) + 1)):
            one, other = (_stepped(side, steps, fold) for side in (typed, read))
            if _same(one, other):
                return steps
    return ("other",)


def _same(one: str, other: str) -> bool:
    """Return whether two spellings are canonically equivalent."""
    return normalize("NFD", one) == normalize("NFD", other)


def _stepped(text: str, steps: Sequence[str], fold: Callable[[str], str]) -> str:
    """Return the text after some steps of normalisation."""
    if "dropped" in steps:
        text = "".join(one for one in text if category(one) not in ("Cc", "Cf", "Co", "Cn") and not _selects(one))
    if "form" in steps:
        text = "".join(normalize("NFKC", text).split())
    if "accents" in steps:
        text = "".join(one for one in normalize("NFD", text) if category(one) != "Mn" or _selects(one))
    return fold(text) if "case" in steps else text


def _selects(character: str) -> bool:
    """Return whether a character only selects a variant of the one before it, such as an emoji's colours."""
    return "\ufe00" <= character <= "\ufe0f"


def _decoded(read: str) -> tuple[str, ...]:
    """Return a spelling whose letters represent bytes as text: by the byte-level alphabet, or by code points."""
    found = []
    if all(character in _BYTES for character in read):
        found.append(bytes(_BYTES[character] for character in read).decode(errors="replace"))
    if all(character < "\u0100" for character in read):
        found.append(read.encode("latin-1").decode(errors="replace"))
    return tuple("".join(text.split()) for text in found)
