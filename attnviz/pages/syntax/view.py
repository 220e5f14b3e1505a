"""A sentence's links on the page: gold or parsed, and over them whom the chosen head looks at from each word."""

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
from attnviz.ui import glossary_links, parser_note, state, widgets
from attnviz.ui.backend import backend
from attnviz.ui.components.arcs import arcs as draw
from attnviz.ui.single_text import chosen
from attnviz.view_state import TokenSelection


def title() -> None:
    """What this page asks, whatever comes below it."""
    st.header("Which heads follow the grammar?", anchor=False)
    said = (
        "Two kinds of head: in grammar, a word that others hang on; in the model, a part that looks from word to word, such as "
    )
    st.caption(f"{glossary_links.linked(said, 'head')}{encoding.head_name(chosen())}.")


def direction() -> str:
    """Who looks at whom: `dh` or `hd`."""
    return "hd" if state.own(DIRECTION_PARAM) == "hd" else "dh"


def fields(trace: Trace) -> SentenceLinks | None:
    """Which sentence, whose links, which head, which way; returns the links, None after a message."""
    text = trace.request.text
    readings = gold_sentences.readings(text)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="syntax-fields"):
        _ready(readings)
        source = _source(bool(readings))
        key = state.fill("syntax-direction", direction())
        st.selectbox(
            "Who looks", list(DIRECTIONS), format_func=DIRECTIONS.__getitem__, key=key, width=260,
            on_change=state.answer(key, lambda way: state.keep_own(DIRECTION_PARAM, "" if way == "dh" else way)),
        )  # fmt: skip
        _number("Layer", "syntax-layer", chosen().layer, trace.block(chosen().block).layers)
        _number("Head", "syntax-head", chosen().head, trace.block(chosen().block).heads)
    _unknown(readings)
    if state.current().request.text_b:
        st.caption("This page reads the first sentence alone; the second one is left out here.")
    if source == CORPUS:
        return _unread(SentenceLinks(_reading(readings).parsed, CORPUS, _reading(readings)), trace)
    try:
        parsed, own, changed = applied(_parsed(trace))
    except BadInputError as error:
        widgets.notices([str(error)])
        return None
    return _unread(SentenceLinks(parsed, PARSER, None, own, changed), trace)


def _unread(shown: SentenceLinks, trace: Trace) -> SentenceLinks:
    """The links with the words that the model cannot read."""
    return replace(shown, unknown=legibility_text.unknown_spans(trace.block(chosen().block).queries, shown.parsed.words))


def _parsed(trace: Trace) -> ParsedSentence:
    """The parser's links of the text, kept beside its trace."""
    with st.spinner("Parsing the sentence …"):
        return backend().derived(trace.request, "parse", lambda one: parse.parsed(one.request.text))


def _ready(readings: tuple[GoldSentence, ...]) -> None:
    """Our own sentences with gold links; choosing one reads it."""
    known = {one.id: one for one in gold_sentences.sentences()}
    key = state.fill("syntax-sentence", _reading(readings).id if readings else NO_SENTENCE)

    def choose(name: str) -> None:
        if name != NO_SENTENCE:
            state.keep_own(TREE_PARAM, name if len(gold_sentences.readings(known[name].text)) > 1 else "")
            state.keep_own(SOURCE_PARAM, "")
            state.choose_text(known[name].text)

    st.selectbox(
        "Sentences with gold links", [NO_SENTENCE, *known], key=key, on_change=state.answer(key, choose), width=420,
        format_func=lambda name: f"{known[name].topic}: {known[name].text}" if name in known else "Your own sentence",
    )  # fmt: skip


def _reading(readings: tuple[GoldSentence, ...]) -> GoldSentence:
    """The one that the reader chose, of a text with several trees; else the first."""
    wanted = state.own(TREE_PARAM)
    return next((one for one in readings if one.id == wanted), readings[0])


def _unknown(readings: tuple[GoldSentence, ...]) -> None:
    """What a link says of this page that cannot be used is named and taken out of the link; the tree of another text, too."""
    known = {
        DIRECTION_PARAM: tuple(DIRECTIONS),
        TREE_PARAM: tuple(one.id for one in gold_sentences.sentences()),
        SOURCE_PARAM: (PARSER,),
    }
    for name, values in known.items():
        if (value := state.own(name)) and value not in values:
            widgets.notices([f"“{name}” cannot be {quoted(value)} in a link: left out."])
            state.keep_own(name, "")
    if state.own(TREE_PARAM) not in {one.id for one in readings}:
        state.keep_own(TREE_PARAM, "")


def _source(has_gold: bool) -> str:
    """Whose links: ours, where the text is one of ours, or the parser's."""
    wanted = PARSER if not has_gold or state.own(SOURCE_PARAM) == PARSER else CORPUS
    key = state.fill("syntax-source", wanted)
    st.segmented_control(
        "Links by", list(SOURCES) if has_gold else [PARSER], format_func=SOURCES.__getitem__, key=key, required=True,
        on_change=state.answer(key, lambda source: state.keep_own(SOURCE_PARAM, PARSER if source == PARSER else "")),
    )  # fmt: skip
    return wanted


