"""The syntax page: gold and parsed links, the reader's own arcs, head and direction, and what cannot be seen."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.figures.encoding import percent
from attnviz.linguistics import claim_text, claims, parse
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.relations import CORPUS, relation
from attnviz.selection import TEXT
from attnviz.types import Evidence, HeadRef
from tests.app.conftest import say, written

PAGE = "pages/learn/syntax.py"
OWN = "The small dog chased a very big cat"


@pytest.fixture
def page(opened: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Opens the page as a link with these parameters does."""
    return lambda **params: opened(**params, page=PAGE)


def picture(app: AppTest) -> str:
    """The SVG that the page hands to the browser."""
    (found,) = [one for one in app.get("bidi_component") if "arcs" in one.proto.component_name]
    return json.loads(found.proto.json)["svg"]


def relations(app: AppTest) -> dict[str, list[str]]:
    """The table of relations: each relation's cells after the first, a cell's button, value and notes as lines of a text."""
    (found,) = [one for one in app.get("bidi_component") if "choices" in one.proto.component_name]
    rows = ET.fromstring(json.loads(found.proto.json)["html"]).findall("tbody/tr")
    cells = [
        ["\n".join(cell.itertext()) if not list(cell) else "\n".join(one.text or "" for one in cell) for cell in row]
        for row in rows
    ]
    return {first.partition("\n")[0]: [first, *others] for first, *others in cells}


def button(app: AppTest, label: str):
    return next(one for one in app.button if one.label == label)


def links(app: AppTest) -> list[tuple[str, str, str]]:
    """(dependent, head, relation) of every link in the table, asked from dependent to head."""
    table = app.dataframe[0].value
    return list(zip(table["from"], table["should look at"], table["relation"], strict=True))


def share(found: Evidence) -> str:
    """Hits of all links and the interval of that share, in percent."""
    low, high = found.interval
    return f"{100 * found.hits / found.n:.1f}\u202f%\n{100 * low:.1f} to {100 * high:.1f}\u202f%"


def test_the_opening_sentence_has_gold_links_and_a_head_that_is_right_on_four_of_ten(page):
    app = page(text=TEXT, layer="3", head="1")
    assert not app.exception
    assert "Gold: annotated by hand, in Universal Dependencies" in written(app).replace("*", "")
    assert "L3·H1 is **right on 4 of 10** links of this sentence; the best fixed rule, always the next word, on 4." in written(
        app
    )
    assert "At most" not in written(app)
    assert "not an explanation" in written(app)
    drawn = picture(app)
    assert drawn.count('class="arc"') == 10
    assert (drawn.count('class="hit"'), drawn.count('class="miss"')) == (4, 6)


def test_another_head_and_the_other_direction_change_what_is_chosen(page):
    app = page(text=TEXT, layer="3", head="1")
    before = picture(app)
    app.number_input(key="syntax-head").set_value(2).run()
    assert app.query_params["head"] == "2"
    assert "L3·H2 is **right on" in written(app)
    assert picture(app) != before
    app.selectbox(key="syntax-direction").set_value("hd").run()
    assert not app.exception
    assert links(app)[0] == ("animal", "The", "det")
    assert "of 10** links of this sentence; the best fixed rule, always the word before, on 4." in written(app)
    assert "At most 4 of 10 can be right" in written(app), "only animal, cross, street and tired have words of their own"


def test_a_gold_sentence_is_chosen_by_its_topic_and_both_trees_of_a_text_can_be_seen(page):
    app = page()
    app.selectbox(key="syntax-sentence").set_value("telescope-man").run()
    assert app.text_input[0].value == "The boy saw the man with the telescope"
    assert ("telescope", "man", "nmod") in links(app)
    app.selectbox(key="syntax-sentence").set_value("telescope-saw").run()
    assert ("telescope", "saw", "obl") in links(app)
    assert not app.exception


