"""The evidence beside the single picture: how often the chosen head is right on whole collections of such questions."""

from __future__ import annotations

from typing import Any

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.linguistics import atlas, claims, wording
from attnviz.linguistics.atlas import Atlas
from attnviz.linguistics.claims import Claim
from attnviz.types import HeadRef
from attnviz.ui import blocks, state
from attnviz.ui.coreference.question import Asked, chosen

COLLECTIONS = {"gap": "GAP", "winogender": "Winogender"}


def evidence(asked: Asked) -> None:
    """How often the chosen head is right on GAP and on Winogender, beside rules that read nothing."""
    head = chosen()
    st.subheader(f"One sentence is one picture. How often is {encoding.head_name(head)} right?", anchor=False)
    try:
        known = _atlas(asked)
        kinds = [] if known is None else [kind for kind in COLLECTIONS if kind in known.kinds]
        if known is None or not kinds:
            _uncounted(asked)
        else:
            _counted(known, [claims.claim(known, HeadRef(head.layer, head.head), kind) for kind in kinds])
    except AttnvizError as error:
        blocks.problem(error)


def _counted(known: Atlas, found: list[Claim]) -> None:
    """The table of what was counted, and what may be written of it."""
    st.dataframe(
        [_row(one) for one in found], hide_index=True, width="stretch", column_config=_columns(),
        alt=f"How often {found[0].head} is right", key="coreference-evidence",
    )  # fmt: skip
    st.caption(blocks.plain(_how(known, found[0])))
    with st.expander("In a sentence, as one may honestly write it"):
        for one in found:
            st.markdown(blocks.plain(wording.sentence(one)))


def _uncounted(asked: Asked) -> None:
    """Why there is nothing to show, and how to change that."""
    model = asked.trace.request.model
    st.info(
        f"Nobody has counted yet how often the heads of {blocks.plain(state.card().name)} are right, so this one picture "
        "is all there is: conclude nothing from it. Whoever has GAP’s files makes an atlas of the heads with "
        f"`attnviz atlas build --model {model} --gap gap-development.tsv -o {model}.npz`."
    )


def _atlas(asked: Asked) -> Atlas | None:
    """The atlas of the model, if it was made of these very weights."""
    found = atlas.shipped(asked.trace.request.model)
    return found if found is not None and found.header.digest in ("", asked.trace.digest) else None


def _row(one: Claim) -> dict[str, Any]:
    """One collection in the table."""
    rules, found = dict(one.evidence.baselines), one.evidence
    return {
        "collection": COLLECTIONS[one.relation],
        "pronouns": found.n,
        "right": encoding.percent(found.rate),
        "95 % interval": wording.span(found),
        "nearer candidate": encoding.percent(rules["nearest"]) if "nearest" in rules else None,
        "chance": encoding.percent(rules["chance"]) if "chance" in rules else None,
        "rank": f"{one.rank} of {one.heads}",
        "after correction": wording.chance(one.p_corrected),
    }


def _columns() -> dict[str, Any]:
    """What the columns mean, for whoever points at their names."""
    column = st.column_config.Column
    return {
        "right": column(help="The pronoun gives the right candidate more than the wrong one"),
        "nearer candidate": column(help="How often one is right who always takes the candidate that stands nearer"),
        "rank": column(help="Among all heads of this model, on these pronouns"),
        "after correction": column(help="Chance of so many hits by the stronger baseline, times all heads (Holm)"),
    }


def _how(known: Atlas, one: Claim) -> str:
    """What else must be known of these numbers."""
    parts = ["Counted on texts of others, whatever sentence stands above."]
    if (found := claims.best(known, one.relation)) is not None:
        parts.append(
            f"The best head on half of {COLLECTIONS[one.relation]}, {found.head}, is right in "
            f"{encoding.percent(found.evidence.rate)} ({wording.span(found.evidence)}) of the other half."
        )
    if one.causal:
        parts.append("This model reads from left to right, so only pronouns behind both candidates are counted.")
    return " ".join(parts)
