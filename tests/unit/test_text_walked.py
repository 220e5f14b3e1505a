"""Tokenizers that give no spans: their pieces are matched with the text by walking through it."""

import json

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import MarianTokenizer, PreTrainedTokenizer

from attnviz.errors import TooLongError
from attnviz.text import MASK, read, read_target, units, words
from attnviz.text.align import aligned
from tests.fuzz import example_count


class Whole(PreTrainedTokenizer):
    """Every blank-separated word a piece, as typed; two of them known."""

    known = ("<unk>", "</s>", "<mask>", "▁the", "▁cat", "▁", "x")

    def __init__(self):
        super().__init__(unk_token="<unk>", eos_token="</s>", mask_token="<mask>", special_tokens_pattern="eos")

    vocab_size = len(known)

    def get_vocab(self):
        return {piece: number for number, piece in enumerate(self.known)}

    def _tokenize(self, text):
        return [word if word in self.known[5:] else f"▁{word}" for word in text.split()]

    def _convert_token_to_id(self, piece):
        return self.known.index(piece) if piece in self.known else 0

    def _convert_id_to_token(self, number):
        return self.known[number]


def typed(text, pieces):
    return [text[start:end] for start, end in aligned(text, pieces)]


@pytest.mark.parametrize(
    ("text", "pieces", "want"),
    [
        ("The cat sat", ["▁The", "▁c", "at", "▁sat"], ["The", "c", "at", "sat"]),
        ("Unhappy cats", ["un", "##happy", "cats"], ["Un", "happy", "cats"]),
        ("lower newest", ["lo@@", "wer", "new@@", "est</w>"], ["lo", "wer", "new", "est"]),
        ("CAFÉ noir", ["▁cafe", "▁noir"], ["CAFÉ", "noir"]),
        ("ﬁne ½", ["▁fi", "ne", "▁1⁄2"], ["ﬁ", "ne", "½"]),
        ("a 你好 b", ["▁a", "<unk>", "▁b"], ["a", "你好", "b"]),
        ("a 你 好 b", ["▁a", "<unk>", "<unk>", "▁b"], ["a", "你", "好", "b"]),
        ("a 你好 b", ["▁a", "<unk>", "<unk>", "<unk>", "▁b"], ["a", "你好", "你好", "你好", "b"]),
        ("é 你好 b", ["Ã", "©", " ", "ä", "½", "å", " ", "b"], ["é", "é", " ", "你好", "你好", "你好", " ", "b"]),
        ("你 aa", ["<unk>", "▁aa"], ["你", "aa"]),
        ("q the the end", ["<unk>", "▁the", "▁the", "▁end"], ["q", "the", "the", "end"]),
        ("the end", ["▁the", "<unk>"], ["the", "end"]),
        ("the", ["▁the", "<unk>"], ["the", ""]),
        ("", ["<unk>"], [""]),
    ],
)
def test_pieces_find_their_characters(text, pieces, want):
    assert typed(text, pieces) == want


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    pieces=st.lists(st.sampled_from(["▁", "a", "▁a", "##", "<unk>", "@@", "\u0301", "é"]) | st.text(max_size=3), max_size=12),
)
@settings(max_examples=example_count(100), deadline=None)
def test_no_text_and_no_pieces_ever_fail_or_run_backwards(text, pieces):
    spans = aligned(text, pieces)
    assert len(spans) == len(pieces)
    assert all(0 <= start <= end <= len(text) for start, end in spans)


@given(st.lists(st.sampled_from(["the", "cat", "x", "dog", "你好", "é", "(the", "</s>", "\x00"]), min_size=1, max_size=8))
@settings(max_examples=example_count(60), deadline=None)
def test_tokens_without_spans_are_placed_in_order_where_they_were_typed(chosen):
    text = "  ".join(chosen)
    reading = read(Whole(), text)
    inner = reading.tokens[:-1]
    assert [token.text for token in inner] == chosen
    assert [text[token.start : token.end] for token in inner] == chosen
    assert reading.tokens[-1].special
    assert list(reading.ids) == Whole()(text, split_special_tokens=True)["input_ids"]