def test_a_sentence_of_the_readers_own_is_parsed_and_marked_as_silver(page):
    app = page(text=OWN)
    assert "Parsed automatically, unchecked" in written(app)
    assert "an English parser" in written(app)
    assert "nine in ten of its arcs are right on English text like newspapers" in written(app)
    assert "mean nothing here" not in written(app)
    assert ("cat", "chased", "dobj") in links(app)
    assert "**dobj** (UD obj), " in written(app)


def test_for_a_text_that_cannot_be_english_the_page_says_that_its_arcs_mean_nothing(page):
    app = page(text="كتب الولد الدرس في المدرسة")
    assert not app.exception
    assert picture(app)
    assert "not Latin, and the parser knows only English: its arcs mean nothing here" in written(app)


def test_a_label_without_a_counterpart_has_no_gold_evidence(page):
    app = page(text="Dogs sleep in the garden")
    assert "**pobj** (no UD counterpart), " in written(app)
    assert relations(app)["pobj"][3] == "no gold links"


def test_a_reader_sets_an_arc_it_is_marked_survives_and_can_be_taken_back(page):
    app = page(text=OWN, focus=str(OWN.index("very")))
    head = next(one for one in app.selectbox if one.label == "Its head")
    assert head.value == (OWN.index("big"), OWN.index("big") + 3)
    head.set_value((OWN.index("cat"), OWN.index("cat") + 3)).run()
    button(app, "Set this arc").click().run()
    assert ("very", "cat", "advmod") in links(app)
    assert "You have changed 1 arc" in written(app)
    assert picture(app).count(" *</text>") == 1

    app.switch_page("pages/explore/attention.py").run()
    app.switch_page(PAGE).run()
    assert ("very", "cat", "advmod") in links(app)
    button(app, "Back to the parser’s").click().run()
    assert ("very", "big", "advmod") in links(app)
    assert "You have changed" not in written(app)


def test_a_reader_deletes_an_arc_and_a_ring_is_refused_with_a_reason(page):
    app = page(text=OWN, focus=str(OWN.index("chased")))
    assert button(app, "Delete its arc").disabled, "a root has none"
    next(one for one in app.selectbox if one.label == "Its head").set_value((OWN.index("dog"), OWN.index("dog") + 3)).run()
    button(app, "Set this arc").click().run()
    assert "would depend on itself" in written(app)
    assert "You have changed" not in written(app)

    app.selectbox(key="syntax-word").set_value((OWN.index("small"), OWN.index("small") + 5)).run()
    button(app, "Delete its arc").click().run()
    assert "small" not in [one for one, _, _ in links(app)]
    assert "You have changed 1 arc" in written(app)


def test_in_a_model_that_reads_left_to_right_later_words_are_not_visible_and_not_missed(page):
    app = page(text=TEXT, model="smollm2")
    assert not app.exception
    table = app.dataframe[0].value
    states = table.set_index("from")["verdict"].to_dict()
    assert states["The"] == "not visible"
    assert "They have dots under the word that looks, and they do not count" in written(app)
    assert relations(app)["det"][1] == "0 of 0\n2 not visible"
    assert "not the same as missed" in written(app).replace("\n", " ")


def test_dots_are_under_every_word_that_cannot_see_its_own_kind_although_it_sees_others(page):
    app = page(text="Dogs chase cats", model="smollm2", way="hd")
    states = app.dataframe[0].value.set_index("should look at")["verdict"].to_dict()
    assert states["cats"] == "not visible"
    assert states["Dogs"] != "not visible"
    assert picture(app).count("<circle") == 3, "under chase, which looks at Dogs too"
    assert "1 link leads to a later word" in written(app)


@pytest.mark.parametrize(("count", "expected"), [(60, False), (61, True)])
def test_above_sixty_words_a_note_says_that_the_figures_cover_no_such_length(page, count: int, expected: bool):
    app = page(text="Dogs sleep and " + "very " * (count - 4) + "late")
    assert not app.exception
    assert ("This text has 61 words, so their figures do not cover it" in written(app)) is expected


def test_a_text_too_long_for_the_parser_is_refused_and_the_fields_stay(page):
    app = page(text="Dogs sleep" + " " * 5000 + "here")
    assert not app.exception
    assert "at most 5,000 characters; this text has 5,014" in written(app)
    assert not app.get("bidi_component")
    app.selectbox(key="syntax-sentence").set_value("dogs-chase").run()
    assert len(links(app)) == 2


