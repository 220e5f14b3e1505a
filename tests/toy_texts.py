"""Short texts as tokens, for tests of several rooms: words of several pieces between special tokens."""

from __future__ import annotations

from attnviz.types import Token

CLS = Token("[CLS]", "[CLS]", 0, 0, None)
# "It didn't": 2 words, 4 pieces, in the middle of [CLS] and [SEP].
IT_DIDNT = (
    CLS,
    Token("It", "it", 0, 2, 0),
    Token("didn", "didn", 3, 7, 1),
    Token("'", "'", 7, 8, 1),
    Token("t", "t", 8, 9, 1),
    Token("[SEP]", "[SEP]", 9, 9, None),
)
# "cats saw it": cats is two pieces. Without [SEP]: a test may let the text go on.
CATS_SAW_IT = (
    CLS,
    Token("cat", "cat", 0, 3, 0),
    Token("s", "##s", 3, 4, 0),
    Token("saw", "saw", 5, 8, 1),
    Token("it", "it", 9, 11, 2),
)
CATS, SAW, IT = (0, 4), (5, 8), (9, 11)
