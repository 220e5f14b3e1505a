"""A claim tested on an annotated file of one's own: every head is measured on it, by the rules of the shipped corpora."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError, OutputError, UnavailableError
from attnviz.figures import encoding, evidence
from attnviz.linguistics import claim_text, claims, own_atlas, own_cases
from attnviz.linguistics.own_atlas import MeasuredText, OwnAtlas
from attnviz.linguistics.own_corpus import FORMATS, MAX_TEXTS, OwnCorpus, Text, own_corpus
from attnviz.pages.find_heads import claim_tester, own_input, own_run
from attnviz.pages.find_heads.own_run import OwnRun
from attnviz.types import AttentionRequest, HeadRef
from attnviz.ui import page_url, widgets
from attnviz.ui.backend import backend
from attnviz.ui.single_text import chosen

CLAIM = "own_claim"  # in the address: the relation, and the direction where there are two, `nsubj.dh`
_CORPUS, _RUN, _ATLAS, _KEY = "own-file-corpus", "own-file-run", "own-file-atlas", "own"
EXAMPLES = {"CoNLL-U": "example.conllu", "GAP": "example.tsv", "TOML": "example.toml"}


def own_file(trace: Trace) -> None:
    """Draw the fields, what the file has, and the claim about the chosen head on it."""
    corpus = _corpus()
    if corpus is None:
        if wanted := page_url.parameter(CLAIM):
            st.caption(widgets.plain(f"The link keeps the claim ({wanted}), but not the file: choose the file again."))
        for key in (_RUN, _ATLAS):
            st.session_state.pop(key, None)  # nothing of a file that was removed is kept
        return
    identity, found = corpus
    _describe(found)
    if not found.texts:
        return
    about = (identity, trace.request.model, trace.digest)
    heads = sum(call.heads for call in trace.block(trace.blocks[0]).calls)
    note = f"All {heads} heads are measured at once, so that you can compare them."
    label = f"Measure all heads on {_texts(len(found.texts))}"
    run = own_run.started(_RUN, about, label, note)
    if run is None:
        return
    own_run.proceed(_RUN, run, found.texts, partial(_read, trace.request.model, run))
    if run.done:
        try:
            _claim(_atlas(found, run, trace))
        except AttnvizError as error:
            own_run.failed(_RUN, about, label, error)


def _corpus() -> tuple[str, OwnCorpus] | None:
    """Draw the fields; returns the corpus of the file or the pasted text, parsed once, with its id."""
    given = own_input.upload("A file in CoNLL-U, GAP (a table with tabs) or our TOML", "own-file-upload")
    with st.expander("Or paste its text"):
        pasted = own_input.paste("Text of the file", "own-file-text")
    own_input.examples(EXAMPLES)
    given = own_input.one_of(given, pasted)
    if given is None:
        st.session_state.pop(_CORPUS, None)
        return None
    kept: tuple[str, OwnCorpus | str] | None = st.session_state.get(_CORPUS)
    if kept is None or kept[0] != given.id:
        with st.spinner("Reading the file …"):
            kept = st.session_state[_CORPUS] = given.id, _parsed(given)
    identity, found = kept
    if isinstance(found, str):
        st.error(widgets.plain(found))
        return None
    return identity, found


def _parsed(given: own_input.OwnInput) -> OwnCorpus | str:
    """Return the corpus, or what is wrong with the whole file: both are kept until the file changes."""
    try:
        return own_corpus(given.name, given.content)
    except BadInputError as error:
        return str(error)


def _describe(corpus: OwnCorpus) -> None:
    """Say what the file has, and which lines cannot be read."""
    st.markdown(f"**{widgets.plain(corpus.name)}**: {FORMATS[corpus.format]}, {_texts(len(corpus.texts))}")
    own_input.broken_lines(corpus.broken, corpus.faults)
    if corpus.beyond:
        st.info(f"A file has at most {MAX_TEXTS:,} texts here; {corpus.beyond:,} more are left out.")


def _read(model: str, run: OwnRun[MeasuredText], text: Text) -> MeasuredText:
    """Return what every head chose in a text; one that cannot be scored or read is left out with its reason."""
    if not own_atlas.worth_reading(text):
        return own_atlas.skipped(text)
    if run.size > own_atlas.MAX_BYTES:
        raise BadInputError(f"What all heads choose takes at most {own_atlas.MAX_BYTES:,} bytes for a file. Divide the file.")
    try:
        found = own_atlas.measured(text, backend().inner.attend(AttentionRequest(model, text.text)))  # not kept in the cache
    except (UnavailableError, OutputError):
        raise
    except BadInputError as error:
        return own_atlas.unread(text, error)
    run.size += 0 if found.choices is None else found.choices.nbytes
    return found


def _atlas(corpus: OwnCorpus, run: OwnRun[MeasuredText], trace: Trace) -> OwnAtlas:
    """Return the atlas of what was measured so far, made once for each state of the run."""
    identity = (run.about, len(run.done))
    kept = st.session_state.get(_ATLAS)
    if kept is None or kept[0] != identity:
        kept = st.session_state[_ATLAS] = (identity, own_atlas.own_atlas(corpus, run.done, trace))
    return kept[1]


def _claim(found: OwnAtlas) -> None:
    """Draw the fields for the kind of link, the claim, and its cases as files."""
    (described,) = found.header.corpora
    if described.left_out:
        reasons = "; ".join(f"{reason} ({n:,})" for reason, n in described.left_out)
        st.caption(widgets.plain(f"Left out: {reasons}."))
    if not found.kinds and not any(found.relations.values()):
        st.info("No link or question of this file can be counted with this model, so nothing can be claimed.")
        return
    kind, direction = _fields(found)
    claim = claims.claim(found, chosen(), kind, direction)
    if claim.verdict == "few":
        one = claim.evidence
        st.subheader(f"{claim.head}: right in {one.hits} of {one.n}", anchor=False)
        st.markdown(widgets.plain(f"{evidence.counts(one)}."))
        st.info(
            f"Fewer than {claims.ENOUGH} cases describe what this head does on them. They are too few for a claim, "
            "and too few to choose a head on one half and report it on the other."
        )
        with st.container(gap="small", key="own-honest"):
            st.caption("What you can say")
            st.code(claim_text.sentence(claim), language=None, wrap_lines=True)
    else:
        claim_tester.show_claim(found, kind, direction, key="own", texts=", your file")
    _downloads(found, chosen(), kind, direction)


def _fields(found: OwnAtlas) -> tuple[str, str]:
    """Draw the fields for the claim, which the address keeps; begins with the claim of a link."""
    wanted, _, way = page_url.parameter(CLAIM).partition(".")
    known = {name for name in found.names if any(found.relations[name, one] for one in claim_tester.DIRECTIONS)}
    if wanted in known | {*found.kinds} and f"{_KEY}-relation" not in st.session_state:
        st.session_state[f"{_KEY}-relation"] = wanted
        if way in claim_tester.DIRECTIONS:
            st.session_state[f"{_KEY}-direction-{found.model}-{wanted}"] = way
    kind, direction = claim_tester.fields(found, key=_KEY)
    written = kind if kind in found.kinds else f"{kind}.{direction}"
    if page_url.parameter(CLAIM) != written:
        page_url.set_parameter(CLAIM, written)
    return kind, direction


def _downloads(found: OwnAtlas, head: HeadRef, kind: str, direction: str) -> None:
    """Draw buttons for the cases of the claim as files, made when they are clicked."""

    def rows() -> list[dict[str, Any]]:
        return own_cases.cases(found, head, kind, direction)

    def facts() -> dict[str, Any]:
        claim = claims.claim(found, head, kind, direction)
        return {
            "model": found.model, "layer": head.layer, "head": head.head, "relation": kind,
            "direction": claim.direction or None, "hits": claim.evidence.hits, "n": claim.evidence.n,
            "baselines": dict(claim.evidence.baselines),
            "verdict": claim.verdict, "sentence": claim_text.sentence(claim),
        }  # fmt: skip

    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Cases as CSV", lambda: own_cases.as_csv(rows()), file_name="attnviz-cases.csv", mime="text/csv", on_click="ignore",
            key="own-cases-csv", help="A row for each link or question: the words, what the head chose, right or wrong",
        )  # fmt: skip
        st.download_button(
            "JSON", lambda: own_cases.as_json(facts(), rows()), file_name="attnviz-cases.json", mime="application/json",
            on_click="ignore", key="own-cases-json", help="The claim, and every case",
        )  # fmt: skip


def _texts(count: int) -> str:
    return "1 text" if count == 1 else f"{encoding.thousands(count)} texts"
