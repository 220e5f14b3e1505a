"""Places of the pieces around tokens that were added to a tokenizer: every kind of tokenizer, every flag of an added token."""

from functools import cache
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizer, PreTrainedTokenizerFast

from attnviz.text import MASK, read, units
from attnviz.text.align import text_to_bytes
from attnviz.types import Token
from tests.fuzz import example_count

OPENS, CLOSES, PLAIN = "<device_name>", "</device_name>", "covid"
SENTENCES = ["<dev> BMS-L17-1 hello the cat sat", "BMS hello covid the café L17", "hello BMS the 你好 L17-1 cat"] * 4
SPECIAL = ["<pad>", "</s>", "<unk>", "<mask>", "<s>"]
NAMES = {"mask_token": "<mask>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
FLAGS = {
    "no flag": {},
    "lstrip": {"lstrip": True},
    "rstrip": {"rstrip": True},
    "both strips": {"lstrip": True, "rstrip": True},
    "single word": {"single_word": True},
    "normalized": {"normalized": True},
    "special": {"special": True},
}


def byte_level(template: str, *, prefix: bool, regex: bool = True):
    """Byte-level BPE with pieces such as `ĠBMS`, under a template that trims blanks off spans or leaves them."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)
    made.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=380, initial_alphabet=letters, special_tokens=SPECIAL))
    made.post_processor = {
        "trims": processors.ByteLevel(trim_offsets=True),
        "trims, and puts a blank first": processors.ByteLevel(trim_offsets=True, add_prefix_space=prefix),
        "trims nothing": processors.ByteLevel(trim_offsets=False),
        "roberta": processors.RobertaProcessing(("</s>", 1), ("<s>", 4), add_prefix_space=prefix),
        "roberta, untrimmed": processors.RobertaProcessing(
            ("</s>", 1), ("<s>", 4), trim_offsets=False, add_prefix_space=prefix
        ),
        "bert": processors.BertProcessing(("</s>", 1), ("<s>", 4)),
    }[template]
    return made


def metaspace(scheme: str, *, model: str = "unigram", split: bool = True, normalizer=None):
    """Pieces that begin with `▁`, put before every stretch between added tokens, the first of them, or none."""
    made = Tokenizer(models.Unigram() if model == "unigram" else models.BPE(unk_token="<unk>", fuse_unk=True))
    if normalizer is not None:
        made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
    made.decoder = decoders.Metaspace(prepend_scheme=scheme, split=split)
    if model == "unigram":
        made.train_from_iterator(SENTENCES, trainers.UnigramTrainer(vocab_size=60, special_tokens=SPECIAL, unk_token="<unk>"))
    else:
        made.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=120, special_tokens=SPECIAL))
    return made


def legacy_llama():
    """As old Llama files have it: blanks replaced and one put first by the normaliser, no pre-tokeniser at all."""
    made = metaspace("first", model="bpe")
    made.pre_tokenizer = None
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return made


def wordpiece(*, lower: bool):
    """BERT's."""
    made = Tokenizer(models.WordPiece(unk_token="<unk>"))
    made.normalizer = normalizers.BertNormalizer(lowercase=lower)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=120, special_tokens=SPECIAL))
    return made


def suffixed():
    """BPE whose pieces say where a word ends, as in CLIP and the first GPT."""
    made = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=160, special_tokens=SPECIAL, end_of_word_suffix="</w>"))
    return made