def test_without_the_parser_the_gold_sentences_still_work(page, monkeypatch):
    monkeypatch.setattr(parse, "PACKAGE", "no_such_parser")
    parse.loaded_parser.cache_clear()
    app = page(text="Nobody parsed this yet")
    assert "which is not installed" in written(app)
    app.selectbox(key="syntax-sentence").set_value("dogs-chase").run()
    assert links(app) == [("Dogs", "chase", "nsubj"), ("cats", "chase", "obj")]


def test_an_empty_text_invites(page):
    app = page(text=" ")
    assert not app.exception
    assert not app.get("bidi_component")


@pytest.mark.parametrize(
    ("model", "labels"),
    [("minilm", ("det", "nsubj", "advmod")), ("smollm2", ("nsubj", "advmod", "obj"))],
    ids=["minilm", "smollm2"],
)
def test_each_relation_has_its_best_head_with_its_figures_beside_the_single_sentence(page, model: str, labels: tuple[str, ...]):
    app = page(text=TEXT, model=model, layer="1", head="2")
    known = reader.shipped(model)
    assert known is not None
    table = relations(app)
    for label in labels:
        name = known.counting(relation(label, CORPUS).counted)
        best = claims.best_head(known, name, "dh")
        assert best is not None
        own = claims.claim(known, HeadRef(1, 2), name, "dh").held_out
        assert table[label][2] == share(own)
        assert table[label][3] == f"{best.head}\n{share(best.evidence)}\nn = {best.evidence.n}"
        assert table[label][4].endswith(f"lead of {best.points:.1f} points" if best.beats else "lead not significant")
        assert len(table[label]) == 5
        assert best.control is not None
        assert f"Untrained: {percent(best.control.evidence.rate, 1)}" in written(app).replace("\\", "")
    leads = claims.leads(known)
    unshown = [one for one in leads if not one.significant]
    assert f"On {len(unshown)} of the {len(leads)} kinds of link" in written(app)
    assert f"{claim_text.label(unshown[0].relation)} ({unshown[0].detectable:.0f})" in written(app)
    assert "UD English EWT" in written(app)


@pytest.mark.parametrize("model", ["minilm", "smollm2"])
def test_the_page_opens_on_the_head_that_is_best_at_the_most_test_links_unless_a_link_names_one(page, model: str):
    known = reader.shipped(model)
    assert known is not None
    links: dict[HeadRef, int] = {}
    for best in claims.best_heads(known):
        alone = best.relation in known.names and len(known.names[best.relation]) == 1
        if alone and best.direction == "dh" and best.beats:
            links[best.head] = links.get(best.head, 0) + best.evidence.n
    head = max(links, key=links.__getitem__)
    app = page(model=model)
    assert (app.query_params["layer"], app.query_params["head"]) == (str(head.layer), str(head.head))
    assert f"{head} is **right on" in written(app)
    linked = page(model=model, layer="3", head="1")
    assert linked.query_params["head"] == "1"


def test_a_head_that_the_page_opened_on_does_not_follow_to_other_pages_and_a_chosen_one_does(page):
    app = page()
    opened_on = app.query_params["layer"], app.query_params["head"]
    assert opened_on != ("3", "1")
    app.switch_page("pages/learn/glossary.py").run()
    assert (app.query_params["layer"], app.query_params["head"]) == ("3", "1")
    app.switch_page(PAGE).run()
    assert (app.query_params["layer"], app.query_params["head"]) == opened_on
    app.number_input(key="syntax-head").set_value(5).run()
    app.switch_page("pages/learn/glossary.py").run()
    assert (app.query_params["layer"], app.query_params["head"]) == (opened_on[0], "5")


def test_a_model_that_was_not_measured_opens_on_its_own_head_and_has_no_figures_of_test_texts(page, monkeypatch):
    monkeypatch.setattr(reader, "shipped", lambda model: None)
    app = page()
    assert (app.query_params["layer"], app.query_params["head"]) == ("3", "1")
    assert relations(app)["det"] == ["det\narticle or determiner", "1 of 2"]


