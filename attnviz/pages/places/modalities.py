"""Compare media and mechanisms: what a token is, how many there are, and what they cost."""

from __future__ import annotations

import streamlit as st

from attnviz.analysis import token_counts
from attnviz.analysis.token_counts import TextSizes
from attnviz.engine.trace import Trace
from attnviz.figures import encoding
from attnviz.figures.units import byte_size, ratio_text
from attnviz.lessons.template import fill
from attnviz.pages.places import lesson
from attnviz.pages.places.lesson import Medium
from attnviz.ui import glossary_links, widgets

LINKED = ("self-attention", "cross-attention", "key", "value", "positional-encoding")


def media(trace: Trace) -> None:
    """Draw the choice of a medium, its sizes, and the cost that follows."""
    st.header("Attention in other media", anchor="media")
    st.markdown(glossary_links.linked(lesson.text("elsewhere", "lead")))
    known = {place.id: place for place in lesson.media()}
    chosen = st.segmented_control(
        "Medium", list(known), format_func=lambda id: known[id].name, default="image", required=True, key="places-medium"
    )
    place = known[chosen or "image"]
    what, cost = st.columns(2, gap="large")
    with what:
        st.markdown(glossary_links.linked(f"**A token is:** {place.token} {place.how}"))
        tokens = _tokens(place, trace)
        if tokens:
            _costs(tokens, token_counts.sizes(trace))
        else:
            st.info(glossary_links.linked(lesson.text("elsewhere", "none")))
        st.caption(widgets.plain("; ".join(place.sources) + "."))
    with cost:
        _table(trace)


def _tokens(place: Medium, trace: Trace) -> int:
    """Return the number of tokens for the sizes in the fields."""
    sizes: dict[str, int] = {}
    if place.fields:
        with st.container(horizontal=True, gap="small", key="places-sizes"):
            for field in place.fields:
                key = f"places-{place.id}-{field.id}"
                sizes[field.id] = int(st.number_input(field.label, field.low, field.high, field.value, key=key, width=150))
    return count(place.id, sizes, len(trace.parts[0].queries))


def count(id: str, sizes: dict[str, int], text_tokens: int) -> int:
    """Return the number of tokens of a medium with these sizes; for text, the reader's own."""
    if id == "image":
        return token_counts.image(sizes["height"], sizes["width"], sizes["patch"])
    if id == "sound":
        return token_counts.sound(sizes["seconds"])
    if id == "video":
        side = sizes["side"]
        return token_counts.video(sizes["seconds"], sizes["rate"], side, side, sizes["patch"], sizes["frames"])
    return token_counts.protein(sizes["residues"]) if id == "protein" else text_tokens


def _costs(tokens: int, text_sizes: TextSizes) -> None:
    """Draw the cost of this many tokens beside the reader's sentence."""
    cost, mine = token_counts.attention(tokens, text_sizes.width), token_counts.attention(text_sizes.tokens, text_sizes.width)
    numbers = {
        "n": encoding.thousands(tokens), "pairs": encoding.thousands(cost.pairs), "own": encoding.thousands(text_sizes.tokens),
        "times": f"{ratio_text(cost.pairs / mine.pairs)} times", "stored": byte_size(cost.stored),
        "width": encoding.thousands(text_sizes.width), "share": encoding.percent(cost.share, 1),
        "ownshare": encoding.percent(mine.share, 1), "level": encoding.thousands(token_counts.level(text_sizes.width)),
    }  # fmt: skip
    st.markdown(glossary_links.linked(fill(lesson.text("elsewhere", "cost"), numbers)))
    st.markdown(glossary_links.linked(fill(lesson.text("elsewhere", "even"), numbers)))


def _table(trace: Trace) -> None:
    """Draw a table of all media at their start sizes."""
    text_sizes = token_counts.sizes(trace)
    lines = ["| Medium | Tokens | Weights per head | Memory per head |", "|:--|--:|--:|--:|"]
    for place in lesson.media():
        sizes = {field.id: field.value for field in place.fields}
        tokens = count(place.id, sizes, text_sizes.tokens)
        cost = token_counts.attention(tokens, text_sizes.width)
        found = encoding.thousands(cost.tokens), encoding.thousands(cost.pairs), byte_size(cost.stored)
        start = fill(place.start, {name: str(value) for name, value in sizes.items()})
        lines.append(f"| {place.name}: {start} | {' | '.join(found)} |")
    with st.container(key="places-media"):
        st.markdown("\n".join(lines))


def comparison(trace: Trace, target: int) -> None:
    """Draw the table of mechanisms; `target` is the number of tokens of the second text."""
    st.header("Compared with other mechanisms", anchor="compared")
    numbers = _comparison_values(trace, target)
    table = lesson.content()["comparison"]
    st.markdown(glossary_links.linked(fill(table["lead"], numbers)))
    lines = [f"| {' | '.join(table['columns'])} |", f"|{':--|' * len(table['columns'])}"]
    lines += [f"| {' | '.join((f'**{what}**', *cells))} |" for what, *cells in table["rows"]]
    with st.container(key="places-compared"):
        st.markdown(glossary_links.linked(fill("\n".join(lines), numbers), *LINKED))
    st.caption(table["note"])


def _comparison_values(trace: Trace, target: int) -> dict[str, str]:
    """Return the numbers of the table for the reader's sentence."""
    text_sizes = token_counts.sizes(trace)
    n, width = text_sizes.tokens, text_sizes.width
    cost, cross = token_counts.attention(n, width), token_counts.attention(target, width, n)
    found = {
        "n": n, "m": target, "width": width, "pairs": cost.pairs, "across": cross.pairs, "apart": n - 1,
        "selfwork": cost.work, "rnnwork": token_counts.recurrent(n, width), "crosswork": cross.work,
        "kept": n * text_sizes.kept,
    }  # fmt: skip
    twice = {
        "selftwice": ratio_text(token_counts.attention(2 * n, width).work / cost.work),
        "crosstwice": ratio_text(token_counts.attention(target, width, 2 * n).work / cross.work),
    }
    return {name: encoding.thousands(value) for name, value in found.items()} | twice