class InPython(PreTrainedTokenizer):
    """A tokenizer without a backend: words cut into letters of one vocabulary, the first with a sign that a word begins."""

    vocab_files_names: ClassVar[dict[str, str]] = {}

    def __init__(self, **options):
        letters = sorted({letter for sentence in SENTENCES for letter in sentence if letter != " "})
        self.entries = {name: at for at, name in enumerate([*SPECIAL, *letters, *(f"▁{letter}" for letter in letters)])}
        super().__init__(**options)

    @property
    def vocab_size(self):
        return len(self.entries)

    def get_vocab(self):
        return {**self.entries, **self.added_tokens_encoder}

    def _tokenize(self, text):
        return [("▁" if i == 0 else "") + letter for word in text.split() for i, letter in enumerate(word)]

    def _convert_token_to_id(self, token):
        return self.entries.get(token, 2)

    def _convert_id_to_token(self, index):
        return next((name for name, at in self.entries.items() if at == index), "<unk>")

    def save_vocabulary(self, save_directory, filename_prefix=None):
        return (str(Path(save_directory) / "none"),)


# What each makes, and whether its pieces spell what is typed (no normaliser, nothing unknown).
MAKERS = {
    "bytes, trimmed": (lambda: byte_level("trims", prefix=False), True),
    "bytes, blank put before, trimmed": (lambda: byte_level("trims", prefix=True), True),
    "bytes, blank put before and kept": (lambda: byte_level("trims, and puts a blank first", prefix=True), True),
    "bytes, blank put before, untrimmed": (lambda: byte_level("trims nothing", prefix=True), True),
    "bytes, blank put before, not split": (lambda: byte_level("trims", prefix=True, regex=False), True),
    "roberta": (lambda: byte_level("roberta", prefix=False), True),
    "roberta, blank put before": (lambda: byte_level("roberta", prefix=True), True),
    "roberta, blank put before, untrimmed": (lambda: byte_level("roberta, untrimmed", prefix=True), True),
    "bytes, blank put before, bert's template": (lambda: byte_level("bert", prefix=True), True),
    "metaspace always": (lambda: metaspace("always"), False),
    "metaspace first": (lambda: metaspace("first"), False),
    "metaspace never": (lambda: metaspace("never"), False),
    "metaspace always, bpe": (lambda: metaspace("always", model="bpe"), False),
    "metaspace first, unsplit bpe": (lambda: metaspace("first", model="bpe", split=False), False),
    "metaspace always, nfkc": (lambda: metaspace("always", normalizer=normalizers.NFKC()), False),
    "legacy llama": (legacy_llama, False),
    "wordpiece": (lambda: wordpiece(lower=False), False),
    "wordpiece, lower case": (lambda: wordpiece(lower=True), False),
    "endings of words": (suffixed, False),
    "in python": (None, False),
}


@cache
def trained(kind: str) -> str:
    """The tokenizer of a kind as JSON: trained once."""
    return MAKERS[kind][0]().to_str()


@cache
def tokenizer(kind: str, flags: str):
    """A tokenizer of a kind with three added tokens."""
    python = MAKERS[kind][0] is None
    made = InPython(**NAMES) if python else PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(trained(kind)), **NAMES)
    options = {"normalized": False, **FLAGS[flags]}
    made.add_tokens([AddedToken(name, **options) for name in (OPENS, CLOSES, PLAIN)])
    return made


def shown(tokens: list[Token]) -> str:
    """All labels in their order, bytes joined to characters again, without blanks."""
    return "".join("".join(unit.text for unit in units(tokens) if not unit.special or unit.text == "<mask>").split())


def assert_read(made, text: str, *, spelled: bool) -> None:
    """Every typed character that is no blank stands under a piece; labels joined are the text, and each is its piece's own."""
    reading = read(made, text)
    tokens = [token for token in reading.tokens if token.word is not None or token.end > token.start]
    covered = {at for token in tokens for at in range(token.start, token.end)}
    missed = [(at, text[at]) for at in range(len(text)) if not text[at].isspace() and at not in covered]
    assert not missed, (missed, [(token.text, token.piece, token.start, token.end) for token in tokens])
    assert shown(tokens) == "".join(text.replace(MASK, "<mask>").split()), [(t.text, t.piece, t.start, t.end) for t in tokens]
    if not spelled:
        return
    added = {str(name) for name in made.get_added_vocab()}
    for token in tokens:
        if token.piece in added:
            assert token.text == token.piece
            continue
        own = made.backend_tokenizer.decoder.decode([token.piece])
        if "\ufffd" not in own and "<0x" not in token.text:
            assert token.text.strip() == own.strip(), (token, own)
        else:
            letters = pre_tokenizers.ByteLevel.alphabet()
            assert all(letter in letters for letter in token.piece)
            assert len(text_to_bytes(token.text)) <= len(token.piece)