def test_the_rule_beside_a_lead_is_the_one_that_the_lead_is_against(page):
    app = page(text="If the bus is late, we will walk home", model="smollm2", way="hd")
    guess = relations(app)["advcl"][4]
    known = reader.shipped("smollm2")
    assert known is not None
    best = claims.best_head(known, "advcl", "hd")
    assert best is not None
    assert best.evidence.baseline[0] == "chance", "stronger than any distance"
    lead = f"lead of {best.points:.1f} points" if best.beats else "lead not significant"
    assert guess == f"{percent(best.evidence.baseline[1], 1)}\nchance\n{lead}"


def test_what_a_causal_model_can_never_see_is_not_called_unmeasured(page):
    table = relations(page(text=TEXT, model="smollm2"))
    assert table["det"][3] == "never visible", "an article stands before its noun"


def test_a_subtype_has_its_own_figures_and_a_part_of_a_relation_those_of_the_whole(page):
    app = page(text="Her bike was not stolen")
    table = relations(app)
    known = reader.shipped("minilm")
    assert known is not None
    for label, name, corpus_name in (
        ("nsubjpass", "nsubj:pass", "UD nsubj:pass"), ("poss", "nmod:poss", "UD nmod:poss"), ("neg", "advmod", "in UD advmod"),
    ):  # fmt: skip
        best = claims.best_head(known, name, "dh")
        assert best is not None
        assert f"**{label}** ({corpus_name}), " in written(app).replace("\\", "")
        assert f"n = {best.evidence.n}" in table[label][3].replace(",", "")
    assert "the figures are for all of them" in written(app)


def test_a_link_carries_the_direction_the_tree_and_whose_links(page):
    app = page()
    app.selectbox(key="syntax-sentence").set_value("telescope-man").run()
    app.selectbox(key="syntax-direction").set_value("hd").run()
    assert (app.query_params["way"], app.query_params["reading"]) == ("hd", "telescope-man")
    again = page(**app.query_params)
    assert again.selectbox(key="syntax-direction").value == "hd"
    assert again.selectbox(key="syntax-sentence").value == "telescope-man"
    again.button_group(key="syntax-source").set_value("parser").run()
    assert "Parsed automatically" in written(page(**again.query_params))
    again.selectbox(key="syntax-sentence").set_value("telescope-saw").run()
    assert "by" not in again.query_params
    again.selectbox(key="syntax-direction").set_value("dh").run()
    assert "way" not in again.query_params
    say(again, OWN)
    assert "reading" not in again.query_params
    again.switch_page("pages/explore/attention.py").run()
    assert not {"way", "reading", "by", "arcs"} & set(again.query_params)


def test_a_link_carries_the_readers_own_arcs(page):
    app = page(text=OWN, focus=str(OWN.index("very")))
    next(one for one in app.selectbox if one.label == "Its head").set_value((OWN.index("cat"), OWN.index("cat") + 3)).run()
    button(app, "Set this arc").click().run()
    assert app.query_params["arcs"] == "23-27:32-35:advmod"
    again = page(**app.query_params)
    assert ("very", "cat", "advmod") in links(again)
    say(again, "A small dog slept")
    assert "arcs" not in again.query_params
    assert "You have changed" not in written(again)
    say(again, OWN)
    assert again.query_params["arcs"] == "23-27:32-35:advmod"
    button(again, "Back to the parser’s").click().run()
    assert "arcs" not in again.query_params


@pytest.mark.parametrize(
    ("name", "value"), [("way", "<b>up"), ("reading", "<b>"), ("by", "nobody"), ("arcs", "24-28:33-36:<b>"), ("arcs", "99-100")]
)
def test_what_a_link_gets_wrong_is_reported_and_taken_out(page, name: str, value: str):
    app = page(text=OWN, **{name: value})
    assert "left out" in written(app)
    assert name not in app.query_params
    assert ("cat", "chased", "dobj") in links(app)
    assert not app.exception
