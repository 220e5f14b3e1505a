"""CSV and JSON files of all panels, with provenance. No file has a date."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from attnviz import export
from attnviz.engine.trace import Trace
from attnviz.figures import encoding
from attnviz.figures.provenance import provenance
from attnviz.pages.compare.analysis import ComparePanel, Traces
from attnviz.types import ModelCard, Pattern
from attnviz.view_state import Pin, TokenSelection, ViewOptions


def panel_title(panel: ComparePanel) -> str:
    """Return a panel's number and name: `1 L3·H1`, `1 − 2`, `mean of 1, 2`."""
    if panel.kind == "difference":
        return f" {encoding.MINUS} ".join(map(str, panel.numbers))
    if panel.kind:
        return f"{panel.kind} of {', '.join(map(str, panel.numbers))}"
    pin = panel.pins[0]
    head = f"L{pin.head.layer} {pin.over}" if pin.over else encoding.head_name(pin.head)
    return f"{panel.numbers[0]} {pin.name + ', ' if pin.name else ''}{head}"


def as_json(
    panels: Sequence[ComparePanel],
    traces: Traces,
    cards: Mapping[str, ModelCard],
    options: ViewOptions,
    focus: TokenSelection | None,
) -> bytes:
    """Return one object with a list of `panels`, each `panel kind of queries keys weights note heads`, or its `problem`.

    `unknown` and `unknown_keys` say for each query and key whether the model of the first text cannot read it.

    `heads` has the provenance of each head that the panel is made of. Weights are the shortest decimals that read back as
    the same float32; those of a difference are signed, of a sum up to the number of heads.
    """
    rows = [_described(panel, traces, cards, options, focus) for panel in panels]
    body = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return f'{{"panels": [\n  {body}\n]}}\n'.encode("utf-8", "backslashreplace")


def as_csv(panels: Sequence[ComparePanel], cards: Mapping[str, ModelCard], options: ViewOptions) -> bytes:
    """Return a table with a row for each weight of each panel: panel, models, texts, query, key, weight.

    Every word is `[place] text`, so that no cell begins with a character that a spreadsheet takes for a formula; what the
    model of the first text cannot read has the mark `[UNK]` after it.
    """
    out = io.StringIO()
    out.write(f"# words: {json.dumps(options.words)}\n# special: {json.dumps(options.special)}\n")
    out.write(f"# keep: {json.dumps(str(options.keep) if options.keep else None)}\n# between: {json.dumps(options.between)}\n")
    table = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    table.writerow(["panel", "model", "text", "query", "key", "weight"])
    for panel in panels:
        if panel.pattern is None:
            continue
        models = ", ".join(dict.fromkeys(cards[pin.request.model].id for pin in panel.pins))
        texts = f"[{panel.numbers[0]}] {' | '.join(dict.fromkeys(_text(pin) for pin in panel.pins))}"
        queries = export.placed(panel.pattern.queries, panel.pattern.query_units)
        keys = export.placed(panel.pattern.keys, panel.pattern.key_units)
        for query, row in zip(queries, _decimals(panel.pattern.weights), strict=True):
            for key, weight in zip(keys, row, strict=True):
                table.writerow([f"[{panel.numbers[0]}] {panel_title(panel)}", models, texts, query, key, weight])
    return out.getvalue().encode("utf-8", "backslashreplace")


def _described(
    panel: ComparePanel,
    traces: Traces,
    cards: Mapping[str, ModelCard],
    options: ViewOptions,
    focus: TokenSelection | None,
) -> dict[str, Any]:
    """Return one panel as JSON."""
    found: dict[str, Any] = {"panel": panel_title(panel), "kind": panel.kind or "head", "of": list(panel.numbers)}
    if panel.pattern is None:
        return found | {"problem": panel.problem}
    pattern, heads = panel.pattern, head_provenances(panel, traces, cards, options, focus)
    return found | {
        "queries": list(pattern.queries),
        "keys": list(pattern.keys),
        "unknown": export.unknown(pattern.queries, pattern.query_units),
        "unknown_keys": export.unknown(pattern.keys, pattern.key_units),
        "weights": _decimals(pattern.weights),
        "hidden": _decimals(pattern.hidden),
        "note": pattern.note,
        "heads": heads,
    }


def head_provenances(
    panel: ComparePanel,
    traces: Traces,
    cards: Mapping[str, ModelCard],
    options: ViewOptions,
    focus: TokenSelection | None,
) -> list[dict[str, Any]]:
    """Return the provenance of each head of a panel."""
    pattern, heads = panel.pattern, []
    for pin in panel.pins:
        trace = traces[pin.request]
        if isinstance(trace, Trace):
            plain = pattern if isinstance(pattern, Pattern) else Pattern((), (), np.zeros((0, 0), np.float32), np.zeros(0))
            source = provenance(cards[pin.request.model], trace, pin.head, options, focus).as_dict(plain)
            heads.append({key: value for key, value in source.items() if key not in ("note", "hidden")} | _over(pin))
    return heads


def _over(pin: Pin) -> dict[str, str]:
    """Return the name and the combination of a pin, which are added to the provenance of its head."""
    return {"name_of_pin": pin.name, "over": pin.over}


def _text(pin: Pin) -> str:
    """Return the text of a pin, or both."""
    return pin.request.text + (f" / {pin.request.text_b}" if pin.request.text_b else "")


def _decimals(array: np.ndarray) -> list:
    """Return nested lists of the shortest decimals that read back as the same float32."""
    return array.astype(np.str_).astype(np.float64).tolist()