kinds = pytest.mark.parametrize("kind", list(MAKERS))
TEXTS = [
    "<device_name>BMS-L17-1</device_name> hello",
    "<device_name> BMS-L17-1 </device_name>hello",
    "<device_name>  BMS\t</device_name>\nhello",
    "hello<device_name><device_name>B</device_name></device_name>hello",
    "the covid cat, covidcovid covid covids",
    "<device_name>",
    "<device_name>a",
    "a<device_name>",
    "<device_name>'s</device_name>!</device_name>'s",
    "<device_name>😀</device_name> 😀<device_name>é",
    "<device_name>你好</device_name>你好",
    " <device_name> ",
    "\n<device_name>\n\nhello </device_name>  the",
    "<device_name>\u00a0hello\u3000</device_name>\u2028x",
    "<device_name>1</device_name>1<device_name>-",
]


@kinds
def test_a_piece_after_an_added_token_has_its_own_characters(kind):
    # Every kind of tokenizer meets every flag and every text, and every flag meets every text: 300 of the 2,100 combinations.
    for at, text in enumerate(TEXTS, start=list(MAKERS).index(kind)):
        assert_read(tokenizer(kind, list(FLAGS)[at % len(FLAGS)]), text, spelled=MAKERS[kind][1])


@pytest.mark.slow
@kinds
@pytest.mark.parametrize("flags", list(FLAGS))
def test_a_piece_after_an_added_token_has_its_own_characters_in_every_combination(kind, flags):
    for text in TEXTS:
        assert_read(tokenizer(kind, flags), text, spelled=MAKERS[kind][1])


parts = st.sampled_from(
    [OPENS, CLOSES, PLAIN, "BMS", "hello", "a", "1", "-", "é", "你", "😀", "'s", " ", "  ", "\t", "\n", "\u00a0", ".", "B"]
)


@settings(max_examples=example_count(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(list(MAKERS)), flags=st.sampled_from(list(FLAGS)), text=st.lists(parts, min_size=1).map("".join))
@example(kind="bytes, blank put before, trimmed", flags="no flag", text="<device_name>BMS</device_name>B")
def test_any_text_with_added_tokens_is_covered_and_labelled_by_its_own_characters(kind, flags, text):
    if text.strip():
        assert_read(tokenizer(kind, flags), text, spelled=MAKERS[kind][1])


@pytest.mark.parametrize("kind", [kind for kind, (maker, _) in MAKERS.items() if maker and kind not in ("endings of words",)])
def test_masks_beside_added_tokens_keep_their_place(kind):
    for text in (f"<device_name>{MASK}BMS", f"{MASK}<device_name>hello {MASK}", f"<device_name> {MASK} </device_name>B"):
        assert_read(tokenizer(kind, "no flag"), text, spelled=MAKERS[kind][1])


def test_the_reported_text_is_labelled_as_it_is_typed():
    tokens = read(tokenizer("bytes, blank put before, trimmed", "no flag"), TEXTS[0]).tokens
    assert {("<device_name>", 0), ("BMS", 13), ("-", 16), ("</device_name>", 22), ("hello", 37)} <= {
        (token.text, token.start) for token in tokens
    }


def test_an_added_token_that_takes_the_blanks_around_it_is_labelled_without_them():
    tokens = read(tokenizer("bytes, trimmed", "both strips"), "the <device_name>  cat").tokens
    assert [(token.text, token.start, token.end) for token in tokens if token.piece == OPENS] == [(OPENS, 4, 17)]
