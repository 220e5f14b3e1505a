"""A tally as fields, for JSON and CSV: one row for each sentence."""

from __future__ import annotations

from typing import Any

from attnviz.linguistics import tally_text
from attnviz.linguistics.corpora.types import Span
from attnviz.linguistics.marked_sentences import MarkedSentence
from attnviz.linguistics.tally import LEFT_OUT, SentenceResult, Tally

COLUMNS = (
    "line", "text", "word", "right_word", "result", "reason", "looks_at", "weight", "right_weight", "special", "assumed",
)  # fmt: skip


def facts(made: Tally, model: str, name: str) -> dict[str, Any]:
    """Return the counts and what they rest on; `model` is the model's id, `name` its name in sentences."""
    found, lead = made.evidence, made.lead
    return {
        "model": model, "layer": made.head.layer, "head": made.head.head, "hits": found.hits, "n": found.n,
        "rate": found.rate if found.n else None, "interval": list(found.interval), "baselines": dict(found.baselines),
        "offset": made.offset, "points": None if lead is None else lead[0],
        "points_interval": None if lead is None else list(lead[1:3]), "p": None if lead is None else lead[3],
        "left_out": dict(made.left_out), "scheme": found.scheme, "sentence": tally_text.sentence(made, name),
    }  # fmt: skip


def sentences(made: Tally) -> list[dict[str, Any]]:
    """Return the fields of every sentence; words have their characters."""
    return [_fields(one) for one in made.results]


def rows(made: Tally) -> list[dict[str, Any]]:
    """Return every sentence as a row of a table, with the fields of COLUMNS."""
    found = []
    for one in made.results:
        fields = {name: part["text"] if isinstance(part, dict) else part for name, part in _fields(one).items()}
        fields["assumed"] = tally_text.assumed(one.sentence)
        found.append({name: fields[name] for name in COLUMNS})
    return found


def _fields(one: SentenceResult) -> dict[str, Any]:
    """Return the fields of one sentence."""
    counted = one.result != LEFT_OUT
    return {
        "line": one.sentence.line, "text": one.sentence.text, "word": _place(one.sentence, one.sentence.source),
        "right_word": _place(one.sentence, one.sentence.target), "found": one.sentence.found, "result": one.result,
        "reason": one.reason, "looks_at": _place(one.sentence, one.looks_at), "weight": one.weight if counted else None,
        "right_weight": one.right_weight if counted else None, "special": one.special if counted else None,
    }  # fmt: skip


def _place(sentence: MarkedSentence, span: Span | None) -> dict[str, Any] | None:
    return None if span is None else {"text": sentence.text[slice(*span)], "start": span[0], "end": span[1]}
