"""Encode a text or a pair with a transformers tokenizer: pieces, special tokens, type ids.

All that a reader types is text. If the library would still turn "</s>" into a special token (unigram models find it in
their vocabulary), it is read letter by letter. Only MASK becomes the model's real mask token.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

from attnviz.errors import BadInputError, BadTextError, TokenError, TooLongError
from attnviz.text.align import Piece, aligned, alphabet, bare, byte_named
from attnviz.text.words import MASK

BEHIND = 16  # ids that are decoded together with the next one: more than the bytes of any character or the joints of a word

# A tokenizer keeps truncation, padding and the treatment of special tokens as switches on one shared object.
_LOCKS: WeakKeyDictionary[Any, threading.Lock] = WeakKeyDictionary()
_LOCKS_LOCK = threading.Lock()
_BYTES = alphabet()
_BLANK = re.compile(r'Metaspace\(replacement="(.)"')
_IN_NO_VOCABULARY = "\U0010ffff"  # a code point that Unicode reserves never to be a character
_LETTERS = {byte: character for character, byte in _BYTES.items()}


@dataclass(frozen=True)
class InputToken:
    """One position of the model's input: its piece, its type id, and the text that it is from (or stands after)."""

    piece: Piece
    type_id: int
    segment: int


def encode(
    tokenizer: Any, texts: Sequence[str], *, target: bool = False, max_tokens: int | None = None, name: str = "this model"
) -> tuple[InputToken, ...]:
    """Return the whole input that `tokenizer` makes of one text or of a pair, without truncation or padding.

    `target` reads as the library's `text_target` does: with the output vocabulary or language, if there are two.
    Raises BadTextError if a text holds a MASK that the model cannot read, TooLongError beyond `max_tokens`.
    """
    for text in texts:
        if MASK in text and getattr(tokenizer, "mask_token", None) is None:
            raise BadTextError(
                f"{name} has no mask token, but character {text.index(MASK) + 1} of the text is a mask. "
                "Remove the mask or choose a model that was trained with one, such as BERT."
            )
    backend = getattr(tokenizer, "backend_tokenizer", None)
    with _locked(tokenizer), _side(tokenizer, target):
        if backend is None:
            return _followed(tokenizer, texts, max_tokens, name)
        with _plain(backend):
            return _encoded(tokenizer, backend, texts, max_tokens, name)


def check_length(count: int, max_tokens: int | None, name: str) -> None:
    """Raise TooLongError if a model cannot read `count` tokens."""
    if max_tokens is not None and count > max_tokens:
        raise TooLongError(
            f"{name} reads at most {max_tokens} tokens; this text has {count}. Shorten it or choose another model."
        )


def special_piece(tokenizer: Any, number: int) -> Piece:
    """Return the special token with this id, as a piece."""
    with _locked(tokenizer):
        name = tokenizer.convert_ids_to_tokens(number)
        return Piece(number, f"#{number}" if name is None else str(name), role="special")


def target_language(tokenizer: Any) -> tuple[int, bool] | None:
    """Return the id of a translation tokenizer's target language, and whether its texts begin with it.

    None for other tokenizers, and if no target language is set (`tokenizer.tgt_lang`).
    """
    if not getattr(tokenizer, "tgt_lang", None):
        return None
    common = {getattr(tokenizer, f"{name}_token_id", None) for name in ("bos", "eos", "cls", "sep", "pad", "unk", "mask")}
    found = encode(tokenizer, ("a",), target=True)
    codes = [at for at, entry in enumerate(found) if entry.piece.role == "special" and entry.piece.id not in common]
    if len(codes) != 1:
        return None
    return found[codes[0]].piece.id, any(entry.piece.role != "special" for entry in found[codes[0] :])


def decode_token(tokenizer: Any, number: int) -> str:
    """Return a token of the vocabulary as it is written in a text, with its space."""
    with _locked(tokenizer):
        return str(tokenizer.decode([number], clean_up_tokenization_spaces=False))


