"""Draw a sentence's links, gold or parsed, and where the chosen head looks from each word."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from attnviz.analysis import legibility_text
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.figures import encoding
from attnviz.linguistics import gold_sentences, head_predictions, parse
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.linguistics.gold_sentences import GoldSentence
from attnviz.linguistics.head_predictions import Outcome
from attnviz.linguistics.relations import CORPUS, PARSER, UNCOUNTED
from attnviz.pages.syntax import arc_figure, captions
from attnviz.pages.syntax.editor import applied
from attnviz.pages.syntax.parsed_links import (
    DIRECTION_PARAM,
    DIRECTIONS,
    NO_SENTENCE,
    SOURCE_PARAM,
    SOURCES,
    TREE_PARAM,
    SentenceLinks,
)
from attnviz.types import quoted
from attnviz.ui import glossary_links, page_url, parser_note, state, widget_values, widgets
from attnviz.ui.backend import backend
from attnviz.ui.components.arcs import arcs as draw
from attnviz.ui.single_text import chosen
from attnviz.view_state import TokenSelection


def title() -> None:
    """Draw the title of the page."""
    st.header("Which heads follow grammar?", anchor=False)
    meanings = (
        "“Head” has two meanings. In grammar: the word that another word depends on. "
        "In the model: one unit of attention, a head such as "
    )
    st.caption(f"{glossary_links.linked(meanings, 'head')}{encoding.head_name(chosen())}.")


def direction() -> str:
    """Return the direction: `dh` (dependent to head) or `hd`."""
    return "hd" if page_url.parameter(DIRECTION_PARAM) == "hd" else "dh"


def fields(trace: Trace) -> SentenceLinks | None:
    """Draw the fields for sentence, source, direction and head; return the links, None after a message."""
    text = trace.request.text
    readings = gold_sentences.readings(text)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="syntax-fields"):
        _gold_sentence_field(readings)
        key = widget_values.fill("syntax-direction", direction())
        st.selectbox(
            "Direction", list(DIRECTIONS), format_func=DIRECTIONS.__getitem__, key=key, width=264,
            on_change=widget_values.answer(
                key, lambda way: page_url.set_parameter(DIRECTION_PARAM, "" if way == "dh" else way)
            ),
        )  # fmt: skip
        source = _source(bool(readings))
        _number("Layer", "syntax-layer", chosen().layer, trace.block(chosen().block).layers)
        _number("Head", "syntax-head", chosen().head, trace.block(chosen().block).heads)
    _drop_invalid_params(readings)
    if state.current().request.text_b:
        st.caption("This page reads only the first sentence.")
    if source == CORPUS:
        return _with_unknown(SentenceLinks(_chosen_tree(readings).parsed, CORPUS, _chosen_tree(readings)), trace)
    try:
        parsed, own, changed = applied(_parsed(trace))
    except BadInputError as error:
        widgets.show_notices([str(error)])
        return None
    return _with_unknown(SentenceLinks(parsed, PARSER, None, own, changed), trace)


def _with_unknown(sentence_links: SentenceLinks, trace: Trace) -> SentenceLinks:
    """Return the links with the words that the model cannot read."""
    return replace(
        sentence_links, unknown=legibility_text.unknown_spans(trace.block(chosen().block).queries, sentence_links.parsed.words)
    )


def _parsed(trace: Trace) -> ParsedSentence:
    """Return the parser's links of the text; cached with its trace."""
    with st.spinner("Parsing the sentence …"):
        return backend().derived(trace.request, "parse", lambda one: parse.parsed(one.request.text))


def _gold_sentence_field(readings: tuple[GoldSentence, ...]) -> None:
    """Draw the list of sentences with gold links; a choice loads the sentence."""
    known = {one.id: one for one in gold_sentences.sentences()}
    key = widget_values.fill("syntax-sentence", _chosen_tree(readings).id if readings else NO_SENTENCE)

    def choose(name: str) -> None:
        if name != NO_SENTENCE:
            page_url.set_parameter(TREE_PARAM, name if len(gold_sentences.readings(known[name].text)) > 1 else "")
            page_url.set_parameter(SOURCE_PARAM, "")
            state.choose_text(known[name].text)

    st.selectbox(
        "Sentences with gold links", [NO_SENTENCE, *known], key=key, on_change=widget_values.answer(key, choose), width=420,
        format_func=lambda name: f"{known[name].topic}: {known[name].text}" if name in known else "Your own sentence",
    )  # fmt: skip


