"""Whether a text looks English: English with rare words does, German, French and Spanish do not."""

from __future__ import annotations

import pytest

from attnviz import text as texts
from attnviz.lessons import examples
from attnviz.models import catalog
from attnviz.models.tokenizers import tokenizer
from attnviz.settings import Settings
from attnviz.text.english import cut_words, is_english
from attnviz.types import Token

GERMAN = "Der Hund hat die Katze gejagt, weil sie ihn gebissen hat"
RARE = (
    "The ornithologist photographed a flamboyant cassowary near Wollongong", "Antidisestablishmentarianism is tiresome",
    "Xiaoming visited Kraków", "Van der Waals forces attract molecules", "Die hard fans met in a van", "Las Vegas sleeps",
    "Colorless green ideas sleep furiously", "Vaswani et al. 2017", "I love 😀", "I drove my Käfer to München", "hello",
)  # fmt: skip
OTHER = (
    GERMAN, "Ich bin müde", "Die Katze jagt den Hund, weil er bellt",
    "Das Tier überquerte die Straße nicht, weil es zu müde war.",
    "Le chat a mangé la souris parce qu'il avait faim", "Je suis très fatigué ce soir",
    "El perro persiguió al gato porque lo había mordido", "La profesora felicitó a la alumna porque había trabajado mucho",
    "Kedi köpekten kaçtı çünkü ondan korkuyordu", "Собака укусила кошку", "狗咬了猫",
)  # fmt: skip


def tokens(model: str, text: str) -> tuple[Token, ...]:
    found = tokenizer(catalog.card(model), Settings.from_env())
    assert found is not None
    return texts.read(found, text, None, max_tokens=512, name=model).tokens


@pytest.mark.parametrize("model", ["minilm", "smollm2"])
def test_every_ready_sentence_and_english_with_rare_words_looks_english(model: str):
    ready = [one.text for one in examples.sentences()]
    assert [text for text in (*ready, *RARE) if not is_english(text, tokens(model, text))] == []


@pytest.mark.parametrize("model", ["minilm", "smollm2"])
@pytest.mark.parametrize("text", OTHER)
def test_other_languages_do_not_look_english(model: str, text: str):
    assert not is_english(text, tokens(model, text))


def test_words_that_a_tokenizer_cuts_are_counted_without_punctuation():
    assert cut_words(tokens("minilm", GERMAN)) == (7, 11)
    assert cut_words(tokens("minilm", "The dog barked, and slept.")) == (0, 5)
    assert cut_words(()) == (0, 0)