def decode_output(tokenizer: Any, ids: Sequence[int]) -> tuple[str, tuple[InputToken, ...]]:
    """Return the text that `ids` decode to, without special tokens and outer spaces, and the tokens with their spans.

    The span of a token is where the text grows when its id is decoded too. Tokens that form one character together (its
    bytes) all get the span of that character.
    """
    with _locked(tokenizer), _side(tokenizer, target=True):
        names = [str(name) for name in tokenizer.convert_ids_to_tokens(list(ids))]
        plain = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
        grown = [str(tokenizer.decode(list(ids[: i + 1]), **plain)) for i in range(len(ids))]
        vocabulary = _Vocabulary.of(tokenizer, backend) if (backend := getattr(tokenizer, "backend_tokenizer", None)) else None
        hidden = {*tokenizer.all_special_ids, *(vocabulary.special if vocabulary else ())}
        unknown = vocabulary.unknown if vocabulary else tokenizer.unk_token_id
        other = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)  # one token may be all three
    whole = grown[-1] if grown else ""
    text, left = whole.strip(), len(whole) - len(whole.lstrip())
    done = [min(max(_common_prefix(part, whole) - left, 0), len(text)) for part in grown]  # characters complete so far
    begun = [
        min(at + (len(part) - left > at), len(text)) for at, part in zip(done, grown, strict=True)
    ]  # counting a character that is half complete
    found: list[InputToken] = []
    start = 0
    for place, (number, name) in enumerate(zip(ids, names, strict=True)):
        if number in hidden:
            is_unknown = number == unknown and number not in other
            found.append(InputToken(Piece(number, name, role="special", unknown=is_unknown), 0, 0))
            continue
        end = next((end for end in begun[place:] if end > start), len(text))
        raw = vocabulary.piece(number, name, start, end, text[start:end]).raw if vocabulary else byte_named(name)
        found.append(InputToken(Piece(number, name, start, end, raw, unknown=number == unknown), 0, 0))
        start = max(start, done[place])
    return text, tuple(found)


def _common_prefix(one: str, other: str) -> int:
    """Return the length of the common prefix of two texts, in characters."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@contextmanager
def _locked(tokenizer: Any) -> Iterator[None]:
    """Keep other threads of this process from using the tokenizer until the block ends."""
    with _LOCKS_LOCK:
        lock = _LOCKS.setdefault(tokenizer, threading.Lock())
    with lock:
        yield


@contextmanager
def _side(tokenizer: Any, target: bool) -> Iterator[None]:
    """Set the tokenizer to read source text or target text; afterwards it reads source text, as after any of its calls."""
    wanted = getattr(tokenizer, "tgt_lang", "")
    if target and wanted is None and hasattr(tokenizer, "lang_code_to_token"):  # else M2M100 fails with an unclear message
        raise BadTextError(
            "This tokenizer must know the language of the target text. Set it, e.g. tokenizer.tgt_lang = "
            f"{next(iter(tokenizer.lang_code_to_token), 'fr')!r}."
        )
    for switch in ("_switch_to_input_mode", *(("_switch_to_target_mode",) if target else ())):
        getattr(tokenizer, switch, lambda: None)()
    try:
        yield
    finally:
        getattr(tokenizer, "_switch_to_input_mode", lambda: None)()
        if wanted is None:  # mBART's tokenizer takes the source language as the target language, and keeps it
            tokenizer.tgt_lang = None


@contextmanager
def _plain(backend: Any) -> Iterator[None]:
    """Switch the backend's truncation and padding off; all its settings are restored afterwards."""
    truncation, padding, split = backend.truncation, backend.padding, backend.encode_special_tokens
    try:
        backend.no_truncation()
        backend.no_padding()
        yield
    finally:
        backend.encode_special_tokens = split
        if truncation is not None:
            backend.enable_truncation(**truncation)
        if padding is not None:
            backend.enable_padding(**padding)


@dataclass(frozen=True)
class _Vocabulary:
    """What a backend's ids mean: which were added to the vocabulary, which are special, and whether pieces spell bytes."""

    added: frozenset[int]
    special: frozenset[int]
    unknown: int | None
    mask: str
    byte_level: bool
    blank: str
    going_on: str
    ending: str

    @classmethod
    def of(cls, tokenizer: Any, backend: Any) -> _Vocabulary:
        """Read the vocabulary, again for every text: a caller may have added tokens in between."""
        added = backend.get_added_tokens_decoder()
        parts = f"{backend.normalizer!r} {backend.pre_tokenizer!r} {backend.decoder!r}"
        blank = _BLANK.search(parts)
        return cls(
            added=frozenset(added),
            special=frozenset(number for number, token in added.items() if token.special),
            unknown=_unknown(tokenizer, backend.model),
            mask=str(tokenizer.mask_token),
            byte_level="ByteLevel" in parts,
            blank=blank[1] if blank else "▁",
            going_on=getattr(backend.model, "continuing_subword_prefix", None) or "",
            ending=getattr(backend.model, "end_of_word_suffix", None) or "",
        )

    def piece(self, number: int, piece: str, start: int, end: int, typed: str) -> Piece:
        """Return a piece of text, with the bytes that it spells if it spells bytes and not characters."""
        raw = None
        if number not in self.added and piece != typed and not self.byte_level:
            raw = byte_named(piece)
        elif number not in self.added and self.byte_level and all(character in _BYTES for character in piece):
            raw = bytes(_BYTES[character] for character in piece.removesuffix(self.ending))
        spelled = (
            "" if raw is not None else piece.removeprefix(self.going_on).removesuffix(self.ending).replace(self.blank, " ")
        )
        return Piece(number, piece, start, end, raw, unknown=number == self.unknown, spelled=spelled)

    def taken(self, piece: Piece, typed: str) -> bool:
        """Return whether typed text was taken for a special token. An unknown word may be read as the unknown token."""
        return piece.id in self.special and (not piece.unknown or typed.strip() == piece.piece)