def _chosen_tree(readings: tuple[GoldSentence, ...]) -> GoldSentence:
    """Return the chosen tree of a text with several trees; else the first."""
    wanted = page_url.parameter(TREE_PARAM)
    return next((one for one in readings if one.id == wanted), readings[0])


def _drop_invalid_params(readings: tuple[GoldSentence, ...]) -> None:
    """Remove invalid URL parameters of this page, with a notice, and the tree of another text."""
    known = {
        DIRECTION_PARAM: tuple(DIRECTIONS),
        TREE_PARAM: tuple(one.id for one in gold_sentences.sentences()),
        SOURCE_PARAM: (PARSER,),
    }
    for name, values in known.items():
        if (value := page_url.parameter(name)) and value not in values:
            widgets.show_notices([f"“{name}” cannot be {quoted(value)} in a link: left out."])
            page_url.set_parameter(name, "")
    if page_url.parameter(TREE_PARAM) not in {one.id for one in readings}:
        page_url.set_parameter(TREE_PARAM, "")


def _source(has_gold: bool) -> str:
    """Draw the choice of the source: gold links, where the text has them, or the parser's."""
    wanted = PARSER if not has_gold or page_url.parameter(SOURCE_PARAM) == PARSER else CORPUS
    key = widget_values.fill("syntax-source", wanted)
    st.segmented_control(
        "Links by", list(SOURCES) if has_gold else [PARSER], format_func=SOURCES.__getitem__, key=key, required=True,
        on_change=widget_values.answer(
            key, lambda source: page_url.set_parameter(SOURCE_PARAM, PARSER if source == PARSER else "")
        ),
    )  # fmt: skip
    return wanted


def _number(label: str, key: str, value: int, count: int) -> None:
    """Draw a number field for layer or head, from 0."""

    def choose(number: int) -> None:
        head = chosen()
        state.change(head=replace(head, layer=int(number)) if label == "Layer" else replace(head, head=int(number)))

    key = widget_values.fill(key, value)
    st.number_input(label, 0, count - 1, key=key, on_change=widget_values.answer(key, choose), width=84)


def outcomes(sentence_links: SentenceLinks, trace: Trace) -> tuple[Outcome, ...]:
    """Return the outcome of every link in the chosen head."""
    return head_predictions.outcomes(trace, sentence_links.parsed, chosen(), direction())


def picture(sentence_links: SentenceLinks, found: tuple[Outcome, ...]) -> None:
    """Draw the arcs above and below the sentence, and a sentence with the score of the head."""
    with st.container(key="verdict"):
        st.markdown(glossary_links.linked(captions.hits(found, encoding.head_name(chosen()), direction())))
    st.markdown(glossary_links.linked(captions.source(sentence_links)))
    if sentence_links.sentence is None and (foreign := parser_note.foreign(sentence_links.parsed.text)):
        widgets.show_notices([foreign])
    drawn = diagram(sentence_links, found)
    draw(
        arc_figure.svg(drawn, encoding.LIVE.name), height=arc_figure.height(drawn), label=drawn.title,
        words=len(sentence_links.words),
        on_word=lambda number: state.select_word(TokenSelection(sentence_links.parsed.words[number][0])),
    )  # fmt: skip
    later = sum(one.state == head_predictions.UNSEEN for one in found)
    one, leads = ("link", "leads") if later == 1 else ("links", "lead")
    unseen = (
        f"{later} {one} {leads} to a later word, which this model cannot see. They have dots under the word that "
        f"looks, and they do not count. "
        if later
        else ""
    )
    legend = (
        f"{unseen}Arrows above go from a head to its dependent. Arrows below go from each word to the other word that gets "
        "most of its attention: solid with a check if that is right, dashed with a cross if it is wrong. "
        "Thicker means more attention."
    )
    st.markdown(glossary_links.linked(legend, "dependent", "self-attention"))
    if touched := sum(bool(sentence_links.unknown & {one.link.source, one.link.target}) for one in found):
        name = widgets.plain(state.card().name)
        st.info(
            glossary_links.linked(
                f"{touched} of {len(found)} links start or end at a word that {name} cannot read. It sees the same unknown "
                "token for all such words."
            ),
            icon=":material/visibility_off:",
        )
    _every_link(sentence_links, found)


