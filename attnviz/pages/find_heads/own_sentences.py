"""A class's sentences through the chosen head: right in 14 of 20, beside rules that do not read, sentence by sentence."""

from __future__ import annotations

from functools import partial

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError, OutputError, UnavailableError
from attnviz.figures import encoding, evidence
from attnviz.linguistics import own_cases, tally_table, tally_text
from attnviz.linguistics import tally as tallies
from attnviz.linguistics.corpora.lines import FileInMemory
from attnviz.linguistics.corpora.types import BrokenLine
from attnviz.linguistics.marked_sentences import MarkedSentence, marked_sentences
from attnviz.linguistics.tally import LEFT_OUT, RIGHT, WRONG, SentenceResult, SentenceRow, Tally
from attnviz.pages.find_heads import own_input, own_run
from attnviz.types import AttentionRequest
from attnviz.ui import glossary_links, state
from attnviz.ui.backend import backend
from attnviz.ui.components.choice_table import Cell, choice_table
from attnviz.ui.single_text import chosen
from attnviz.view_state import TokenSelection

_TEXT, _RUN, _OPENED = "own-sentences-text", "own-sentences-run", "own-sentences-opened"
EXAMPLE = "sentences.txt"
PLACEHOLDER = "The *animal* didn't cross the street because [it] was tired"
SIGNS = {RIGHT: "✓ right", WRONG: "✗ wrong", LEFT_OUT: "– not counted"}
ORDERS = {
    "written": "As written", "wrong": "Wrong first", "right": "Right first", "weight": "Largest weight first",
}  # fmt: skip


def own_sentences(trace: Trace) -> None:
    """Draw the fields, and the tally of the sentences in them."""
    st.markdown(
        "One sentence a line: **\\[the word that looks\\]** in brackets, **\\*the right word\\*** between stars. Without "
        "brackets, the pronoun looks."
    )
    given = _given()
    if given is None:
        return
    broken: list[BrokenLine] = []
    sentences = marked_sentences(FileInMemory(given.name, given.content), broken.append)
    own_input.broken_lines(broken, len(broken))
    if not sentences:
        return
    about = (given.id, trace.request.model, trace.digest)
    label = f"Count on {_many(len(sentences))}"
    run = own_run.started(_RUN, about, label)
    if run is None:
        return
    own_run.proceed(_RUN, run, sentences, partial(_read, trace.request.model))
    if run.done:
        try:
            _show(tallies.tally(run.done, chosen(), given.name), trace)
        except AttnvizError as error:
            own_run.failed(_RUN, about, label, error)


