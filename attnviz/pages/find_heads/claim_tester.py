"""The claim tester: how often the chosen head is right on a kind of link, and what one can claim."""

from __future__ import annotations

from typing import Any

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError
from attnviz.figures import encoding, evidence
from attnviz.linguistics import claim_text, claims
from attnviz.linguistics.atlas.reader import ALL_QUESTIONS, Atlas
from attnviz.linguistics.claims import BestHead, ClaimResult
from attnviz.linguistics.relations import CORPUS, relation
from attnviz.types import Evidence, HeadRef
from attnviz.ui import glossary_links, state, widgets
from attnviz.ui.atlas_lookup import measured
from attnviz.ui.single_text import chosen

RELATION, DIRECTION = "heads-relation", "heads-direction"
DIRECTIONS = {"dh": "dependent looks at its head", "hd": "head looks at its dependent"}
PRONOUNS = {
    "gap": "a pronoun to a name",
    "winogender": "a pronoun to a person",
    "coreference": "pronouns, all together",
}
BEGIN = "gap"


def claim_tester(trace: Trace) -> Atlas | None:
    """Test the chosen head on thousands of links of other texts.

    Returns the atlas; None after a message on why there is none.
    """
    st.header(f"Is it more than luck? {encoding.head_name(chosen())} on many texts", anchor=False)
    found = measured(trace, "nsubj")
    try:
        if found is not None:
            show_claim(found, *fields(found))
    except AttnvizError as error:  # a damaged atlas: the rest of the page stands
        st.error(widgets.plain(str(error)))
    return found


def fields(found: Atlas, key: str = "heads") -> tuple[str, str]:
    """Draw the fields for kind and direction of links; returns the choice. `key` begins the names of the widgets."""
    chosen_kind = f"{key}-relation"
    counts = {name: found.kinds[name] for name in sorted(found.kinds, key=ALL_QUESTIONS.__eq__)}  # single ones first
    most = {name: max(found.relations[name, direction] for direction in DIRECTIONS) for name in found.names}
    family = {name: name.partition(":")[0] for name in most}
    counts |= {
        name: most[name] for name in sorted(most, key=lambda one: (-most[family[one]], family[one], ":" in one, -most[one]))
    }
    names = [name for name, n in counts.items() if n]
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key=f"{key}-claim"):
        wanted = str(st.session_state.get(chosen_kind, ""))
        if wanted not in names:
            counted = found.counting(wanted)
            st.session_state[chosen_kind] = counted if counted in names else BEGIN if BEGIN in names else names[0]
        kind = st.selectbox(
            f"{encoding.head_name(chosen())} links …", names, key=chosen_kind, width=400,
            format_func=lambda name: f"{_plain(name, found)} ({encoding.thousands(counts[name])})",
        )  # fmt: skip
        if kind in found.kinds:
            return kind, "dh"
        directions = {direction: found.relations[kind, direction] for direction in DIRECTIONS}
        usual = max(
            DIRECTIONS, key=lambda direction: directions[direction]
        )  # of a model that reads left to right one way may have none
        direction = st.segmented_control(
            "Direction", list(DIRECTIONS), default=usual, key=f"{key}-direction-{found.model}-{kind}", required=True,
            format_func=lambda direction: f"{DIRECTIONS[direction]} ({encoding.thousands(directions[direction])})",
        )  # fmt: skip
    return kind, direction or usual


def _plain(name: str, found: Atlas) -> str:
    """Return a kind of link in plain words, with its label and whether subtypes are pooled."""
    if name in found.kinds:
        return f"{PRONOUNS.get(name, 'a pronoun to a word')}: {name}"
    with_subtypes = " with its subtypes" if len(found.names[name]) > 1 else ""
    label = f"{claim_text.label(name)}{with_subtypes}"
    try:
        return f"{relation(name, CORPUS).plain}: {label}"
    except BadInputError:  # a label of the reader's own
        return label


def show_claim(found: Atlas, kind: str, direction: str, key: str = "heads", texts: str = ", in English") -> None:
    """Draw the claim as a picture, in numbers and as a sentence to copy; the best head for the same kind of link.

    `texts` says what the texts are, after their name.
    """
    claim, best = claims.claim(found, chosen(), kind, direction), claims.best_head(found, kind, direction)
    left, right = st.columns(2, gap="large")
    with left:
        _picture(claim, best)
    with right:
        st.markdown(glossary_links.linked("\n".join(f"- {line}" for line in _facts(claim, texts)), everyday=("interval",)))
        if best is not None and best.head != claim.head:
            st.button(
                f"Show {best.head}, the best of {claim.heads} for this", on_click=_show, args=(best.head,),
                key=f"{key}-best-head", help="Chosen on one half of the texts; its rate is from the other half",
            )  # fmt: skip
    with st.container(gap="small", key=f"{key}-honest"):
        st.caption("What you can claim")
        st.code(claim_text.finding(claim), language=None, wrap_lines=True)