def diagram(sentence_links: SentenceLinks, found: tuple[Outcome, ...]) -> arc_figure.ArcDiagram:
    """Return the diagram."""
    numbers = {place: number for number, place in enumerate(sentence_links.parsed.words)}
    links = [link for link in sentence_links.parsed.links if link.kind.lower() not in UNCOUNTED]
    above = tuple(
        arc_figure.LinkArc(numbers[one.source], numbers[one.target], one.kind, one.source in sentence_links.own)
        for one in links
    )
    focus = state.current().focus
    selected = next(
        (n for n, (start, end) in enumerate(sentence_links.parsed.words) if focus and start <= focus.start < end), None
    )
    below, unseen = _prediction_arcs(found)
    kind = "gold" if sentence_links.sentence is not None else "parsed"
    name = f"{kind.capitalize()} links of the sentence, and below them where {encoding.head_name(chosen())} looks most"
    unknown = tuple(number for place, number in numbers.items() if place in sentence_links.unknown)
    return arc_figure.ArcDiagram(
        sentence_links.words, above, below, unseen, selected, name, _description(sentence_links, found), unknown
    )


def _prediction_arcs(found: tuple[Outcome, ...]) -> tuple[tuple[arc_figure.PredictionArc, ...], tuple[int, ...]]:
    """Return one prediction for each word that looks, and the words that cannot see one of their right words."""
    sources = dict.fromkeys(one.source for one in found)
    drawn, unseen = [], []
    for source in sources:
        mine = [one for one in found if one.source == source]
        right = [one for one in mine if one.state == head_predictions.HIT]
        choice = mine[0].choice
        unseen += [source] if any(one.state == head_predictions.UNSEEN for one in mine) else []
        if any(one.counts for one in mine) and choice.word is not None:
            label = right[0].link.kind if right else ""
            drawn.append(arc_figure.PredictionArc(source, choice.word, choice.weight, bool(right), label))
    return tuple(drawn), tuple(unseen)


STATES = {
    head_predictions.HIT: encoding.verdict(True), head_predictions.MISS: encoding.verdict(False),
    head_predictions.UNSEEN: "not visible", head_predictions.UNREAD: "not read by the model",
}  # fmt: skip


def _description(sentence_links: SentenceLinks, found: tuple[Outcome, ...]) -> str:
    """Describe every link and its outcome for screen readers."""
    words = sentence_links.words
    return " ".join(f"{words[one.source]} to {words[one.target]}, {one.link.kind}: {STATES[one.state]}." for one in found)


def _every_link(sentence_links: SentenceLinks, found: tuple[Outcome, ...]) -> None:
    """Draw a folded table of all links."""
    places = sentence_links.parsed.words
    words = [
        f"{word} {encoding.UNKNOWN}" if place in sentence_links.unknown else word
        for word, place in zip(sentence_links.words, places, strict=True)
    ]
    with st.expander("Every link as a table"):
        rows = [
            {
                "from": words[one.source], "should look at": words[one.target], "relation": one.link.kind,
                "looks at": "no word first" if one.choice.word is None else words[one.choice.word],
                "weight": one.choice.weight, "verdict": STATES[one.state],
            }
            for one in found
        ]  # fmt: skip
        st.dataframe(
            rows, hide_index=True, column_config={"weight": st.column_config.NumberColumn(format="%.3f")},
            alt="Every link, and the word that the head looks at",
        )  # fmt: skip