def _given() -> own_input.OwnInput | None:
    """Draw the fields for pasted sentences and for a file; a file comes first."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        pasted = own_input.paste("Sentences", _TEXT, PLACEHOLDER)
        st.button("Use the example sentences", key="own-sentences-example", on_click=_fill_example)
    with right:
        file = own_input.upload("Or a text file", "own-sentences-file")
        own_input.examples({"Text": EXAMPLE})
    return own_input.one_of(file, pasted)


def go_to_board() -> None:
    """Open the board on the sentence whose button was pressed before this run, if one was."""
    if (place := st.session_state.pop(_OPENED, None)) is not None:
        state.select_word(TokenSelection(place))
        st.switch_page("pages/explore/attention.py")


def _fill_example() -> None:
    """Put the example sentences into the field."""
    st.session_state[own_input.kept(_TEXT)] = own_input.EXAMPLES.joinpath(EXAMPLE).read_text("utf-8")


def _read(model: str, one: MarkedSentence) -> SentenceRow:
    """Return what every head gives from the marked word; a text that the model cannot read is left out with its reason."""
    if one.missing:
        return SentenceRow(one, reason=one.missing)
    try:
        return tallies.sentence_row(one, backend().inner.attend(AttentionRequest(model, one.text)))  # not kept in the cache
    except (UnavailableError, OutputError):
        raise
    except BadInputError as error:
        return SentenceRow(one, reason=str(error))


def _show(made: Tally, trace: Trace) -> None:
    """Draw the count, its picture, what it is worth, and every sentence."""
    name, found = state.card().name, made.evidence
    st.subheader(f"{made.head}: {tally_text.headline(made)}", anchor=False)
    if found.n:
        left, right = st.columns(2, gap="large")
        with left:
            names = {rule: tally_text.rule(made, rule) for rule, _ in found.baselines}
            rows = [(f"{made.head}, these sentences", found)]
            st.html(evidence.drawn(rows, names, () if made.lead else (rows[0][0],)))
        with right:
            st.markdown(glossary_links.linked("\n".join(f"- {line}" for line in _facts(made)), everyday=("interval",)))
    _table(made)
    _downloads(made, trace, name)
    with st.container(gap="small", key="own-honest"):
        st.caption("What you can say")
        st.code(tally_text.sentence(made, name), language=None, wrap_lines=True)


def _facts(made: Tally) -> list[str]:
    """Return what stands beside the picture, in Markdown."""
    found = made.evidence
    lines = [f"**{encoding.percent(found.rate, 1)}** right: {evidence.counts(found)}"]
    known = [f"{tally_text.rule(made, name)} {encoding.percent(rate, 1)}" for name, rate in found.baselines]
    lines.append(f"**Baselines**, guessing without reading: {', '.join(known)}")
    if made.lead is not None:
        points, low, high, _ = made.lead
        ends = f"{encoding.points(low)} to {encoding.points(high)}"
        lines.append(f"**Lead** over the strongest rule: {encoding.points(points)} points, {ends}")
    else:
        lines.append(tally_text.FEW)
    return [*lines, *filter(None, [tally_text.no_noun(made)])]


def _table(made: Tally) -> None:
    """Draw every sentence in the order that the reader chose; a button opens it on the board."""
    order = st.segmented_control(
        "Order", list(ORDERS), default="written", format_func=ORDERS.__getitem__, required=True, key="own-sentences-order",
    )  # fmt: skip
    results = ordered(made.results, order or "written")
    columns = (Cell(value="Sentence"), Cell(value="Looks most at"), Cell(value="Right word"), Cell(value="Result"))
    choice_table(
        columns, [_row(one) for one in results], label=f"Every sentence, {made.head}", key="own-sentences-table",
        on_choice=lambda at: _open(results[at]),
    )  # fmt: skip


def ordered(results: tuple[SentenceResult, ...], order: str) -> tuple[SentenceResult, ...]:
    """Return the results as written, by result, or by weight; what was not counted comes last."""
    ranks = {"wrong": (WRONG, RIGHT, LEFT_OUT), "right": (RIGHT, WRONG, LEFT_OUT)}
    if order in ranks:
        return tuple(sorted(results, key=lambda one: ranks[order].index(one.result)))
    if order == "weight":
        return tuple(sorted(results, key=lambda one: (one.result == LEFT_OUT, -one.weight)))
    return results


def _row(one: SentenceResult) -> tuple[Cell, ...]:
    """Return a sentence as a row: the sentence, both words with their weights, and the result."""
    sentence = one.sentence
    notes = tuple(filter(None, (tally_text.assumed(sentence),)))
    start = Cell(button="Open", text=f" {sentence.line}. {sentence.text}", notes=notes)
    if one.result == LEFT_OUT:
        return start, Cell(), Cell(), Cell(text=SIGNS[one.result], notes=(one.reason,))
    source = tallies.word(sentence, sentence.source)
    looks = Cell(text=f"{tally_text.looks(one)} {encoding.three(one.weight)}", notes=(f"from {source}",))
    right = Cell(text=f"{tallies.word(sentence, sentence.target)} {encoding.three(one.right_weight)}")
    return start, looks, right, Cell(value=SIGNS[one.result], notes=(one.reason,) if one.reason else ())


def _open(one: SentenceResult) -> None:
    """Choose the sentence; the page then opens the board, with the word selected that looks."""
    state.choose_text(one.sentence.text)
    st.session_state[_OPENED] = one.sentence.source[0] if one.sentence.source else 0


def _downloads(made: Tally, trace: Trace, name: str) -> None:
    """Draw buttons for the results of all sentences as files."""
    facts = partial(tally_table.facts, made, trace.request.model, name)
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "CSV", lambda: own_cases.as_csv(tally_table.rows(made)), file_name="attnviz-tally.csv", mime="text/csv",
            on_click="ignore", key="own-tally-csv", help="A row for each sentence",
        )  # fmt: skip
        st.download_button(
            "JSON", lambda: own_cases.as_json(facts(), tally_table.sentences(made), "sentences"),
            file_name="attnviz-tally.json", mime="application/json",
            on_click="ignore", key="own-tally-json", help="The counts, and every sentence",
        )  # fmt: skip


def _many(count: int) -> str:
    return "1 sentence" if count == 1 else f"{count} sentences"