def test_a_mask_and_a_pair_without_spans():
    reading = read(Whole(), f"the {MASK} cat", "the </s>")
    assert [(token.text, token.start, token.word, token.segment) for token in reading.tokens] == [
        ("the", 0, 0, 0), ("<mask>", 4, None, 0), ("cat", 6, 2, 0), ("</s>", 9, None, 0),
        ("the", 0, 0, 1), ("</s>", 4, 1, 1), ("</s>", 8, None, 1),
    ]  # fmt: skip
    assert reading.ids == (3, 2, 4, 1, 3, 0, 1)


def test_what_a_vocabulary_would_take_for_a_special_token_is_read_letter_by_letter():
    class Bare(Whole):
        def _tokenize(self, text):
            return text.split()

    reading = read(Bare(), "x </s>")
    assert [(token.text, token.word, token.special) for token in reading.tokens] == [
        ("x", 0, False), ("<", 1, False), ("/", 1, False), ("s", 1, False), (">", 1, False), ("</s>", None, True),
    ]  # fmt: skip
    assert reading.ids == (6, 0, 0, 0, 0, 1)


def test_too_many_tokens_without_spans_are_refused():
    assert len(read(Whole(), "cat " * 7, max_tokens=8).ids) == 8
    with pytest.raises(TooLongError, match="at most 8 tokens; this text has 9"):
        read(Whole(), "cat " * 8, max_tokens=8)


@pytest.fixture(scope="module")
def marian(tmp_path_factory):
    """A Marian tokenizer over two small SentencePiece models: one language to read, another to write."""
    folder = tmp_path_factory.mktemp("marian")
    sides = {
        "source": "the cat sat on the mat because it was tired\n",
        "target": "die Katze saß auf der Matte weil sie müde war\n",
    }
    for side, text in sides.items():
        (folder / f"{side}.txt").write_text(f"{text}\n" * 50, encoding="utf-8")
        sentencepiece.SentencePieceTrainer.train(
            input=str(folder / f"{side}.txt"),
            model_prefix=str(folder / side),
            vocab_size=35,
            hard_vocab_limit=False,
            minloglevel=2,
        )  # fmt: skip
    pieces = ["</s>", "<unk>", ">>de<<"]
    for side in sides:
        model = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{side}.model"))
        pieces += [model.id_to_piece(number) for number in range(3, model.get_piece_size())]
    vocabulary = {piece: number for number, piece in enumerate([*dict.fromkeys(pieces), "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    with pytest.warns(UserWarning, match="sacremoses"):
        return MarianTokenizer(str(folder / "source.model"), str(folder / "target.model"), str(folder / "vocab.json"))


@pytest.mark.parametrize("text", ["The cat sat", "the 你好 cat", ">>de<< it was  tired.", "CAFÉ ﬁne", "a 👩\u200d👧 b", "\x00"])
def test_marian_has_the_librarys_ids_and_covers_what_was_typed(marian, text):
    reading = read(marian, text)
    assert list(reading.ids) == marian(text, split_special_tokens=True)["input_ids"]
    covered = {at for unit in units(reading.tokens) for at in range(unit.start, unit.end)}
    assert text == "\x00" or covered >= {at for start, end in words(text) for at in range(start, end)}
    starts = [token.start for token in reading.tokens]
    assert starts == sorted(starts)


def test_marian_reads_a_target_with_its_own_pieces_and_comes_back_to_the_source(marian):
    source = read(marian, "the cat").ids
    pad = marian.convert_tokens_to_ids("<pad>")
    reading = read_target(marian, "die Katze", start=pad)
    assert list(reading.ids) == [pad, *marian(text_target="die Katze")["input_ids"][:-1]]
    assert "".join(token.text.strip() for token in reading.tokens[1:]) == "dieKatze"
    assert read(marian, "the cat").ids == source
