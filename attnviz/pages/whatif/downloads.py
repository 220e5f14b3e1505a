"""The pictures of an experiment as figures with data: before, after, difference, row, layers, heads, next tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from attnviz.analysis.compare import Difference
from attnviz.engine.reference.word_order import WordOrderResult
from attnviz.figures import encoding
from attnviz.figures.head_figure import head_figure
from attnviz.figures.page_figure import WHOLE, FigureSource, PageFigure, Table, Word
from attnviz.pages.whatif import analysis
from attnviz.pages.whatif.analysis import BeforeAfter, Values
from attnviz.pages.whatif.lesson import Experiment
from attnviz.pages.whatif.values import next_name
from attnviz.text import units
from attnviz.types import Pattern, Token

if TYPE_CHECKING:
    from attnviz.figures.vector.marks import Drawing


def figures(
    source: FigureSource, chosen: Experiment, pair: BeforeAfter, at: int, values: Values, *, shown: bool
) -> list[PageFigure]:
    """Return the figures of an experiment; before the result is shown, only the head as trained."""
    facts = {"experiment": chosen.id, "settings": dict(values)}
    what = f"“{chosen.name}”"
    before = head_figure(
        "before", "Before", f"Weights of one head as trained, before the experiment {what}.", source,
        _pattern(pair.weights_before, pair.before.tokens, pair.before.keys), rows=(at,), unseen=~pair.before.seen, facts=facts,
    )  # fmt: skip
    if not shown:
        return [before]
    found = [before]
    found.append(
        head_figure(
            "after", "After", f"Weights of the head after the experiment {what}{_settings(values)}.", source,
            _pattern(pair.weights_after, pair.after.tokens, pair.after.keys), rows=(at,), unseen=~pair.after.seen, facts=facts,
        )
    )  # fmt: skip
    if pair.comparable:
        less_more = _difference(analysis.difference(pair), pair.before.tokens, pair.before.keys)
        says = f"Weights after the experiment {what}{_settings(values)} minus weights before. Green is more, purple is less."
        both = ~(pair.before.seen | pair.after.seen)
        found.append(head_figure("difference", "Difference", says, source, less_more, rows=(at,), unseen=both, facts=facts))
        found.append(_row(pair, at, source, facts, what))
    found.append(_layers(pair, at, source, facts, what))
    if len(pair.before.adds) == len(pair.after.adds):
        found.append(_heads(pair, at, source, facts, what))
    if pair.before.likely:
        found.append(_next(pair, source, facts, what))
    return found


def order_figures(
    source: FigureSource, found: WordOrderResult, tokens: Sequence[Token], at: int, values: Values
) -> list[PageFigure]:
    """Return the figures of the experiment on word order: the text, its words shuffled, put back, and the difference."""
    facts, n = {"experiment": "order", "settings": dict(values)}, len(tokens)
    seen = np.tri(n, dtype=bool) if values["mask"] == "on" else np.ones((n, n), bool)
    mixed, back = [tokens[place] for place in found.order], np.argsort(found.order)
    undone, put = found.undone, np.ix_(back, back)
    parts = [
        ("text", "Your text", "Weights of the head on the text, with the settings of the experiment.", found.plain,
         tokens, seen, at),
        ("shuffled", "Shuffled", "Weights of the head on the same words in another order.", found.mixed, mixed, seen,
         int(back[at])),
        ("restored", "Back in the old order", "Weights of the shuffled words, rows and columns put back.", undone, tokens,
         seen[put], at),
    ]  # fmt: skip
    figures = [
        head_figure(id, name, says, source, _pattern(weights, labels, labels), rows=(row,), unseen=~open_, facts=facts)
        for id, name, says, weights, labels, open_, row in parts
    ]
    says = "Weights of the shuffled words, put back, minus those of the text. Green is more, purple is less."
    change = _difference(undone - found.plain, tokens, tokens)
    return [*figures, head_figure("difference", "Difference", says, source, change, rows=(at,), facts=facts)]


def _settings(values: Values) -> str:
    """Return the settings in brackets."""
    written = ", ".join(f"{name}: {encoding.label(value, 80)}" for name, value in values.items())
    return f" ({written})" if written else ""


def _pattern(weights: Float[np.ndarray, "query key"], queries: Sequence[Token], keys: Sequence[Token]) -> Pattern:
    return Pattern(**_labelled(weights, queries, keys))


def _difference(weights: Float[np.ndarray, "query key"], queries: Sequence[Token], keys: Sequence[Token]) -> Difference:
    return Difference(**_labelled(weights, queries, keys))


def _labelled(weights: Float[np.ndarray, "query key"], queries: Sequence[Token], keys: Sequence[Token]) -> dict[str, Any]:
    """Return weights with their tokens, as a pattern or a difference takes them."""
    rows, columns = units(queries, words=False), units(keys, words=False)
    return {
        "queries": tuple(one.text for one in rows), "keys": tuple(one.text for one in columns),
        "weights": weights.astype(np.float32), "hidden": np.zeros(len(rows), np.float32),
        "query_units": rows, "key_units": columns,
    }  # fmt: skip


def _row(pair: BeforeAfter, at: int, source: FigureSource, facts: dict[str, Any], what: str) -> PageFigure:
    """Return the row of the selected token, before and after."""
    before, after = pair.weights_before[at], pair.weights_after[at]
    token, names = encoding.label(pair.before.tokens[at].text), tuple(encoding.label(key.text) for key in pair.before.keys)
    title = f"The row of “{token}”"

    def table() -> Table:
        rows = ((Word(k, key.text), before[k], after[k], after[k] - before[k]) for k, key in enumerate(pair.before.keys))
        return Table(("key", "before", "after", "difference"), tuple(rows))

    def drawing(part: str, coded: bool) -> Drawing:
        columns = [("before", before, 2), ("after", after, 4)]
        return _bars(names, columns, 1.0, _frame(title, source, part, coded), at)

    says = f"What “{token}” gives to each token before and after the experiment {what}."
    return PageFigure("row", title, says, source, drawing, table, facts=facts)


def _layers(pair: BeforeAfter, at: int, source: FigureSource, facts: dict[str, Any], what: str) -> PageFigure:
    """Return how far the change reaches, layer by layer."""
    states, moved = analysis.state_change(pair)[1:, at], analysis.attention_change(pair)
    token, names = encoding.label(pair.before.tokens[at].text), tuple(f"Layer {n}" for n in range(len(moved)))
    title = "The change, layer by layer"

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector import bars

        ramp = encoding.LIGHT.sequential
        series = [
            bars.Series(name, tuple(map(_known, found)), 0.0, max(float(np.nanmax(found)), 1e-9), _percent, ramp[4])
            for name, found in ((f"state of “{token}”", states), ("attention that moved", np.nan_to_num(moved)))
        ]
        return bars.drawing(names, tuple(series), _frame(title, source, part, coded), pair.layer)

    says = (
        f"How far the experiment {what} moves the state of “{token}” (in parts of its length) and the attention of all heads, "
        "layer by layer. Each column has its own scale."
    )
    rows = tuple((n, states[n], moved[n]) for n in range(len(moved)))
    return PageFigure(
        "layers", title, says, source, drawing, lambda: Table(("layer", "state change", "attention moved"), rows), facts=facts
    )


def _heads(pair: BeforeAfter, at: int, source: FigureSource, facts: dict[str, Any], what: str) -> PageFigure:
    """Return the length of what each head adds, before and after."""
    before, after = pair.before.adds[:, at], pair.after.adds[:, at]
    token, names = encoding.label(pair.before.tokens[at].text), tuple(f"Head {n}" for n in range(len(before)))
    title, most = f"Added to “{token}” by each head", max(float(before.max()), float(after.max()), 1e-9)

    def drawing(part: str, coded: bool) -> Drawing:
        columns = [("before", before, 2), ("after", after, 4)]
        return _bars(names, columns, most, _frame(title, source, part, coded), pair.number)

    says = f"Length of what each head of the layer adds to “{token}”, before and after the experiment {what}."
    rows = tuple((n, before[n], after[n]) for n in range(len(before)))
    return PageFigure("heads", title, says, source, drawing, lambda: Table(("head", "before", "after"), rows), facts=facts)


def _next(pair: BeforeAfter, source: FigureSource, facts: dict[str, Any], what: str) -> PageFigure:
    """Return the most likely next tokens, before and after, each with both probabilities where known."""
    parts = (("before", pair.before.likely[:5]), ("after", pair.after.likely[:5]))
    names = tuple(f"{when}: {next_name(one.text)}" for when, found in parts for one in found)
    shares = tuple(float(one.share) for _, found in parts for one in found)
    title = "The next token"

    def drawing(part: str, coded: bool) -> Drawing:
        return _bars(names, [("probability", np.array(shares), 4)], 1.0, _frame(title, source, part, coded), None)

    says = f"The five most likely next tokens before and after the experiment {what}."
    rows = tuple((when, Word(n, one.text), float(one.share)) for when, found in parts for n, one in enumerate(found))
    return PageFigure(
        "next", title, says, source, drawing, lambda: Table(("reading", "token", "probability"), rows), facts=facts
    )


def _frame(title: str, source: FigureSource, part: str, coded: bool) -> Any:
    from attnviz.figures.vector.placing import Frame

    return Frame(title, f"{source.card.name}: {source.text}", whole=part == WHOLE, coded=coded)


def _bars(
    names: tuple[str, ...], columns: Sequence[tuple[str, np.ndarray, int]], most: float, frame: Any, marked: int | None
) -> Drawing:
    """Return bars on tracks from 0 to `most`; a column has a name, its values and a step of blue."""
    from attnviz.figures.vector import bars

    write = encoding.three if most == 1.0 else encoding.digits
    ramp = encoding.LIGHT.sequential
    series = tuple(bars.Series(name, tuple(map(_known, found)), 0.0, most, write, ramp[step]) for name, found, step in columns)
    return bars.drawing(names, series, frame, marked)


def _known(value: encoding.Number) -> float | None:
    return float(value) if np.isfinite(value) else None


def _percent(value: float) -> str:
    return encoding.percent(value, 1)