def _number(label: str, key: str, value: int, count: int) -> None:
    """Layer or head, counted from 0."""

    def choose(number: int) -> None:
        head = chosen()
        state.change(head=replace(head, layer=int(number)) if label == "Layer" else replace(head, head=int(number)))

    key = state.fill(key, value)
    st.number_input(label, 0, count - 1, key=key, on_change=state.answer(key, choose), width=104)


def outcomes(shown: SentenceLinks, trace: Trace) -> tuple[Outcome, ...]:
    """What became of every link in the chosen head."""
    return head_predictions.outcomes(trace, shown.parsed, chosen(), direction())


def picture(shown: SentenceLinks, found: tuple[Outcome, ...]) -> None:
    """The arcs over and under the sentence, and in one sentence how many the head got right."""
    st.markdown(captions.source(shown))
    if shown.sentence is None and (foreign := parser_note.foreign(shown.parsed.text)):
        widgets.notices([foreign])
    made = _picture(shown, found)
    draw(
        arc_figure.svg(made, widgets.theme()), height=arc_figure.height(made), label=made.title, words=len(shown.words),
        on_word=lambda number: state.hold(TokenSelection(shown.parsed.words[number][0])),
    )  # fmt: skip
    later = sum(one.state == head_predictions.UNSEEN for one in found)
    one, leads = ("link", "leads") if later == 1 else ("links", "lead")
    unseen = (
        f" {later} {one} {leads} to a later word, which this model cannot see: dots under the word that looks, not counted."
        if later
        else ""
    )
    st.markdown(
        f"{captions.hits(found, encoding.head_name(chosen()), direction())}{unseen} "
        "Arrows above lead from a head to its word; those below lead to the word that gets most of the attention of "
        "all other words: solid with a check where that is right, dashed with a cross where it is not, thick where it is much."
    )
    if touched := sum(bool(shown.unknown & {one.link.source, one.link.target}) for one in found):
        name = widgets.plain(state.card().name)
        st.info(
            f"{touched} of {len(found)} links lead from or to a word that {name} cannot read: there it sees its unknown token, "
            "the same for all of them.",
            icon=":material/visibility_off:",
        )
    _every_link(shown, found)


def _picture(shown: SentenceLinks, found: tuple[Outcome, ...]) -> arc_figure.Picture:
    """All that is drawn."""
    numbers = {place: number for number, place in enumerate(shown.parsed.words)}
    links = [link for link in shown.parsed.links if link.kind.lower() not in UNCOUNTED]
    above = tuple(arc_figure.Arc(numbers[one.source], numbers[one.target], one.kind, one.source in shown.own) for one in links)
    focus = state.current().focus
    held = next((n for n, (start, end) in enumerate(shown.parsed.words) if focus and start <= focus.start < end), None)
    below, unseen = _below(found)
    kind = "gold" if shown.sentence is not None else "parsed"
    name = f"{kind.capitalize()} links of the sentence, and below them whom {encoding.head_name(chosen())} looks at most"
    unknown = tuple(number for place, number in numbers.items() if place in shown.unknown)
    return arc_figure.Picture(shown.words, above, below, unseen, held, name, _told(shown, found), unknown)


def _below(found: tuple[Outcome, ...]) -> tuple[tuple[arc_figure.Choice, ...], tuple[int, ...]]:
    """One choice for each word that looks, and the words that cannot see one of those they should look at."""
    sources = dict.fromkeys(one.source for one in found)
    drawn, unseen = [], []
    for source in sources:
        mine = [one for one in found if one.source == source]
        right = [one for one in mine if one.state == head_predictions.HIT]
        choice = mine[0].choice
        unseen += [source] if any(one.state == head_predictions.UNSEEN for one in mine) else []
        if any(one.counts for one in mine) and choice.word is not None:
            label = right[0].link.kind if right else ""
            drawn.append(arc_figure.Choice(source, choice.word, choice.weight, bool(right), label))
    return tuple(drawn), tuple(unseen)


STATES = {
    head_predictions.HIT: encoding.verdict(True), head_predictions.MISS: encoding.verdict(False),
    head_predictions.UNSEEN: "not visible", head_predictions.UNREAD: "not read by the model",
}  # fmt: skip


def _told(shown: SentenceLinks, found: tuple[Outcome, ...]) -> str:
    """Every link and what became of it, for those who cannot see the picture."""
    words = shown.words
    return " ".join(f"{words[one.source]} to {words[one.target]}, {one.link.kind}: {STATES[one.state]}." for one in found)


def _every_link(shown: SentenceLinks, found: tuple[Outcome, ...]) -> None:
    """All links as a table, folded away: what the picture shows, in words."""
    places = shown.parsed.words
    words = [
        f"{word} {encoding.UNKNOWN}" if place in shown.unknown else word
        for word, place in zip(shown.words, places, strict=True)
    ]
    with st.expander("Every link as a table"):
        rows = [
            {
                "from": words[one.source], "should look at": words[one.target], "relation": one.link.kind,
                "looks at": "nobody first" if one.choice.word is None else words[one.choice.word],
                "weight": one.choice.weight, "verdict": STATES[one.state],
            }
            for one in found
        ]  # fmt: skip
        st.dataframe(
            rows, hide_index=True, column_config={"weight": st.column_config.NumberColumn(format="%.3f")},
            alt="Every link, and whom the head looks at",
        )  # fmt: skip
