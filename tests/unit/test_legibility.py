"""How much of a text a model reads as typed: counted and listed for every kind of tokenizer, and carried with each trace."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizer, PreTrainedTokenizerFast

import attnviz
from attnviz.backends import wire
from attnviz.errors import AnswerError
from attnviz.legibility import KINDS, LISTED, AlteredText, Legibility, combined
from attnviz.text import MASK, read, read_target
from attnviz.types import AttentionRequest
from tests.fuzz import example_count
from tests.servers import FakeBackend, running_server
from tests.small_models import random_model, tokenizer
from tests.unit.test_text import HARD
from tests.unit.test_text import KINDS as TOKENIZERS
from tests.unit.test_text_walked import Whole
from tests.unit.test_unknown_tokens import CHINESE, MINILM, bpe, fast
from tests.unit.test_wire import forged
from tests.wires import every, same

BYTES = [name for name in TOKENIZERS if "byte level" in name]


def reading(tokenizer_: object, *texts: str) -> Legibility:
    """What a tokenizer makes of a text or a pair."""
    return read(tokenizer_, *texts).legibility


def altered(tokenizer_: object, text: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """What of a text is read otherwise."""
    return [(one.typed, one.read, one.kinds) for one in reading(tokenizer_, text).altered]


def words_of(*known: str, normalizer: object | None = None) -> PreTrainedTokenizerFast:
    """A vocabulary of whole words."""
    vocabulary = {word: number for number, word in enumerate((*known, "<unk>"))}
    return fast(models.WordLevel(vocabulary, unk_token="<unk>"), pre_tokenizers.WhitespaceSplit(), normalizer)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("it was tired", []),
        ("It was", [("It", "it", ("case",))]),
        ("CAFÉ naïve", [("CAFÉ", "cafe", ("case", "accents")), ("naïve", "naive", ("accents",))]),
        ("cafe\u0301", [("cafe\u0301", "cafe", ("accents",))]),
        ("un\u00adseen \u200b word", [("un\u00adseen", "unseen", ("dropped",)), ("\u200b", "", ("dropped",))]),
        ("a ★\ufe0f it", [("★\ufe0f", "★", ("dropped",))]),  # a nonspacing mark, but no accent
        ("İstanbul", [("İstanbul", "istanbul", ("case", "accents"))]),
        (f"the {MASK} was", []),
        (" two  blanks\n\nand lines\t", []),
        ("didn't (x) ...", []),
    ],
)
def test_minilm_reads_in_lower_case_and_without_accents(text: str, want: list[tuple[str, str, tuple[str, ...]]]):
    assert altered(MINILM, text) == want


@pytest.mark.parametrize("name", BYTES)
@pytest.mark.parametrize("text", [*HARD, "CAFÉ naïve Ａｂｃ ﬁne"])
def test_bytes_spell_everything_as_typed(name: str, text: str):
    assert reading(TOKENIZERS[name], text).as_typed


def test_compatibility_forms_are_called_so():
    found = altered(TOKENIZERS["sentencepiece"], "Ａｂｃ ﬁne ½ the cafe\u0301")

    assert found == [("Ａｂｃ", "Abc", ("form",)), ("ﬁne", "fine", ("form",)), ("½", "1⁄2", ("form",))]


def test_what_no_step_explains_is_called_other():
    variants = words_of("气", normalizer=normalizers.Replace("氣", "气"))

    assert altered(variants, "氣 气") == [("氣", "气", ("other",))]


@pytest.mark.parametrize(
    ("normalizer", "text", "kinds"),
    [
        (normalizers.Lowercase(), "CAFÉ", ("case",)),
        (normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]), "CAFÉ", ("accents",)),
        (normalizers.NFKC(), "Ａé", ("form",)),
        (normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()]), "Ａé", ("case", "form")),
        (normalizers.NFD(), "CAFÉ", ()),  # the same letters, written otherwise
        (normalizers.NFC(), "CAFE\u0301", ()),
        (normalizers.Replace("ß", "ss"), "Straße", ("case",)),  # as case folding does
    ],
)
def test_each_step_of_normalisation_has_its_own_kind(normalizer: object, text: str, kinds: tuple[str, ...]):
    found = altered(words_of(normalizer.normalize_str(text), normalizer=normalizer), text)

    assert [one[2] for one in found] == ([kinds] if kinds else [])


def test_a_byte_level_tokenizer_that_writes_in_lower_case_says_so():
    made = fast(
        models.BPE({letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        normalizers.Lowercase(),
    )

    assert altered(made, "É 😀 x") == [("É", "é", ("case",))]


def test_a_tokenizer_whose_blank_is_another_sign_alters_nothing():
    space = pre_tokenizers.Metaspace(replacement="_", prepend_scheme="always")
    made = fast(models.WordLevel({"_a": 0, "_b": 1, "?": 2}, unk_token="?"), space)

    assert reading(made, "a b").as_typed


@pytest.mark.parametrize("suffix", ["</w>", "@@", "<end>"])
def test_signs_for_parts_of_a_word_are_not_letters(suffix: str):
    vocabulary = {"a": 0, "b": 1, f"a{suffix}": 2, f"b{suffix}": 3}
    made = fast(models.BPE(vocabulary, [], end_of_word_suffix=suffix), pre_tokenizers.WhitespaceSplit())

    assert reading(made, "ab ba").as_typed


def test_signs_that_were_typed_are_letters():
    assert reading(words_of("##x", "▁y"), "##x ▁y").as_typed


def test_words_that_leave_no_token_at_all_are_dropped():
    found = reading(bpe(), "ab 😀 axb")  # no unknown token: x and 😀 vanish

    assert (found.words, found.unknown_tokens, found.stretches) == (3, 0, 2)
    assert [(one.typed, one.read, one.kinds, one.start) for one in found.altered] == [
        ("axb", "ab", ("other",), 5), ("😀", "", ("dropped",), 3),
    ]  # fmt: skip


def test_a_python_tokenizer_is_read_by_its_pieces():
    class Bytes(PreTrainedTokenizer):
        """Every byte a letter with its number, as in ByT5."""

        vocab_size = 256

        def get_vocab(self):
            return {chr(number): number for number in range(256)}

        def _tokenize(self, text):
            return [chr(byte) for byte in text.encode()]

        def _convert_token_to_id(self, piece):
            return ord(piece)

        def _convert_id_to_token(self, number):
            return chr(number)

    class Lower(Whole):
        def _tokenize(self, text):
            return super()._tokenize(text.lower())

    assert reading(Bytes(), "é 😀 CAFÉ").as_typed
    assert altered(Lower(), "The CAT") == [("The", "the", ("case",)), ("CAT", "cat", ("case",))]
    assert reading(Whole(), "the 你好 cat").unknown_characters == 2


def test_counts_are_those_of_the_text():
    found = reading(MINILM, CHINESE)
    assert (found.tokens, found.unknown_tokens, found.words, found.unknown_words) == (13, 10, 13, 10)
    assert (found.characters, found.unknown_characters) == (13, 10)

    fused = reading(TOKENIZERS["sentencepiece, unknown"], "the 你好 cat")
    assert (fused.unknown_tokens, fused.unknown_words, fused.unknown_characters) == (1, 2, 2)  # two words, one token

    lines = reading(TOKENIZERS["sentencepiece, unknown"], "the\ncat")
    assert (lines.unknown_tokens, lines.unknown_words, lines.unknown_characters) == (1, 0, 0)  # a line break is a blank
    assert not lines.as_typed


def test_a_part_that_occurs_often_is_listed_once_with_its_count():
    found = reading(MINILM, "The cat. The dog. A cat.")

    assert [(one.typed, one.start, one.count) for one in found.altered] == [("The", 0, 2), ("A", 18, 1)]
    assert found.stretches == 3


def test_the_list_is_bounded_and_the_count_is_whole():
    text = " ".join(f"A{number}" for number in range(LISTED + 5))
    found = reading(MINILM, text)

    assert (len(found.altered), found.stretches) == (LISTED, LISTED + 5)


def test_a_pair_and_a_target_say_in_which_text_something_is_altered():
    assert [(one.typed, one.segment) for one in reading(MINILM, "One x", "Two").altered] == [("One", 0), ("Two", 1)]
    assert [one.segment for one in read_target(TOKENIZERS["sentencepiece"], "Ａ", start=0).legibility.altered] == [1]


@settings(max_examples=example_count(15), deadline=None)  # each for every kind of tokenizer
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters=MASK), min_size=1, max_size=40))
def test_the_parts_never_exceed_the_whole(text: str):
    if not text.strip():
        return
    for made in TOKENIZERS.values():
        found = reading(made, text)
        assert 0 <= found.unknown_tokens <= found.tokens
        assert 0 <= found.unknown_words <= found.words
        assert 0 <= found.unknown_characters <= found.characters == sum(not letter.isspace() for letter in text)
        assert all(text[one.start : one.start + len(one.typed)] == one.typed for one in found.altered)
        assert all(one.kinds and set(one.kinds) <= set(KINDS) for one in found.altered)


def test_a_trace_carries_it_from_every_kind_of_reading():
    assert attnviz.attend("I love 😀").reading == reading(MINILM, "I love 😀")
    own = attnviz.trace(random_model("bert"), tokenizer(), "the parrot was tired")
    assert (own.reading.words, own.reading.unknown_words) == (4, 1)
    assert "(1 unknown)" in repr(own)

    both = attnviz.trace(random_model("t5"), tokenizer(), "the parrot", "was tired too")
    assert (both.reading.words, both.reading.unknown_words) == (5, 2)


def test_two_texts_are_counted_together():
    one, other = reading(MINILM, "The 😀"), reading(MINILM, "CAFÉ")

    assert combined((one, other)) == Legibility(3, 1, 3, 1, 8, 1, (*one.altered, *other.altered), 2)


SMALL = replace(
    every()["matrices"], reading=Legibility(5, 1, 4, 1, 20, 2, (AlteredText("CAFÉ", "cafe", ("case", "accents"), 3, 0, 2),), 2)
)


def test_it_travels_and_an_answer_without_it_is_read():
    assert same(SMALL, wire.loads(wire.dumps(SMALL)))
    assert wire.loads(wire.dumps(SMALL)).reading == SMALL.reading
    assert wire.loads(wire.dumps(replace(SMALL, reading=None))).reading is None
    assert "reading" not in forged_header(wire.dumps(wire.first_form(SMALL)))


def forged_header(data: bytes) -> dict:
    """The header of an answer."""
    seen = []
    forged(data, seen.append)
    return seen[0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"counts": [5, 6, 4, 1, 20, 2]},  # more unknown tokens than tokens
        {"counts": [5, 1, 4, 1, 20]},
        {"counts": [5, -1, 4, 1, 20, 2]},
        {"counts": [5, True, 4, 1, 20, 2]},
        {"stretches": 1},  # fewer than listed
        {"stretches": None},
        {"altered": [["a", "b", [], 0, 0, 1]]},
        {"altered": [["a", "b", ["case", "case"], 0, 0, 1]]},
        {"altered": [["a", "b", ["worse"], 0, 0, 1]]},
        {"altered": [["a", "b", [["case"]], 0, 0, 1]]},
        {"altered": [["a", "b", {"case": 1}, 0, 0, 1]]},
        {"altered": [["a", 1, ["case"], 0, 0, 1]]},
        {"altered": [["a", "b", ["case"], 0, 2, 1]]},
        {"altered": [["a", "b", ["case"], 0, 0]]},
        {"altered": [["a", "\ud800", ["case"], 0, 0, 1]]},
        {"altered": [["a", "b", ["case"], 0, 0, 1]] * (LISTED + 1), "stretches": LISTED + 1},
        {"more": 1},
    ],
)
def test_an_invalid_reading_is_refused(wrong: dict):
    with pytest.raises(AnswerError):
        wire.loads(forged(wire.dumps(SMALL), lambda header: header["reading"].update(wrong)))


def test_it_comes_from_another_machine():
    class Unread(FakeBackend):
        def attend(self, request: AttentionRequest):
            return replace(super().attend(request), reading=SMALL.reading)

    with running_server(Unread()) as url:
        backend = attnviz.open_backend(url)
        try:
            assert backend.attend(AttentionRequest("minilm", "It slept.")).reading == SMALL.reading
        finally:
            backend.close()
