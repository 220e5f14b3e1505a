"""`attnviz atlas show`: print what is in an atlas."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from attnviz.cli import io
from attnviz.cli.atlas import lookup
from attnviz.linguistics.atlas.header import FORMAT
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.claim_text import named
from attnviz.linguistics.probe_report import method


def run(chosen: argparse.Namespace) -> None:
    """Print model, weights, rule, corpora, relations, habits and probes of one atlas."""
    atlas = lookup.by_name(chosen.atlas)
    if chosen.format == "json":
        io.show_json(_as_json(atlas))
    else:
        io.show_lines(_as_lines(atlas))


def corpora_json(atlas: Atlas) -> list[dict[str, Any]]:
    """Return the JSON fields of each corpus of an atlas."""
    return [
        {
            "kind": one.kind, "name": one.name, "files": [{"name": name, "sha256": digest} for name, digest in one.files],
            "source": one.source, "licence": one.licence, "texts": one.texts, "used": one.used,
            "left_out": dict(one.left_out),
        }
        for one in atlas.header.corpora
    ]  # fmt: skip


def _relations(atlas: Atlas) -> list[dict[str, Any]]:
    """Return every relation with its number of links in each direction, the most frequent first."""
    counts = atlas.relations
    rows = [{"relation": one, "dh": counts[one, "dh"], "hd": counts[one, "hd"]} for one in atlas.names]
    return sorted(rows, key=lambda row: -max(row["dh"], row["hd"]))


def _as_json(atlas: Atlas) -> dict[str, Any]:
    head = atlas.header
    return {
        "model": head.model, "file": atlas.file.name, "format": FORMAT, "digest": head.digest,
        "note": lookup.weights_warning(atlas), "layers": head.layers, "heads": head.heads, "causal": head.causal,
        "rule": head.rule, "corpora": corpora_json(atlas), "relations": _relations(atlas), "questions": atlas.kinds,
        "habits": list(head.habits), "meaning": {"texts": list(head.likened[0]), "words": list(head.likened[1])},
        "probes": None if head.probes is None else asdict(head.probes),
    }  # fmt: skip


def _as_lines(atlas: Atlas) -> list[str]:
    head = atlas.header
    reads = "reads from left to right" if head.causal else "reads both ways"
    note = lookup.weights_warning(atlas)
    title = head.model if named(head.model) == head.model else f"{named(head.model)} ({head.model})"
    lines = [
        f"{title}: {head.layers} layers with {head.heads} heads, {reads}",
        f"file       {atlas.file.name}, format {FORMAT}",
        f"weights    sha256 {head.digest}",
        *([f"           {note}"] if note else []),
        f"rule       {head.rule}",
        "",
    ]
    for one in head.corpora:
        lines.append(f"{one.name}: {one.used:,} of {one.texts:,} texts measured; {one.licence}; {one.source}")
        lines += [f"    {file}  sha256 {digest}" for file, digest in one.files]
        lines += [f"    left out: {many:,} {reason}" for reason, many in one.left_out]
    rows = _relations(atlas)
    width = max([len("relation"), *(len(row["relation"]) for row in rows)])
    lines += ["", f"{'relation':<{width}}  {'dh':>7}  {'hd':>7}   dh: the dependent looks at its head; hd: the head at it"]
    lines += [f"{row['relation']:<{width}}  {row['dh']:>7,}  {row['hd']:>7,}" for row in rows]
    questions = ", ".join(f"{kind} {n:,}" for kind, n in atlas.kinds.items())
    texts, words = head.likened
    return [
        *lines, "", f"questions  {questions or 'none'}", f"habits     {', '.join(head.habits) or 'none'}",
        f"meaning    {sum(words):,} words of {sum(texts):,} texts", f"probes     {_probes(atlas)}",
    ]  # fmt: skip


def _probes(atlas: Atlas) -> str:
    """Return which probes there are, or why there are none."""
    facts = atlas.header.probes
    if facts is None:
        return "missing: this atlas was built before there were any; build it again"
    return f"missing: {facts.missing}" if facts.missing else f"{', '.join(facts.names)}. {method(atlas)}"
