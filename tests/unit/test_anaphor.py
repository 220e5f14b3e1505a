"""Which word of a sentence is the pronoun that is asked about: sixty sentences, and what happens without the parser."""

from __future__ import annotations

import pytest

from attnviz import text as texts
from attnviz.errors import UnavailableError
from attnviz.lessons import examples
from attnviz.linguistics import anaphor, parse

parsed = pytest.mark.skipif(not parse.available(), reason="the parser is not installed")

# The pronoun in brackets. Sorted by what could be taken for it.
SENTENCES = """
My grandmother told the nurse that [she] was tired
Anna told Maria that [her] car had been stolen
The pilot said that the mechanic had lost [his] keys
I know that the doctor warned the patient before [he] left
The mayor believes that the reporter lied to [her]
We heard that the twins had sold [their] house
The coach promised the players that [they] would win
Your brother thinks that Paul has forgotten [him]
The guide explained that the museum closes when [it] is empty
Our teacher wrote that the book had lost [its] cover
The letter that Anna sent to Maria made [her] smile
The dog that bit the postman barked before [it] ran away
A storm that hit the village left [it] without power
The car that the neighbour sold to Tom lost [its] wheel
She is the woman that the lawyer met before [he] moved
That dog chased the cat until [it] was tired
That man told the boy that [he] should wait
These shoes match the dress because [they] are red
This machine broke the cup because [it] was heavy
Those children gave the ducks bread because [they] were hungry
It was raining when the farmer called the vet because [he] was worried
It is late, so the nurse told the doctor that [she] would go home
It seems that the cook has burned the cake although [he] watched it
It is clear that Anna envies Maria because [she] is rich
It was dark when the owl saw the mouse and [it] ran away
It had been snowing for hours before the driver found the dog and fed [it]
It took the plumber an hour to find the leak because [it] was small
It turned out that the singer had forgotten [her] words
When [she] arrived, Anna was tired
Although [he] was late, the boss smiled
Before [they] left, the guests thanked the cook
Near [him], Peter saw a snake
If you ask the butler, the maid will say that [he] did it
I gave my sister the keys because [she] needed them
You told your mother that the teacher liked [her]
We saw the thief when [he] climbed over our wall
My dog loves your cat although [it] scratches
I myself think the judge blamed the witness because [he] lied
The queen praised the cook because [his] soup was good
The soldier hurt [himself] when the gun went off
The girls dressed [themselves] before the bus came
Mary Smith called Jane Brown because [she] was lonely
The bus driver waited for the school children because [they] were late
The New York mayor thanked the police chief after [she] resigned
The trophy does not fit in the suitcase because [it]'s too big
The vase fell on the table and now [it’s] broken
Peter asked Paul whether [he] could help
The lion chased the zebra, but [it] escaped
The committee met the strikers because [they] demanded higher pay
Susan lent Ruth the bike that [she] had repaired
The waiter brought the guest the soup, and [he] thanked him
John said Bill had bought a house, and Mary envied [him]
The dancers followed the musicians because [they] knew the way
“The nurse met the doctor,” said Tom, “before [she] left”
The cat sat by the window. [It] was asleep
The train hit the truck. Luckily [it] was empty
The sun went down, and that surprised no one but [him]
Nobody told the king that the queen had sold [his] crown
Does the gardener know that the owner has hidden [her] money?
The father lifted his son because [he] could not see
""".strip().splitlines()


def marked_pronoun(line: str) -> tuple[str, int]:
    """The sentence without brackets, and where the word in them starts."""
    return line.replace("[", "").replace("]", ""), line.index("[")


def test_sixty_sentences_are_here_and_none_is_a_ready_one():
    ready = {one.text for one in examples.sentences()}
    assert len(SENTENCES) == len({marked_pronoun(line)[0] for line in SENTENCES} - ready) == 60


@parsed
@pytest.mark.slow
@pytest.mark.parametrize("line", SENTENCES)
def test_the_pronoun_is_found_by_part_of_speech_and_position(line: str):
    text, start = marked_pronoun(line)
    found = anaphor.likely_pronoun(text, texts.words(text))
    assert found is not None
    assert found[0] <= start < found[1], text[slice(*found)]


OTHERS = """
[That] surprised the teacher
The teacher said that [this] was a mistake
The farmer sold the horse, and [that] was a mistake
The nurse [who] met the doctor smiled
The judge [whose] witness lied resigned
[My] bike is red
Yesterday [I] went home
[It] rained all day
"""


@parsed
@pytest.mark.slow
@pytest.mark.parametrize("line", OTHERS.strip().splitlines())
def test_without_a_third_person_pronoun_other_words_are_taken_in_turn(line: str):
    text, start = marked_pronoun(line)
    found = anaphor.likely_pronoun(text, texts.words(text))
    assert found is not None
    assert found[0] <= start < found[1], text[slice(*found)]


@parsed
@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["The mayor said that taxes rise", "That dog barks", "Dogs chase cats", "These old shoes hurt", "Which train is late?"],
)
def test_a_clause_opener_and_a_determiner_are_not_pronouns(text: str):
    assert anaphor.likely_pronoun(text, texts.words(text)) is None


@parsed
@pytest.mark.slow
def test_the_pronoun_of_every_ready_sentence_is_found():
    wrong = {
        one.id for one in examples.sentences()
        if (found := anaphor.likely_pronoun(one.text, texts.words(one.text))) is None
        or not found[0] <= one.pronoun[0] < found[1]
    }  # fmt: skip
    assert not wrong


def test_without_the_parser_words_and_positions_decide(monkeypatch: pytest.MonkeyPatch):
    def missing(text: str) -> tuple[parse.TaggedWord, ...]:
        raise UnavailableError("No parser here. Install it.")

    monkeypatch.setattr(parse, "tagged_words", missing)
    for line in ("My aunt told the nurse that [she] was ill", "Anna told Maria that [her] cat had run away"):
        text, start = marked_pronoun(line)
        found = anaphor.likely_pronoun(text, texts.words(text))
        assert found is not None
        assert found[0] == start
    assert anaphor.likely_pronoun("Dogs chase cats", texts.words("Dogs chase cats")) is None


def test_a_text_in_another_script_and_one_longer_than_the_parser_reads_raise_nothing():
    assert anaphor.likely_pronoun("小猫没有过马路", texts.words("小猫没有过马路")) is None
    long = "word " * parse.LONGEST + "Anna met Maria and she laughed"
    found = anaphor.likely_pronoun(long, texts.words(long))
    assert found is not None
    assert long[slice(*found)] == "she"
