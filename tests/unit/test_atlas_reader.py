"""Atlas files written by hand: what is read of them, and that a damaged or hostile one is refused in words."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from attnviz.errors import BadInputError
from attnviz.linguistics.atlas import npz, reader
from tests import atlases
from tests.atlases import L, Q

# 3 links det dh, 1 det hd, 2 obj dh; the relation nsubj is named and has none.
LINKS = (
    L(0, 0, 0, 1, 9, [(0, 0), (1, 4)]),
    L(0, 0, 1, -1, 9, [(0, 1)]),
    L(3, 1, 0, -2, 4, [(1, 0)]),
    L(4, 0, 0, 2, 7, [(1, 4)]),
    L(5, 0, 0, 1, 6),
    L(5, 1, 0, -3, 6, [(0, 0), (0, 1), (0, 2), (0, 3), (0, 4)]),
)
QUESTIONS = (Q(0, 1, True, [(1, 2)]), Q(1, 1, False), Q(0, 2, False, [(0, 3), (1, 2)]))


@pytest.fixture
def made(tmp_path: Path) -> reader.Atlas:
    return reader.read(atlases.write(tmp_path / "made-up.npz", atlases.members(LINKS, QUESTIONS)))


def heads(*places: tuple[int, int]) -> np.ndarray:
    """[layer, head], true at these places."""
    found = np.zeros((atlases.LAYERS, atlases.HEADS), bool)
    for place in places:
        found[place] = True
    return found


def test_the_header_says_of_which_model_and_corpora(made: reader.Atlas):
    assert (made.model, made.header.layers, made.header.heads, made.header.causal) == ("made-up", 2, 5, False)
    assert [corpus.name for corpus in made.header.corpora] == ["Trees", "Names", "Jobs"]
    assert made.header.corpora[0].left_out == (("too long", 10),)
    assert made.header.likened == ((3, 2), (12, 4))


def test_the_links_of_one_relation_and_direction_with_the_heads_that_hit_them(made: reader.Atlas):
    found = made.links("det", "dh")
    assert found.text.tolist() == [0, 4, 5]
    assert found.offset is not None
    assert found.others is not None
    assert found.offset.tolist() == [1, 2, 1]
    assert found.others.tolist() == [9, 7, 6]
    np.testing.assert_array_equal(found.hits, [heads((0, 0), (1, 4)), heads((1, 4)), heads()])
    assert found.counts[1, 4] == 2
    assert found.even.tolist() == [True, True, False]
    assert made.links("det", "hd").hits[0].nonzero() == (np.array([0]), np.array([1]))


def test_a_part_of_the_instances(made: reader.Atlas):
    found = made.links("obj")
    odd = found.where(~found.even)
    assert odd.offset is not None
    assert odd.offset.tolist() == [-2, -3]
    assert odd.counts.tolist() == [[1, 1, 1, 1, 1], [1, 0, 0, 0, 0]]


def test_questions_of_one_kind_and_of_all(made: reader.Atlas):
    assert made.kinds == {"coreference": 3, "gap": 2, "winogender": 1}
    gap = made.questions("gap")
    assert gap.nearest is not None
    assert gap.nearest.tolist() == [True, False]
    assert made.questions().counts.tolist() == [[0, 0, 0, 1, 0], [0, 0, 2, 0, 0]]
    assert [corpus.name for corpus in made.corpora(made.questions("winogender"))] == ["Jobs"]


def test_a_relation_without_links_has_none(made: reader.Atlas):
    assert made.relations[("det", "dh")] == 3
    assert made.relations[("nsubj", "hd")] == 0
    assert made.links("nsubj").hits.shape == (0, 2, 5)


def test_habits_and_meaning(made: reader.Atlas):
    assert made.habit("next").values[1, 2] == pytest.approx(17 / 30)
    assert (made.habit("next").unit, made.habit("entropy").unit) == ("share", "bits")
    assert made.meaning_by_half[1, 1, 0, 1, 2] == pytest.approx(67 / 80)


def test_a_habit_is_found_by_the_name_that_older_atlases_and_links_have(tmp_path: Path):
    older = atlases.members(head=atlases.header(habits=["previous", "induction", "entropy"]))
    found = reader.read(atlases.write(tmp_path / "older.npz", older))
    assert found.header.habits == ("previous", "after-repeated", "entropy")
    for name in ("induction", "after-repeated"):
        assert (found.habit(name).name, found.habit(name).values[1, 2]) == ("after-repeated", pytest.approx(17 / 30))


def test_what_is_shared_cannot_be_written(made: reader.Atlas):
    with pytest.raises(ValueError, match="read-only"):
        made.links("det").hits[0, 0, 0] = True


def test_unknown_names_list_what_there_is(made: reader.Atlas):
    listed = r"“advmod”\. .* It has: det \(3\), obj \(2\), coreference \(3\), gap \(2\), winogender \(1\)\."
    with pytest.raises(BadInputError, match=listed):
        made.links("advmod")
    for name, says in (
        ("dobj", "“dobj”. The parser's dobj is counted as obj. It has:"),
        ("det:predet", "These texts have none of that subtype; det counts all that they have."),
        ("pobj", "The parser's pobj has no counterpart here. It runs the other way round"),
    ):
        with pytest.raises(BadInputError, match=re.escape(says)):
            made.links(name)
    with pytest.raises(BadInputError, match=r"called “objj”\. Did you mean obj\? It has: det"):
        made.links("objj")
    with pytest.raises(BadInputError, match="no links called “toml”"):
        made.questions("toml")
    with pytest.raises(BadInputError, match=r"dh .* or hd .*; got “up”"):
        made.links("det", "up")
    with pytest.raises(BadInputError, match=r"no habit “sleep”\. It has previous, next and entropy"):
        made.habit("sleep")


SUBTYPES = ["nmod", "nmod:poss", "obj", "case:x"]
# Two nmod and three nmod:poss dh, one nmod:poss hd, one obj, and a case with a subtype alone.
FAMILY = (
    L(0, 0, 0, 1, 9, [(0, 0)]), L(1, 0, 0, 2, 9), L(2, 1, 0, 1, 9, [(1, 1)]), L(3, 1, 0, 1, 9, [(1, 1)]), L(4, 1, 0, 3, 9),
    L(4, 1, 1, -3, 9), L(5, 2, 0, 1, 9), L(6, 3, 0, 1, 9),
)  # fmt: skip


def family(tmp_path: Path) -> reader.Atlas:
    parts = atlases.members(FAMILY, head=atlases.header(relations=SUBTYPES))
    return reader.read(atlases.write(tmp_path / "family.npz", parts))


def test_relations_are_counted_with_their_subtypes_without_them_and_each_alone(tmp_path: Path):
    made = family(tmp_path)
    counts = {name: made.relations[name, "dh"] for name in made.names}
    assert counts == {"nmod": 5, "nmod:": 2, "nmod:poss": 3, "obj": 1, "case": 1, "case:x": 1}
    assert made.links("nmod").text.tolist() == [0, 1, 2, 3, 4]
    assert made.links("nmod:").text.tolist() == [0, 1]
    assert made.links("nmod:poss").counts[1, 1] == 2
    assert made.links("obj:").text.tolist() == [5]  # none of obj has a subtype


def test_what_a_relation_pools_is_reported(tmp_path: Path):
    made = family(tmp_path)
    assert made.pooled("nmod") == {"nmod:": 2, "nmod:poss": 3}
    assert made.pooled("nmod", "hd") == {"nmod:poss": 1}
    assert made.pooled("obj") == made.pooled("nmod:poss") == {}
    with pytest.raises(
        BadInputError, match=r"nmod \(5, with its subtypes\), nmod: \(2, without a subtype\), nmod:poss \(3\), obj"
    ):
        made.links("nmod:desc")
    with pytest.raises(BadInputError, match=r"none of that subtype; nmod counts all"):
        made.links("nmod:desc")


def test_of_instances_that_look_the_same_a_head_finds_one_answer(tmp_path: Path):
    # Two links from one word to two places; four questions, of which the last three look the same and one differs.
    links = [L(0, 0, 0, 1, 9), L(0, 0, 0, 2, 9, back=1), L(1, 0, 0, 1, 9)]
    questions = [Q(0, 1, True), Q(1, 1, True, answer=0), Q(2, 1, True, answer=1, back=1), Q(3, 1, True, answer=1, back=2)]
    made = reader.read(atlases.write(tmp_path / "same.npz", atlases.members(links, questions)))
    found = made.links("det")
    assert found.ceiling == pytest.approx(2 / 3)
    assert found.decidable.tolist() == [False, False, True]
    questions = made.questions("gap")
    assert (questions.ceiling, questions.decidable.tolist()) == (3 / 4, [True, False, False, False])
    assert questions.where(questions.text < 2).ceiling == 1.0
    assert made.links("nsubj").ceiling == 1.0  # of none


@pytest.mark.parametrize("back", [-1, 1])
def test_an_instance_that_looks_like_one_before_the_first_is_refused(tmp_path: Path, back: int):
    made = reader.read(atlases.write(tmp_path / "odd.npz", atlases.members([L(0, 0, 0, 1, 9, back=back)])))
    with pytest.raises(BadInputError, match="looks like one before the first"):
        made.links("det")


def test_members_are_read_when_they_are_needed(tmp_path: Path):
    parts = atlases.members(LINKS, QUESTIONS)
    del parts["questions.hits.npy"], parts["habits.npy"]
    found = reader.read(atlases.write(tmp_path / "part.npz", parts))
    assert len(found.links("det")) == 3
    with pytest.raises(BadInputError, match=r"questions\.hits"):
        found.questions()


def swapped(**members_: bytes) -> dict[str, bytes]:
    """The members of a whole atlas, some of them replaced."""
    return atlases.members(LINKS, QUESTIONS) | {name.replace("_", ".") + ".npy": content for name, content in members_.items()}


class Evil:
    """What a pickle could do."""

    def __reduce__(self) -> tuple:
        return (print, ("this must never run",))


def pickled() -> bytes:
    """An array of objects, which only a pickle can hold."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array([Evil()] * 6, object), allow_pickle=True)
    return file.getvalue()