def _picture(claim: ClaimResult, best: BestHead | None) -> None:
    """Draw rates and intervals with the baselines."""
    rows, names, doubted = rates(claim, best)
    st.html(evidence.drawn(rows, names, doubted))


def rates(claim: ClaimResult, best: BestHead | None) -> tuple[list[tuple[str, Evidence]], dict[str, str], tuple[str, ...]]:
    """Return the rows of the picture, the labels of the baselines, and the rows without a significant lead."""
    doubted = () if claim.significant else (f"{claim.head}, all texts", f"{claim.head}, {_half(claim).lower()}")
    rows: list[tuple[str, Evidence]] = [
        (f"{claim.head}, all texts", claim.evidence), (f"{claim.head}, {_half(claim).lower()}", claim.held_out)
    ]  # fmt: skip
    if best is not None and best.head != claim.head:
        rows.append((f"{best.head}, {_half(claim).lower()}", best.evidence))
        doubted += () if best.beats else (rows[-1][0],)
    return rows, _names(claim), doubted


def on_screen(found: Atlas) -> tuple[str, str]:
    """Return the kind and direction of links in the fields, which are drawn."""
    kind = str(st.session_state[RELATION])
    return kind, str(st.session_state.get(f"{DIRECTION}-{found.model}-{kind}") or "dh")


def _names(claim: ClaimResult) -> dict[str, str]:
    """Return the labels of the baselines, with the distance in words."""
    distance = {} if claim.offset is None else {"offset": f"always {claim_text.place(claim.offset)}"}
    return evidence.NAMES | distance


def _facts(claim: ClaimResult, texts: str) -> list[str]:
    """Return every number that the claim rests on, in Markdown."""
    one, half = claim.evidence, claim.held_out
    if not one.n:
        return ["No links of this kind were counted: the model cannot see them, or the texts have none."]
    names = _names(claim)
    rules = ", ".join(f"{names.get(name, name)} {encoding.percent(rate, 1)}" for name, rate in one.baselines)
    facts = [
        f"**{encoding.percent(one.rate, 1)}** right: {evidence.counts(one)}",
        f"**Baselines**, guessing without reading: {rules}",
        f"**Lead** over the strongest of them: {_points(claim)}",
        f"**Rank {claim.rank}** of {claim.heads} heads; {'' if claim.significant else 'not '}significant after correcting for "
        f"trying {claim.heads} heads ({_chance(claim.p_corrected)}). {widgets.plain(claim_text.luck(claim))}".strip(),
    ]
    if claim.pooled:
        facts.append(f"**Pooled**: {widgets.plain(claim_text.pooled(claim))}")
    if one.ceiling < 1.0:
        facts.append(f"**Ceiling**: {widgets.plain(claim_text.ceiling(claim))}")
    facts += [f"**{widgets.plain(part.source)} alone**: {_short(part)}" for part in claim.parts]
    if half.n:
        kept = "it has the same sentences in other wordings" if half.groups else "nothing was chosen on it"
        facts.append(f"**{_half(claim)}** ({kept}): {_short(half)}")
    if claim.control is not None:
        facts.append(f"**Control**, the best head of an untrained twin on that half: {_short(claim.control.evidence)}")
    if claim.causal:
        facts.append("This model reads left to right, so only links to earlier words are counted")
    return [*facts, widgets.plain(f"Counted on {one.source}{texts}; this says nothing about other texts")]


def _chance(p: float) -> str:
    """Return a p-value in Markdown, on one line."""
    return widgets.plain(claim_text.chance(p).replace(" ", encoding.NARROW))


def _points(claim: ClaimResult) -> str:
    """Return a lead and its interval over sentences."""
    low, high = (encoding.points(end) for end in claim.interval)
    return f"{encoding.points(claim.points)} points, 95{encoding.NARROW}% interval by sentences {low} to {high}"


def _short(one: Evidence) -> str:
    """Return rate, n and interval."""
    return f"{encoding.percent(one.rate, 1)} of {encoding.thousands(one.n)}, interval {evidence.interval(one)}"


def _half(claim: ClaimResult) -> str:
    """Return the name of the half of the texts on which results are reported."""
    return claim_text.half(claim.held_out).capitalize()


def _show(head: HeadRef) -> None:
    """Choose this head."""
    state.change(head=head)


def select_relation(kind: Any) -> None:
    """Select this kind of link the next time the tester is drawn."""
    st.session_state[RELATION] = kind