def _unknown(tokenizer: Any, model: Any) -> int | None:
    """Return the id that a backend's model gives to unknown characters; None if it knows all, or leaves them out.

    This is the model's own id, not the wrapper's `unk_token`, which may be another token or missing. A unigram model does
    not name it, so the model reads a character that no vocabulary has.
    """
    if hasattr(model, "unk_token"):
        return model.token_to_id(model.unk_token) if model.unk_token else None
    try:
        found = model.tokenize(_IN_NO_VOCABULARY)
    except Exception:  # noqa: BLE001  # the library raises a plain Exception where a unigram model has no unknown token
        return None
    if len(found) == 1 and model.id_to_token(found[0].id) != _IN_NO_VOCABULARY:
        return int(found[0].id)
    return tokenizer.unk_token_id


def _encoded(tokenizer: Any, backend: Any, texts: Sequence[str], max_tokens: int | None, name: str) -> tuple[InputToken, ...]:
    """Encode with a tokenizer that has a backend, which gives spans."""
    vocabulary = _Vocabulary.of(tokenizer, backend)
    encodings = []
    for text in texts:
        # A mask must be recognised inside its sentence, or the spaces around it would be read differently.
        backend.encode_special_tokens = MASK not in text
        encodings.append(backend.encode(text.replace(MASK, vocabulary.mask), add_special_tokens=False))
    whole = backend.post_process(*encodings)
    check_length(len(whole.ids), max_tokens, name)  # before anything slow: a text may be far too long
    sides = [_read(backend, vocabulary, encoding, text) for encoding, text in zip(encodings, texts, strict=True)]
    if sum(piece.role == "mask" for side in sides for piece in side) != sum(text.count(MASK) for text in texts):
        raise BadTextError(f"{name} takes its mask only as a word of its own. Put a blank on each side of it.")
    template = [
        (Piece(number, backend.id_to_token(number), role="special") if added else None, type_id)
        for number, type_id, added in zip(whole.ids, whole.type_ids, whole.special_tokens_mask, strict=True)
    ]
    return _woven(template, [len(encoding.ids) for encoding in encodings], sides)


def _read(backend: Any, vocabulary: _Vocabulary, encoding: Any, text: str) -> list[Piece]:
    """Return the pieces of an encoding, with their spans in `text`, in which each mask is one character."""
    size = len(vocabulary.mask)
    masks = [at for at, character in enumerate(text) if character == MASK]
    grown = [at + nth * (size - 1) for nth, at in enumerate(masks)]  # their positions in the encoded text

    def place(at: int) -> int:
        before = bisect_right(grown, at - size)
        return masks[before] if before < len(masks) and at > grown[before] else at - before * (size - 1)

    out: list[Piece] = []
    for number, (low, high) in zip(encoding.ids, encoding.offsets, strict=True):
        name, start, end = backend.id_to_token(number), place(low), place(high)
        nth = bisect_left(grown, low)
        if name == vocabulary.mask and nth < len(grown) and grown[nth] < high:
            out.append(Piece(number, name, masks[nth], masks[nth] + 1, role="mask"))
            continue
        piece = vocabulary.piece(number, name, start, end, text[start:end])
        out += _letters(backend, vocabulary, text, start, end) if vocabulary.taken(piece, text[start:end]) else [piece]
    return out