def claiming(shape: tuple[int, ...]) -> bytes:
    """A member that says it has so many bytes, and has one."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<i4", "fortran_order": False, "shape": shape})
    return file.getvalue() + b"\0"


BAD = {
    "a column of another length": swapped(links_offset=atlases.stored(np.zeros(5, np.int16))),
    "numbers of another kind": swapped(links_offset=atlases.stored(np.zeros(6, np.float64))),
    "an axis too many": swapped(links_text=atlases.stored(np.zeros((6, 1), np.int32))),
    "hits of more heads than there are": swapped(links_hits=atlases.stored(np.zeros((6, 3), np.uint8))),
    "a relation that the header does not name": swapped(links_relation=atlases.stored(np.full(6, 3, np.uint8))),
    "a corpus that the header does not name": swapped(links_corpus=atlases.stored(np.full(6, 3, np.uint8))),
    "a third direction": swapped(links_direction=atlases.stored(np.full(6, 2, np.uint8))),
    "a text below 0": swapped(links_text=atlases.stored(np.full(6, -1, np.int32))),
    "no other word to look at": swapped(links_others=atlases.stored(np.zeros(6, np.uint16))),
    "a pickle": swapped(links_text=pickled()),
    "a member that is no array": swapped(links_hits=b"no array"),
    "a member of a terabyte": swapped(links_text=claiming((2**38,))),
    "fewer bytes than it says": swapped(links_text=claiming((6,))),
    "more bytes than it says": swapped(links_text=atlases.stored(np.zeros(6, np.int32)) + b"more"),
}


@pytest.mark.parametrize("parts", BAD.values(), ids=BAD)
def test_damaged_links_are_refused(tmp_path: Path, parts: dict[str, bytes], capsys: pytest.CaptureFixture[str]):
    found = reader.read(atlases.write(tmp_path / "bad.npz", parts))
    with pytest.raises(BadInputError, match=r"“bad\.npz” is none, or damaged \(.+\)\. Build it again"):
        found.links("det")
    assert capsys.readouterr().out == ""


HEADERS = {
    "no format": {"format": "new"},
    "a similarity of no halves": {"meaning": {"words": 7}},
    "three halves": {"meaning": {"words": [1, 2, 3], "texts": [1, 2, 3]}},
    "fewer than no texts": {"meaning": {"words": [1, 2], "texts": [1, -2]}},
    "no layers": {"layers": 0},
    "heads in words": {"heads": "five"},
    "true layers": {"layers": True},
    "a million heads": {"heads": 10**6},
    "relations that are no names": {"relations": [1, 2]},
    "a corpus that is no table": {"corpora": ["Trees"]},
    "a corpus without a name": {"corpora": [{"kind": "gap"}]},
    "more relations than a byte counts": {"relations": ["x"] * 256},
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_a_header_that_cannot_be_is_refused(tmp_path: Path, change: dict):
    file = atlases.write(tmp_path / "bad.npz", atlases.members(LINKS, QUESTIONS, atlases.header() | change))
    with pytest.raises(BadInputError, match=r"“bad\.npz” is none, or damaged"):
        reader.read(file)


@pytest.mark.parametrize("number", [1, 2, 4])
def test_an_atlas_of_another_format_is_distinguished_from_a_damaged_one(tmp_path: Path, number: int):
    file = atlases.write(tmp_path / "old.npz", atlases.members(head=atlases.header(format=number, meaning={"words": 7})))
    with pytest.raises(BadInputError, match=rf"“old\.npz” .* unsupported version \(format {number}, .*\)\. Rebuild it"):
        reader.read(file)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000, b'"text"'])
def test_a_header_that_is_no_table_is_refused(tmp_path: Path, content: bytes):
    file = atlases.write(tmp_path / "bad.npz", atlases.members() | {"header.json": content})
    with pytest.raises(BadInputError, match=r"“bad\.npz” is none, or damaged"):
        reader.read(file)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path):
    whole = atlases.write(tmp_path / "whole.npz", atlases.members(LINKS, QUESTIONS)).read_bytes()
    file = tmp_path / "cut.npz"
    for length in range(0, len(whole), 97):
        file.write_bytes(whole[:length])
        with pytest.raises(BadInputError, match="damaged"):
            reader.read(file)


def test_a_byte_that_was_changed_is_noticed(tmp_path: Path):
    file = atlases.write(tmp_path / "flipped.npz", atlases.members(LINKS, QUESTIONS))
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        place = archive.getinfo("links.hits.npy").header_offset + 30 + len("links.hits.npy") + 20
    content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(BadInputError, match="damaged"):
        reader.read(file).links("det")


def test_a_header_of_many_megabytes_is_not_read(tmp_path: Path):
    long = json.dumps(atlases.header()).encode() + b" " * (5 * 2**20)
    file = atlases.write(tmp_path / "long.npz", atlases.members() | {"header.json": long})
    with pytest.raises(BadInputError, match="at most 4,194,304 are allowed"):
        reader.read(file)


def test_a_member_larger_than_allowed_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = atlases.write(tmp_path / "large.npz", atlases.members(LINKS, QUESTIONS))
    monkeypatch.setattr(npz, "MAX_BYTES", 23)
    with pytest.raises(BadInputError, match=r"24 bytes, where at most 23 are allowed"):
        reader.read(file).links("det")


def test_a_file_that_is_not_there_is_reported(tmp_path: Path):
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(BadInputError, match="There is no atlas in"):
            reader.read(path)


@pytest.mark.parametrize("name", ["bert-base-uncased", "no-such-model", "../atlas/minilm", "", "minilm.npz"])
def test_no_atlas_is_shipped_for_other_models(name: str):
    assert reader.shipped(name) is None
