"""What ranking every head on a drawn link costs beyond the model call, on a sentence of 40 words.

Prints one JSON line a model. Each turn reads the sentence again, so that nothing is found in memory, and times what comes
after the model; medians of all turns. Three links at once cost little more than one.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence

from report import Report

import attnviz
from attnviz.analysis import link_ranking
from attnviz.backends.local import trace_model
from attnviz.cli import link_syntax
from attnviz.models.load import LoadedModel
from attnviz.types import Link

TEXT = (
    "After the long winter the old fisherman sold the boat that his father had built because it was too small for the cold "
    "sea and the nets were torn so that nobody in the little harbour wanted them any longer"
)
DRAWN = ("it:boat", "them:nets", "small:boat")
TURNS, BOUND = 20, 0.050  # seconds


def seconds(loaded: LoadedModel, asked: Sequence[Link]) -> tuple[float, float]:
    """Return medians of reading the sentence, and of ranking every head on some links afterwards."""
    read, ranked = [], []
    for _ in range(TURNS):
        start = time.perf_counter()
        trace = trace_model(loaded.model, loaded.tokenizer, TEXT)
        done = time.perf_counter()
        link_ranking.rank_heads(trace, asked)
        ranked.append(time.perf_counter() - done)
        read.append(done - start)
    return statistics.median(read), statistics.median(ranked)


if __name__ == "__main__":
    report = Report()
    for name in ("minilm", "smollm2"):
        model = attnviz.load(name)
        for many in (1, 3):
            asked = [link_syntax.link(TEXT, one) for one in DRAWN[:many]]
            call, beyond = seconds(model, asked)
            report.show(
                "ranking every head beyond the model call", ok=beyond <= BOUND, model=name, words=len(TEXT.split()),
                heads=model.card.layers * model.card.heads, links=many, model_s=call, ranking_s=beyond, bound=BOUND,
            )  # fmt: skip
    sys.exit(report.code)