def _letters(backend: Any, vocabulary: _Vocabulary, text: str, start: int, end: int) -> list[Piece]:
    """Read typed text that was taken for a special token as text, letter by letter if nothing else helps."""
    backend.encode_special_tokens = True
    again = backend.encode(text[start:end], add_special_tokens=False)
    spans = [(start + low, start + high) for low, high in again.offsets]
    out = [
        vocabulary.piece(number, backend.id_to_token(number), low, high, text[low:high])
        for number, (low, high) in zip(again.ids, spans, strict=True)
    ]
    if not any(vocabulary.taken(piece, text[piece.start : piece.end]) for piece in out):
        put_before = not text[start].isspace() and not out[0].piece.strip("Ġ▁")  # a space, as if a text began here
        return out[1:] if put_before else out
    out = []
    for at in range(start, end):
        spelled = "".join(_LETTERS[byte] for byte in text[at].encode()) if vocabulary.byte_level else text[at].replace(" ", "▁")
        out += [vocabulary.piece(token.id, token.value, at, at + 1, text[at]) for token in backend.model.tokenize(spelled)]
    return out


def _followed(tokenizer: Any, texts: Sequence[str], max_tokens: int | None, name: str) -> tuple[InputToken, ...]:
    """Encode with a tokenizer written in Python, which gives no spans: the pieces are aligned with the text."""
    taken = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    stretches = [[(part, _named(tokenizer, part, taken)) for part in re.split(f"({MASK})", text) if part] for text in texts]
    lengths = [sum(len(names) for _, names in parts) for parts in stretches]
    # Negative ids pass through the template unchanged, and mark where the text's own tokens go.
    whole = tokenizer.prepare_for_model(*([-1] * length for length in lengths), add_special_tokens=True, verbose=False)
    ids = whole["input_ids"]
    check_length(len(ids), max_tokens, name)
    template = [
        (None if number < 0 else Piece(number, tokenizer.convert_ids_to_tokens(number), role="special"), type_id)
        for number, type_id in zip(ids, whole.get("token_type_ids", [0] * len(ids)), strict=True)
    ]
    return _woven(template, lengths, [_matched(tokenizer, parts) for parts in stretches])


def _named(tokenizer: Any, stretch: str, taken: set[int]) -> list[str]:
    """Return the pieces of a mask, or of a stretch between masks; text typed like a special token is read by letters."""
    if stretch == MASK:
        return [tokenizer.mask_token]
    names: list[str] = []
    for name in tokenizer.tokenize(stretch, split_special_tokens=True):
        parts = name if tokenizer.convert_tokens_to_ids([name])[0] in taken else ""
        names += [piece for letter in parts for piece in tokenizer.tokenize(letter, split_special_tokens=True)] or [name]
    return names


def _matched(tokenizer: Any, stretches: Sequence[tuple[str, Sequence[str]]]) -> list[Piece]:
    """Return the pieces of one text, with the spans that `aligned` finds."""
    out: list[Piece] = []
    start = 0
    for stretch, names in stretches:
        if stretch == MASK:
            out.append(Piece(tokenizer.mask_token_id, tokenizer.mask_token, start, start + 1, role="mask"))
        else:
            numbers, spans = tokenizer.convert_tokens_to_ids(list(names)), aligned(stretch, names)
            for number, name, (low, high) in zip(numbers, names, spans, strict=True):
                if number is None:
                    raise TokenError(
                        f"The token “{name:.40}” at character {start + low + 1} of the text has no id: the tokenizer does not "
                        "know it and has no unknown token to read in its place. Leave it out, or set tokenizer.unk_token."
                    )
                raw = byte_named(name) if stretch[low:high] != name else None
                unknown = tokenizer.unk_token_id is not None and number == tokenizer.unk_token_id
                out.append(Piece(number, name, start + low, start + high, raw, unknown=unknown, spelled=bare(name)))
        start += len(stretch)
    return out


def _woven(
    template: Sequence[tuple[Piece | None, int]], lengths: Sequence[int], sides: Sequence[Sequence[Piece]]
) -> tuple[InputToken, ...]:
    """Return a template's special tokens, with the pieces of each text in its `lengths` places (None)."""
    out: list[InputToken] = []
    seen = segment = 0
    for piece, type_id in template:
        if piece is not None:
            out.append(InputToken(piece, type_id, segment))
            continue
        segment = 0 if seen < lengths[0] else 1
        if seen in (0, lengths[0]):
            out += [InputToken(inner, type_id, segment) for inner in sides[segment]]
        seen += 1
    return tuple(out)


