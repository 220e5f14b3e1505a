"""What a browser says of drawn links and of a chosen head: read with distrust."""

from __future__ import annotations

import json

import pytest

from attnviz.analysis.link_ranking import LinkScore
from attnviz.analysis.link_rows import LinkRow, RowEntry
from attnviz.board import ranking as board_ranking
from attnviz.board.linking import ChosenHead, DrawnLinks, message_number, to_json
from attnviz.errors import BadInputError
from attnviz.types import HeadRef, Link

LINKS = (Link((43, 45), (4, 10)), Link((4, 10), (0, 3)))


def test_links_are_read_back_as_they_were_written_each_once():
    sent = json.loads(json.dumps({"links": [*to_json(LINKS), *to_json(LINKS[:1])]}))
    assert DrawnLinks.parse(sent).links == LINKS


@pytest.mark.parametrize(
    "rows",
    [
        None, "x", {}, [1], [[1, 2]], [[[0, 1]]], [[[0, 1], [2, 3], [4, 5]]], [[[0, 1], [2, 3.0]]], [[[0, True], [2, 3]]],
        [[[0, 1], [3, 3]]], [[[5, 1], [2, 3]]], [[[0, 1], [0, 1]]], [[[-1, 1], [2, 3]]], [[[0, 1], [2, 10**9]]],
        [[["0", "1"], [2, 3]]], [[[n, n + 1], [0, 1]] for n in range(1, 66)],
    ],
)  # fmt: skip
def test_what_are_no_links_is_refused(rows: object):
    with pytest.raises(BadInputError):
        DrawnLinks.parse({"links": rows})


@pytest.mark.parametrize("value", [None, [], "x", 3, {}])
def test_what_is_no_message_at_all_is_refused(value: object):
    for parse in (DrawnLinks.parse, ChosenHead.parse, message_number):
        with pytest.raises(BadInputError):
            parse(value)


def test_a_head_comes_with_its_block_and_where_to_go():
    assert ChosenHead.parse({"head": [3, 1], "go": "board"}, "encoder") == ChosenHead(HeadRef(3, 1, "encoder"), "board")
    assert ChosenHead.parse({"head": [3, 1]}).go == ""


@pytest.mark.parametrize(
    "value",
    [
        {"head": [1]},
        {"head": [1, -1]},
        {"head": [True, 1]},
        {"head": [1.0, 1]},
        {"head": "31"},
        {"head": [1, 1], "go": "https"},
    ],
)
def test_what_is_no_head_is_refused(value: object):
    with pytest.raises(BadInputError):
        ChosenHead.parse(value)


@pytest.mark.parametrize("value", [{"number": -1}, {"number": 1.5}, {"number": True}, {"number": None}])
def test_a_message_without_a_number_is_refused(value: object):
    with pytest.raises(BadInputError):
        message_number(value)


def test_every_head_has_its_place_and_the_best_come_first():
    ranking = (
        LinkScore(1, 0, 0.64004, 0.5, 1),
        LinkScore(0, 1, 0.25, -0.25, 2, 0.3, -0.05, True),
        LinkScore(0, 0, 0.125, 0.0, 3),
    )
    look = LinkRow("it", "animal", (RowEntry("animal", 0.64, "target"), RowEntry("street", 0.14, "word")), 0.22, True)
    made = board_ranking.to_json(ranking, (2, 1), HeadRef(0, 1), (look,) * 8, 9)
    assert made["weights"] == [[0.125, 0.25], [0.64004]]
    assert made["margins"] == [[0.0, -0.25], [0.5]]
    assert (made["everywhere"], made["order"]) == ([[0, 1], [0]], "weight")
    assert [(one["layer"], one["head"]) for one in made["best"]] == [(1, 0), (0, 1), (0, 0)]
    assert made["summary"] == {
        "layer": 0, "head": 1, "weight": 0.25, "margin": -0.25, "rank": 2, "count": 3, "links": 8, "drawn": 9,
        "others": 0.3, "difference": -0.05, "everywhere": True,
    }  # fmt: skip
    assert (len(made["rows"]), made["more"]) == (6, 2)
    assert made["rows"][0]["places"][0] == {"text": "animal", "weight": 0.64, "kind": "target"}
    json.dumps(made)


def test_of_many_links_each_row_is_short_and_still_adds_up():
    places = [RowEntry(name, weight, "word") for name, weight in (("a", 0.3), ("b", 0.2), ("c", 0.1), ("d", 0.1))]
    look = LinkRow("it", "animal", (*places, RowEntry("animal", 0.05, "target")), 0.25, False)
    short, whole = (
        board_ranking.to_json((LinkScore(0, 0, 0.5, 0.1, 1),), (1,), HeadRef(0, 0), (look,) * n)["rows"][0] for n in (3, 2)
    )
    assert [place["text"] for place in short["places"]] == ["a", "b", "animal"]
    assert short["rest"] == pytest.approx(0.45)
    assert (len(whole["places"]), whole["rest"]) == (5, pytest.approx(0.25))


def test_a_chosen_head_that_is_not_ranked_gives_way_to_the_best():
    assert board_ranking.to_json((LinkScore(0, 0, 0.5, 0.1, 1),), (1,), HeadRef(4, 4), ())["chosen"] == [0, 0]
