"""Twenty sentences in ten scripts and more: what the line under the field says, against the tokenizers' own parts.

The truth is computed here a second way: ids that are the unknown token's, by the tokenizer's offsets; the normaliser's own
text, compared with what was typed; Unicode's categories. Nothing here asks attnviz which token is unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from unicodedata import category, normalize

import pytest

import attnviz
from attnviz.analysis import legibility_text
from attnviz.models import catalog, tokenizers
from attnviz.settings import Settings

pytestmark = pytest.mark.slow  # both models are loaded

SENTENCES = {
    "Latin, no change": "the lamp fell because it stood on the edge",
    "Latin, French": "Zoé a rangé le café près du château, où il fait frais",
    "Latin, Polish": "Żółw przeszedł przez łąkę, bo był głodny",
    "Latin, Vietnamese": "Con mèo không băng qua đường vì nó mệt",
    "Latin, Turkish": "İpek ıslak eldiveni çıkardı",
    "Greek": "Ο σκύλος δεν πέρασε τον δρόμο, γιατί ήταν κουρασμένος",
    "Cyrillic, Russian": "Ёжик не перешёл дорогу, потому что он устал",
    "Cyrillic, Ukrainian": "Ґава з'їла ґречку, бо вона була голодна",
    "Arabic": "لم تعبر القطة الشارع لأنها كانت متعبة",
    "Arabic, with vowels": "كَتَبَ الوَلَدُ الرِّسالَةَ",
    "Hebrew": "החתול לא חצה את הרחוב כי הוא עייף",
    "Hebrew, pointed": "הַיֶּלֶד אָכַל תַּפּוּחַ",
    "Devanagari": "बिल्ली ने सड़क पार नहीं की क्योंकि वह थकी हुई थी",
    "Chinese": "小猫没有过马路，因为它太累了。",
    "Japanese": "ネコは疲れていたので道を渡らなかった。",
    "Korean": "고양이는 너무 피곤해서 길을 건너지 않았다.",
    "Thai": "แมวไม่ข้ามถนนเพราะมันเหนื่อยเกินไป",
    "Georgian": "კატა არ გადავიდა ქუჩაზე",
    "Emoji": "The parrot 🦜 sang because it was 😀 and 🦜 is loud",
    "Mixed": "Anna said Привет and 你好 to the Ωmega team",
}
MODELS = ("minilm", "smollm2")
EVERY = [(model, name) for model in MODELS for name in SENTENCES]
UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff]")  # Thai, kana, Han


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """Both models are read once: smollm2's tokenizer is there once its file has been converted."""
    for model in MODELS:
        attnviz.attend("it", model=model)


@dataclass(frozen=True)
class Truth:
    """What the tokenizer itself does to a text: unknown parts as typed, and the text as its normaliser leaves it."""

    unknown: tuple[str, ...]
    characters: int
    normalised: str


def truth(model: str, text: str) -> Truth:
    """Return it, from the library's ids, offsets and normaliser."""
    found = tokenizers.tokenizer(catalog.card(model), Settings.from_env())
    assert found is not None
    backend = found.backend_tokenizer
    encoding = backend.encode(text, add_special_tokens=False)
    unknown = backend.model.token_to_id(backend.model.unk_token) if backend.model.unk_token else None
    spans = [span for number, span in zip(encoding.ids, encoding.offsets, strict=True) if number == unknown]
    places = {at for start, end in spans for at in range(start, end) if not text[at].isspace()}
    normaliser = backend.normalizer
    return Truth(
        tuple(text[start:end] for start, end in spans), len(places), normaliser.normalize_str(text) if normaliser else text
    )


def counts(text: str, unknown: tuple[str, ...], characters: int) -> str:
    """Return `2 of 8 words`, counted by splitting at spaces and at punctuation."""
    if UNSPACED.search(text):
        return f"{characters} of {len(''.join(text.split()))} characters"
    parts = [part for word in text.split() for part in re.findall(r"[.,]|[^.,]+", word)]
    marks = " and punctuation marks" if {".", ","} & set(parts) else ""
    return f"{len(unknown)} of {len(parts)} words{marks}"


@pytest.mark.parametrize(("model", "name"), EVERY)
def test_how_much_is_unknown_is_what_the_tokenizer_does_not_know(model: str, name: str):
    text = SENTENCES[name]
    want = truth(model, text)
    sentence = legibility_text.unread(attnviz.attend(text, model=model), "Model")

    named = list(dict.fromkeys(want.unknown))
    if not named:
        assert sentence == ""
    elif want.characters == len("".join(text.split())):
        assert sentence == "Model cannot read this text at all. It sees only [UNK] (unknown)."
    else:
        assert sentence.startswith(f"Model cannot read {counts(text, want.unknown, want.characters)}: ")
        assert re.findall("“(.*?)”", sentence) == named[:3]
        assert ("more." in sentence) == (len(named) > 3)
        assert sentence.endswith("in its place." if len(named) == 1 else "in place of each.")


@pytest.mark.parametrize(("model", "name"), EVERY)
def test_case_and_accents_are_as_the_normaliser_leaves_them(model: str, name: str):
    text = SENTENCES[name]
    want = truth(model, text)
    sentence = legibility_text.altered_sentence(attnviz.attend(text, model=model).reading, "Model")

    typed, read = _known(text, want), "".join(want.normalised.split())
    lost_marks = _marks(typed) > _marks(read)
    latin = re.search("[\u0530-\U0010ffff]", "".join(c for c in normalize("NFD", typed) if category(c) == "Lo")) is None
    assert ("in lower case" in sentence) == (any(c.isupper() for c in typed) and read == read.lower())
    assert ("without accents" in sentence) == (lost_marks and latin)
    assert ("without the marks on its letters" in sentence) == (lost_marks and not latin)
    for word, form in re.findall("“(.*?)” as “(.*?)”", sentence):
        assert word in text
        assert form in want.normalised
        assert form not in text or normalize("NFD", word).lower() != normalize("NFD", form)


@pytest.mark.parametrize("name", SENTENCES)
def test_smollm2_reads_every_one_of_them_as_it_was_typed(name: str):
    text = SENTENCES[name]

    assert not truth("smollm2", text).unknown
    reading = attnviz.attend(text, model="smollm2").reading
    assert reading is not None
    assert reading.as_typed


def _known(text: str, want: Truth) -> str:
    """Return the text without blanks and without what the model does not know."""
    for part in sorted(want.unknown, key=len, reverse=True):
        text = text.replace(part, "", 1)
    return "".join(text.split())


def _marks(text: str) -> int:
    """Return how many combining marks are in a text, those of composed letters counted."""
    return sum(category(character) == "Mn" for character in normalize("NFD", text))