def encode_chat(
    tokenizer: Any, whole: str, spans: Sequence[tuple[int, int, int]], text: str, *, max_tokens: int | None, name: str
) -> tuple[tuple[InputToken, ...], list[str]]:
    """Return the whole input that a chat template made, and how to show each token that the template added ("" if typed).

    `spans` are start and end of typed text in `whole`, and where it begins in `text`. Special tokens of the template are
    real ones; typed text that looks like one is read as text. A piece of which only spaces were typed is the template's.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise BadInputError(
            f"A conversation is read by a tokenizer that says where its pieces stand, and the one of {name} does not. "
            "Load it with AutoTokenizer.from_pretrained, which takes the fast one where there is one."
        )
    with _locked(tokenizer), _side(tokenizer, target=False), _plain(backend):
        vocabulary = _Vocabulary.of(tokenizer, backend)
        backend.encode_special_tokens = False
        encoding = backend.encode(whole, add_special_tokens=False)
        check_length(len(encoding.ids), max_tokens, name)
        found: list[InputToken] = []
        added: list[str] = []
        for number, (low, high) in zip(encoding.ids, encoding.offsets, strict=True):
            piece = backend.id_to_token(number)
            inside = next((span for span in spans if low < span[1] and max(low + 1, high) > span[0]), None)
            special = number in vocabulary.special
            if inside is not None:
                begin, end, at = inside
                content = whole[low:high].strip()
                first = low + whole[low:high].find(content)  # some special tokens include the spaces beside them
                typed_alone = begin <= first and first + len(content) <= end
                start, stop = max(low, begin), max(low, begin, min(high, end))
                typed = whole[start:stop]
                if typed_alone or (typed.strip() and not special):
                    one = vocabulary.piece(number, piece, start + at - begin, stop + at - begin, typed)
                    again = vocabulary.taken(one, typed)
                    read = _letters(backend, vocabulary, text, one.start, one.end) if again else [one]
                    found += [InputToken(inner, 0, 0) for inner in read]
                    added += [""] * len(read)
                    continue
            found.append(InputToken(Piece(number, piece, role="special"), 0, 0))
            added.append(piece if special else _visible(str(tokenizer.decode([number])), piece))
    check_length(len(found), max_tokens, name)
    return tuple(found), added


def _visible(written: str, piece: str) -> str:
    """Return how a template's token is shown: as written, a line break as \\n, and a part of a character by its piece."""
    if "\ufffd" in written or not written:
        return piece
    return written.strip() or written.replace("\n", "\\n").replace("\t", "\\t").replace(" ", "␣")


def encode_ids(tokenizer: Any, ids: Sequence[int]) -> tuple[str, tuple[InputToken, ...]]:
    """Return the text that ids spell, without special tokens, and the input tokens with their spans in it.

    Each id is decoded together with the few before it, because a tokenizer joins neighbours (`an ##imal`, the bytes of
    one character). Special tokens stay special: here the caller gave them as ids.
    """
    with _locked(tokenizer), _side(tokenizer, target=False):
        names = [str(piece) for piece in tokenizer.convert_ids_to_tokens(list(ids))]
        backend = getattr(tokenizer, "backend_tokenizer", None)
        vocabulary = _Vocabulary.of(tokenizer, backend) if backend is not None else None
        hidden = {*tokenizer.all_special_ids, *(vocabulary.special if vocabulary else ())}
        text, before, places = "", [], []
        for number in ids:
            if number in hidden:
                places.append((len(text), len(text)))
                continue
            was, now = (str(tokenizer.decode(some, clean_up_tokenization_spaces=False)) for some in (before, [*before, number]))
            same = _common_prefix(was, now)
            start = len(text) - (len(was) - same)
            if start < len(text):  # a character is complete now: all of its bytes get its span
                places = [(low, min(high, start + 1)) for low, high in places]
            text = text[:start] + now[same:]
            if start == len(text) and now.endswith("\ufffd"):  # one more byte of an incomplete character
                start -= 1
            places.append((start, len(text)))
            before = [*before, number][-BEHIND:]
    found: list[InputToken] = []
    for number, name, (start, end) in zip(ids, names, places, strict=True):
        if vocabulary:
            piece = vocabulary.piece(number, name, start, end, text[start:end])
        else:
            unknown = number == tokenizer.unk_token_id
            piece = Piece(number, name, start, end, byte_named(name), unknown=unknown, spelled=bare(name))
        found.append(InputToken(replace(piece, raw=None, role="special") if number in hidden else piece, 0, 0))
    return text, tuple(found)
