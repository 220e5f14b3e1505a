"""The door to annotated texts: what it promises of every format, and the real corpora, counted and read by a second rule."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attnviz.errors import BadInputError
from attnviz.linguistics import corpora as door
from attnviz.linguistics.corpora.types import AnnotatedQuestion, BrokenLine, ParsedSentence
from tests.fuzz import example_count

ROOT = Path(__file__).parents[2]
READERS = {"conllu": door.conllu, "gap": door.gap, "winogender": door.winogender, "own": door.own}
EVERY = pytest.mark.parametrize("kind", READERS)

GAP_NAMES = "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref"
HEADERS = {"conllu": "", "gap": f"{GAP_NAMES}\n", "winogender": "sentid\tsentence\n", "own": ""}
# One right text of each kind; {} is filled with as much as is wanted that no reader keeps for long.
TEXTS = {
    "conllu": "# {}\n1\tAnna\t_\t_\t_\t_\t2\tnsubj\t_\t_\n2\tran\t_\t_\t_\t_\t0\troot\t_\t_\n\n",
    "gap": "1\tAnna saw Eva as she ran. {}\tshe\t16\tAnna\t0\tTRUE\tEva\t9\tFALSE\n",
    "winogender": "cook.guest.1.male.txt\tThe cook told the guest what he knew. {}\n",
    "own": '[[sentence]]\n# {}\ntext = "Anna ran"\narcs = [["Anna", "ran", "nsubj"]]\n',
}


def spans(entry: ParsedSentence | AnnotatedQuestion) -> list[tuple[int, int]]:
    """Every place that an entry names."""
    if isinstance(entry, AnnotatedQuestion):
        return [entry.pronoun, *entry.candidates]
    return [*entry.words, *(end for link in entry.links for end in (link.source, link.target))]


def made(folder: Path, kind: str, texts: int, filler: str) -> Path:
    """A file of many texts, written one at a time."""
    with open(folder / kind, "w") as file:
        file.write(HEADERS[kind])
        file.writelines(TEXTS[kind].format(filler) for _ in range(texts))
    return folder / kind


def peak(work: Callable[[], object]) -> int:
    """The bytes that Python held at most while this was done, beyond what it held before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@EVERY
def test_a_file_is_never_whole_in_memory(tmp_path: Path, kind: str):
    path = made(tmp_path, kind, 400, "x" * 20_000)
    count = 0

    def walk() -> None:
        nonlocal count
        for _ in READERS[kind](path, door.strict):
            count += 1

    used = peak(walk)
    assert count == 400
    assert path.stat().st_size > 8_000_000
    assert used < 1_000_000  # a text and its lines are 20,000 characters; a reader that keeps all holds eight million


@EVERY
def test_a_line_without_an_end_is_reported_and_takes_no_more_memory_than_a_long_one(tmp_path: Path, kind: str):
    path = made(tmp_path, kind, 1, "")
    with open(path, "a") as file:
        file.writelines("x" * 1_000_000 for _ in range(20))
    reasons: list[BrokenLine] = []
    assert peak(lambda: [*READERS[kind](path, reasons.append)]) < 5_000_000  # a line of 1,000,000 bytes, and its copies
    assert [broken.reason for broken in reasons] == ["A line is shorter than 1,000,000 bytes; this one is longer. Divide it."]


@EVERY
def test_a_text_comes_before_the_next_is_read(tmp_path: Path, kind: str):
    path = made(tmp_path, kind, 2, "")
    with open(path, "a") as file:
        file.write("broken\n")
    found = iter(READERS[kind](path, door.strict))
    assert next(found).text.startswith(("Anna", "The cook"))
    found.close()  # pyright: ignore[reportAttributeAccessIssue]


@EVERY
def test_strict_ends_the_run_with_file_line_and_reason(tmp_path: Path, kind: str):
    path = made(tmp_path, kind, 2, "")
    line = len(path.read_text().splitlines()) + 1
    with open(path, "ab") as file:
        file.write(b"\xff\n")
    heard: list[ParsedSentence | AnnotatedQuestion] = []
    with pytest.raises(BadInputError) as error:
        heard.extend(READERS[kind](path, door.strict))
    remedy = "Save the file as UTF-8, or convert it: iconv -f latin1 -t utf-8."
    reason = f"A corpus is written in UTF-8; byte 1 of this line, 0xFF, belongs to no character. {remedy}"
    assert str(error.value) == f"{path}:{line}: {reason}"


@EVERY
def test_a_missing_file_is_refused_by_name(tmp_path: Path, kind: str):
    with pytest.raises(BadInputError, match=r"A corpus is a file that can be read; .*absent: No such file"):
        list(READERS[kind](tmp_path / "absent", door.strict))


