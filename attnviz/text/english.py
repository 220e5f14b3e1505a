"""Whether a text looks English: by its script, its function words, and how many of its words a tokenizer cuts.

Function words tell languages apart in short texts (Grefenstette 1995, Comparing two language identification schemes). The
lists are ours. A word that two lists share, or that is an English noun, verb or name too ("die", "van"), is in none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from unicodedata import name

from attnviz.text import units
from attnviz.types import Token

ENGLISH = frozenset(
    "the and to of it its she her hers him his they them their theirs you your yours my mine our ours this that these those "
    "are were be been being have has did does didn doesn don isn wasn weren not by with from at for because when while until "
    "before after which who whom whose what where why how there here than then if or but into onto upon about would could "
    "should will shall can may might must each every some any no nor only very too also just again both either neither never "
    "always although though since without within through between behind near above below under up down out off over yes i he "
    "we us is was had do does an as on in so me himself herself itself themselves myself yourself".split()
)
OTHERS = frozenset(
    "der das dem und ist nicht ich er sie ihn ihm ihr ihre ihren ihrem sein seine seinen wir sind ein eine einen einem einer "
    "weil wenn dass daß aber auch auf aus bei mit von vom zum zur für über nach noch nur schon sehr wie wird wurde hatte "
    "hatten haben kann oder sich uns euch mich dich du kein keine doch dieser diese dieses diesen bist habe den des im "
    "am so an was le les une un et est il elle ils elles je nous vous ce cette ces qui que qu dans avec sur parce pas mais "
    "où très était avait sont été être avoir leur leurs aux du au j l ne y mon ma sa ses votre notre comme suis chez on "
    "que por porque con para su sus pero más muy está había fue como del al lo una uno unos unas ella ellos "
    "nos esta este eso esto también cuando donde soy es yo hola hay se no "
    "che di il gli della dello delle dei degli nel nella perché non sono è aveva era questo questa anche ma quando suo sua "
    "não uma os em ao à porque ele ela eles elas você foi estava tinha mais seu sua isso com do as um e "
    "het een niet omdat maar hij zij haar ze zijn heeft hebben werd naar ook dat deze dit aan bij voor uit wordt ik je "
    "of is we was had over en ten".split()
)  # German, French, Spanish, Italian, Portuguese, Dutch
AMBIGUOUS = frozenset("am die den des dare bin war hat son van met door l on par ten ma y e et al me".split())
_ENGLISH, _OTHERS = ENGLISH - OTHERS - AMBIGUOUS, OTHERS - ENGLISH - AMBIGUOUS
ENOUGH = 4  # words that a text needs where only the tokenizer decides


def is_english(text: str, tokens: Sequence[Token] = ()) -> bool:
    """Return whether a text looks English; True where too little speaks against it.

    It does not where most letters are not Latin; where it has more function words of other languages than English ones (two,
    or one and a quarter of its words cut into pieces); or where it has none of either, and half of at least ENOUGH words are
    cut. `tokens` are those that a model reads: a rare word alone (a name, a term) is cut too, but stands among English ones.
    """
    if not latin(text):
        return False
    found = re.findall(r"[^\W\d_]+", text.casefold())
    english, others = sum(word in _ENGLISH for word in found), sum(word in _OTHERS for word in found)
    cut, of = cut_words(tokens)
    if others > english:
        return not (others > 1 or (of > 0 and 4 * cut >= of))
    return bool(english) or of < ENOUGH or 2 * cut < of


def cut_words(tokens: Sequence[Token]) -> tuple[int, int]:
    """Return how many words of the first text a tokenizer cuts into several tokens, of how many words with letters."""
    first = min((token.segment for token in tokens if not token.special), default=0)
    found = [
        unit for unit in units(tokens)
        if not unit.special and unit.segment == first and any(char.isalpha() for char in unit.text)
    ]  # fmt: skip
    return sum(len(unit.tokens) > 1 for unit in found), len(found)


def latin(text: str) -> bool:
    """Return whether at least half of the letters are Latin, as in any English text; True for a text without letters."""
    letters = [char for char in text if char.isalpha()]
    return 2 * sum("LATIN" in name(char, "") for char in letters) >= len(letters)
