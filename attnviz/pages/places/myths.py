"""Answer four common myths with numbers of the reader's own sentence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from attnviz.analysis import token_counts
from attnviz.engine.parameter_free import self_attention
from attnviz.engine.trace import Trace
from attnviz.figures import encoding
from attnviz.figures.units import ratio_text
from attnviz.lessons.template import fill
from attnviz.pages.places import analysis, figure, lesson
from attnviz.pages.places.cross_attention import sums
from attnviz.pages.places.lesson import Myth
from attnviz.rounding import round_parts
from attnviz.types import joined
from attnviz.ui import caution, glossary_links, state, widgets
from attnviz.ui.backend import backend

PICTURE_SPOTS = {"sun": analysis.SUN, "sky": analysis.SKY, "sea": analysis.SEA, "boat": analysis.BOAT}
MOST_SIMILAR = 5  # most similar patches that are counted
LONGER = 100
LONG = 512  # in longer texts, weights are counted only on request
COUNT = "Count over all heads"
COUNTED = ("near", "explanation")
ONLY = "only "  # before a share below half


def myths(trace: Trace) -> None:
    """Draw all four."""
    st.header("Four myths", anchor="myths")
    model = widgets.plain(state.card().name)
    st.markdown(glossary_links.linked(fill(lesson.text("myths", "lead"), {"model": model})))
    asked = _count_all_heads(trace)
    found = lesson.myths()
    for pair in (found[at : at + 2] for at in range(0, len(found), 2)):
        for column, myth in zip(st.columns(2, gap="large"), pair, strict=False):
            with column:
                _myth(myth, trace, counted=asked or myth.id not in COUNTED)
    st.caption(glossary_links.linked(lesson.text("myths", "one")))


def _myth(myth: Myth, trace: Trace, *, counted: bool) -> None:
    """Draw one, with the caution where it is about what weights explain."""
    st.subheader(myth.name, anchor=myth.id)
    if counted:
        with st.spinner("Counting over all heads …", show_time=True):
            ANSWERS[myth.id](myth, trace)
    else:
        st.markdown(f"Switch on “{COUNT}” above.")
    if myth.id == "explanation":
        caution.show()
    st.caption(widgets.plain("; ".join(myth.sources) + "."))


def _count_all_heads(trace: Trace) -> bool:
    """Return whether to count over all heads: for a long text only on request."""
    block = trace.parts[0]
    tokens = len(block.queries)
    if tokens <= LONG:
        return True
    weights = sum(call.heads for call in block.calls) * tokens**2
    numbers = {"n": encoding.thousands(tokens), "weights": encoding.thousands(weights)}
    st.markdown(glossary_links.linked(fill(lesson.text("myths", "long"), numbers)))
    return st.toggle(COUNT, key="places-long")


def _near(myth: Myth, trace: Trace) -> None:
    """Answer how much attention goes to nearby words, over all heads."""
    found = backend().derived(trace.request, "reach", analysis.nearby_shares)
    if found is None:
        st.markdown(glossary_links.linked(myth.short))
        return
    shares = {name: getattr(found, name) for name in ("resting", "even", "most")}
    rest = dict(zip(("near", "itself", "far"), round_parts((found.near, found.itself, found.far)), strict=True))
    numbers = {name: encoding.percent(share) for name, share in shares.items()} | {
        **{name: encoding.percent(part / 100) for name, part in rest.items()},
        "next": encoding.percent(found.next_to), "heads": str(found.heads), "count": str(found.near_heads),
        "nearest": encoding.head_name(found.nearest), "places": _resting(trace),
    }  # fmt: skip
    _answer(myth, myth.answer, numbers, myth.texts["more" if found.near > found.even else "less"])


def _explanation(myth: Myth, trace: Trace) -> None:
    """Answer how far weights and contributions differ."""
    whole = backend().full_trace  # a trace from another machine comes without values at first
    found = backend().derived(trace.request, "passed", lambda one: analysis.value_shares(whole(one.request)))
    if found is None:
        st.markdown(myth.short)
        return
    shares = {name: getattr(found, name) for name in ("resting", "handed", "changed", "least")}
    numbers = {name: encoding.percent(share) for name, share in shares.items()} | {
        "same": encoding.thousands(found.same), "rows": encoding.thousands(found.rows),
        "idle": encoding.head_name(found.idle), "places": _resting(trace),
        "little": ONLY if found.handed < found.resting / 2 else "", "seldom": ONLY if found.same < found.rows / 2 else "",
    }  # fmt: skip
    _answer(myth, myth.answer, numbers)


def _text(myth: Myth, trace: Trace) -> None:
    """Apply the same function to the patches of a picture."""
    spot = st.segmented_control("Look from the", list(PICTURE_SPOTS), default="sun", required=True, key="places-spot") or "sun"
    image, at = analysis.scene(), PICTURE_SPOTS[spot]
    vectors = analysis.patches(image, analysis.PATCH)
    weights = self_attention(vectors)
    columns = image.shape[1] // analysis.PATCH
    row = weights[at[0] * columns + at[1]]
    top = np.sort(row)[::-1][: MOST_SIMILAR + 1].sum()
    own = token_counts.sizes(trace)
    numbers = {
        "n": encoding.thousands(own.tokens), "width": encoding.thousands(own.width), "patches": str(len(vectors)),
        "numbers": str(vectors.shape[1]), "sums": sums(weights),
        "share": encoding.percent(float(top)), "top": str(MOST_SIMILAR),
    }  # fmt: skip
    description = f"A picture of a boat at sea in {len(vectors)} patches; {fill(myth.more, numbers).partition('. ')[0]}."
    st.markdown(glossary_links.linked(fill(myth.answer, numbers)))
    st.html(figure.render(image, row, at, encoding.LIVE.name, description))
    st.markdown(glossary_links.linked(fill(myth.more, numbers)))


def _faster(myth: Myth, trace: Trace) -> None:
    """Compare steps and multiplications with a recurrent layer."""
    own = token_counts.sizes(trace)

    def ratio(tokens: int) -> str:
        return ratio_text(token_counts.attention(tokens, own.width).work / token_counts.recurrent(tokens, own.width))

    numbers = {
        "n": encoding.thousands(own.tokens), "times": ratio(own.tokens), "longer": ratio(LONGER * own.tokens),
        "selfwork": encoding.thousands(token_counts.attention(own.tokens, own.width).work),
        "rnnwork": encoding.thousands(token_counts.recurrent(own.tokens, own.width)),
    }  # fmt: skip
    _answer(myth, myth.answer, numbers)


def _answer(myth: Myth, answer: str, numbers: dict[str, str], verdict: str = "") -> None:
    """Draw the answer, its conclusion for this sentence, and more."""
    st.markdown(glossary_links.linked(" ".join(filter(None, (fill(answer, numbers), verdict)))))
    st.markdown(glossary_links.linked(fill(myth.more, numbers)))


def _resting(trace: Trace) -> str:
    """Return the tokens that count as sinks in this text."""
    block = trace.parts[0]
    names = [token.text for token in block.queries if token.special]
    if block.causal:
        names.insert(0, f"“{block.queries[0].text}”, the first token")
    return widgets.plain(joined(list(dict.fromkeys(names))) or "none here")


ANSWERS: dict[str, Callable[[Myth, Trace], None]] = {
    "near": _near, "explanation": _explanation, "text": _text, "faster": _faster,
}  # fmt: skip