CELLS = st.one_of(
    st.sampled_from("1 2 1-2 1.1 0 3 _ root Anna ran SpaceAfter=No TRUE [[sentence]] [[example]]".split()),
    st.sampled_from(["# text = Anna ran", 'text = "she"', 'arcs = [["ran", "Anna", "x"]]']),
    st.text(alphabet="aA\u00a0 \t\u2028\ufeff\ud7ff😀\"'[]=#.\r", max_size=4),
)  # fmt: skip
CONTENT = st.one_of(
    st.binary(max_size=60),
    st.lists(st.lists(CELLS, max_size=10).map("\t".join), max_size=6).map(lambda rows: "\n".join(rows).encode()),
)


@EVERY
@settings(max_examples=example_count(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.integers(0, 200), content=CONTENT)
def test_anything_in_a_file_is_read_or_reported(tmp_path: Path, kind: str, where: int, content: bytes):
    right = (HEADERS[kind] + TEXTS[kind].format("é") * 2).encode()
    path = tmp_path / "made"
    path.write_bytes(right[:where] + content + right[where:])
    reasons: list[BrokenLine] = []
    for entry in READERS[kind](path, reasons.append):
        assert all(0 <= start < end <= len(entry.text) and entry.text[start:end].strip() for start, end in spans(entry))
    assert all(1 <= broken.line <= path.read_bytes().count(b"\n") + 1 and broken.reason.endswith(".") for broken in reasons)


def forms(path: Path) -> Iterator[list[str]]:
    """The forms of the words of each sentence, by the shortest rule there is."""
    for block in path.read_text("utf-8").split("\n\n"):
        rows = [line.split("\t") for line in block.splitlines() if not line.startswith("#")]
        if rows:
            yield [row[1] for row in rows if row[0].isdecimal()]


@pytest.fixture(scope="session")
def ewt(corpora: Path) -> list[ParsedSentence]:
    """EWT's development set, in which nothing may be broken."""
    return list(door.conllu(corpora / "ewt-dev.conllu", door.strict))


def test_every_word_of_ewt_is_where_its_form_is(corpora: Path, ewt: list[ParsedSentence]):
    assert len(ewt) == 2001
    found = [[sentence.text[start:end] for start, end in sentence.words] for sentence in ewt]
    assert found == list(forms(corpora / "ewt-dev.conllu"))
    texts = [
        line.removeprefix("# text = ") for line in (corpora / "ewt-dev.conllu").read_text().splitlines() if "# text = " in line
    ]
    assert [sentence.text for sentence in ewt] == texts


def test_every_link_of_ewt_is_there(corpora: Path, ewt: list[ParsedSentence]):
    rows = [line.split("\t") for line in (corpora / "ewt-dev.conllu").read_text().splitlines()]
    gold = Counter(row[7] for row in rows if len(row) == 10 and row[0].isdecimal() and row[6] != "0")
    assert Counter(link.kind for sentence in ewt for link in sentence.links) == gold
    assert all({link.source, link.target} <= set(sentence.words) for sentence in ewt for link in sentence.links)


def test_one_sentence_of_ewt_by_hand(ewt: list[ParsedSentence]):
    sentence = ewt[0]
    assert sentence.text == "From the AP comes this story :"
    assert [(sentence.text[slice(*link.source)], sentence.text[slice(*link.target)], link.kind) for link in sentence.links] == [
        ("From", "AP", "case"), ("the", "AP", "det"), ("AP", "comes", "obl"),
        ("this", "story", "det"), ("story", "comes", "nsubj"), (":", "comes", "punct"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "answers"),
    [("gap-development.tsv", {0: 874, 1: 925, None: 201}), ("gap-validation.tsv", {0: 187, 1: 205, None: 62})],
)
def test_gap_is_read_whole(corpora: Path, name: str, answers: dict[int | None, int]):
    found = list(door.gap(corpora / name, door.strict))
    assert Counter(question.answer for question in found) == answers
    rows = [line.split("\t") for line in (corpora / name).read_text("utf-8").splitlines()[1:]]
    assert [[question.text[slice(*place)] for place in spans(question)] for question in found] == [
        [r[2], r[4], r[7]] for r in rows
    ]


def test_winogender_is_read_whole(corpora: Path):
    found = list(door.winogender(corpora / "winogender.tsv", door.strict))
    assert Counter(question.answer for question in found) == {0: 360, 1: 360}
    for question in found:
        occupation, participant = question.id.split(".")[:2]
        pronoun, *people = (question.text[slice(*place)].lower() for place in spans(question))
        assert people == [occupation, participant]
        assert pronoun in "he him his she her they them their".split()


def test_our_own_ready_sentences_are_read_whole():
    found = list(door.own(ROOT / "attnviz/content/examples.toml", door.strict))
    assert [entry.id for entry in found][:2] == ["tired", "wide"]
    assert len(found) == (ROOT / "attnviz/content/examples.toml").read_text("utf-8").count("[[example]]")
