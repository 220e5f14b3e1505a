"""Encode a text or a pair with a transformers tokenizer: pieces, special tokens, type ids.

All that a reader types is text. If the library would still turn "</s>" into a special token (unigram models find it in
their vocabulary), it is read letter by letter. Only MASK becomes the model's real mask token.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from attnviz.errors import BadInputError, BadTextError, TokenError, TooLongError
from attnviz.text.align import Piece, aligned, bare, byte_named
from attnviz.text.tokenizer_state import locked, reading_side, untruncated
from attnviz.text.vocabulary import LETTERS, InputToken, Vocabulary
from attnviz.text.words import MASK


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
    with locked(tokenizer), reading_side(tokenizer, target):
        if backend is None:
            return _encoded_by_python(tokenizer, texts, max_tokens, name)
        with untruncated(backend):
            return _encoded(tokenizer, backend, texts, max_tokens, name)


def check_length(count: int, max_tokens: int | None, name: str) -> None:
    """Raise TooLongError if a model cannot read `count` tokens."""
    if max_tokens is not None and count > max_tokens:
        raise TooLongError(
            f"{name} reads at most {max_tokens} tokens; this text has {count}. Shorten it or choose another model."
        )


def special_piece(tokenizer: Any, number: int) -> Piece:
    """Return the special token with this id, as a piece."""
    with locked(tokenizer):
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


def _encoded(tokenizer: Any, backend: Any, texts: Sequence[str], max_tokens: int | None, name: str) -> tuple[InputToken, ...]:
    """Encode with a tokenizer that has a backend, which gives spans."""
    vocabulary = Vocabulary.of(tokenizer, backend)
    encodings = []
    for text in texts:
        # A mask must be recognised inside its sentence, or the spaces around it would be read differently.
        backend.encode_special_tokens = MASK not in text
        encodings.append(backend.encode(text.replace(MASK, vocabulary.mask), add_special_tokens=False))
    filled = backend.post_process(*encodings)
    check_length(len(filled.ids), max_tokens, name)  # before anything slow: a text may be far too long
    sides = [_read(backend, vocabulary, encoding, text) for encoding, text in zip(encodings, texts, strict=True)]
    if sum(piece.role == "mask" for side in sides for piece in side) != sum(text.count(MASK) for text in texts):
        raise BadTextError(f"{name} takes its mask only as a word of its own. Put a blank on each side of it.")
    template = [
        (Piece(number, backend.id_to_token(number), role="special") if added else None, type_id)
        for number, type_id, added in zip(filled.ids, filled.type_ids, filled.special_tokens_mask, strict=True)
    ]
    return _filled(template, [len(encoding.ids) for encoding in encodings], sides)


def _read(backend: Any, vocabulary: Vocabulary, encoding: Any, text: str) -> list[Piece]:
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
        out += (
            _letters(backend, vocabulary, text, start, end) if vocabulary.reads_as_special(piece, text[start:end]) else [piece]
        )
    return out


def _letters(backend: Any, vocabulary: Vocabulary, text: str, start: int, end: int) -> list[Piece]:
    """Read typed text that was taken for a special token as text, letter by letter if nothing else helps."""
    backend.encode_special_tokens = True
    again = backend.encode(text[start:end], add_special_tokens=False)
    spans = [(start + low, start + high) for low, high in again.offsets]
    out = [
        vocabulary.piece(number, backend.id_to_token(number), low, high, text[low:high])
        for number, (low, high) in zip(again.ids, spans, strict=True)
    ]
    if not any(vocabulary.reads_as_special(piece, text[piece.start : piece.end]) for piece in out):
        put_before = not text[start].isspace() and not out[0].piece.strip("Ġ▁")  # a space, as if a text began here
        return out[1:] if put_before else out
    out = []
    for at in range(start, end):
        spelled = "".join(LETTERS[byte] for byte in text[at].encode()) if vocabulary.byte_level else text[at].replace(" ", "▁")
        out += [vocabulary.piece(token.id, token.value, at, at + 1, text[at]) for token in backend.model.tokenize(spelled)]
    return out


def _encoded_by_python(tokenizer: Any, texts: Sequence[str], max_tokens: int | None, name: str) -> tuple[InputToken, ...]:
    """Encode with a tokenizer written in Python, which gives no spans: the pieces are aligned with the text."""
    taken = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    stretches = [[(part, _named(tokenizer, part, taken)) for part in re.split(f"({MASK})", text) if part] for text in texts]
    lengths = [sum(len(names) for _, names in parts) for parts in stretches]
    # Negative ids pass through the template unchanged, and mark where the text's own tokens go.
    filled = tokenizer.prepare_for_model(*([-1] * length for length in lengths), add_special_tokens=True, verbose=False)
    ids = filled["input_ids"]
    check_length(len(ids), max_tokens, name)
    template = [
        (None if number < 0 else Piece(number, tokenizer.convert_ids_to_tokens(number), role="special"), type_id)
        for number, type_id in zip(ids, filled.get("token_type_ids", [0] * len(ids)), strict=True)
    ]
    return _filled(template, lengths, [_matched(tokenizer, parts) for parts in stretches])


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


def _filled(
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
    tokenizer: Any, rendered: str, spans: Sequence[tuple[int, int, int]], text: str, *, max_tokens: int | None, name: str
) -> tuple[tuple[InputToken, ...], list[str]]:
    """Return the whole input that a chat template made, and how to show each token that the template added ("" if typed).

    `spans` are start and end of typed text in `rendered`, and where it begins in `text`. Special tokens of the template are
    real ones; typed text that looks like one is read as text. A piece of which only spaces were typed is the template's.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise BadInputError(
            f"A conversation is read by a tokenizer that says where its pieces stand, and the one of {name} does not. "
            "Load it with AutoTokenizer.from_pretrained, which takes the fast one where there is one."
        )
    with locked(tokenizer), reading_side(tokenizer, target=False), untruncated(backend):
        vocabulary = Vocabulary.of(tokenizer, backend)
        backend.encode_special_tokens = False
        encoding = backend.encode(rendered, add_special_tokens=False)
        check_length(len(encoding.ids), max_tokens, name)
        found: list[InputToken] = []
        added: list[str] = []
        for number, (low, high) in zip(encoding.ids, encoding.offsets, strict=True):
            piece = backend.id_to_token(number)
            inside = next((span for span in spans if low < span[1] and max(low + 1, high) > span[0]), None)
            special = number in vocabulary.special
            if inside is not None:
                begin, end, at = inside
                content = rendered[low:high].strip()
                first = low + rendered[low:high].find(content)  # some special tokens include the spaces beside them
                typed_alone = begin <= first and first + len(content) <= end
                start, stop = max(low, begin), max(low, begin, min(high, end))
                typed = rendered[start:stop]
                if typed_alone or (typed.strip() and not special):
                    one = vocabulary.piece(number, piece, start + at - begin, stop + at - begin, typed)
                    again = vocabulary.reads_as_special(one, typed)
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
