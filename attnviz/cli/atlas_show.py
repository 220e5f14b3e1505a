"""`attnviz atlas show`: what an atlas holds; and how all actions that read an atlas find it by a model or a file."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnviz.cli import io
from attnviz.errors import BadInputError
from attnviz.types import joined, quoted

if TYPE_CHECKING:
    from attnviz.linguistics.atlas.reader import Atlas

ATLAS = "a model that an atlas is shipped for, or a file that `attnviz atlas build` wrote"


def add(actions: Any) -> None:
    """`show` among the actions of `atlas`."""
    show = actions.add_parser("show", help="what an atlas holds: model, weights, corpora, rule, relations with counts")
    show.add_argument("atlas", nargs="?", default="minilm", metavar="ATLAS", help=f"{ATLAS} (default: minilm)")
    show.add_argument("--format", choices=("text", "json"), default="text")
    show.set_defaults(run=_run)


def named(name: str) -> Atlas:
    """The atlas shipped for a model of the catalogue, or the one in a file; BadInputError says what to name instead."""
    from attnviz.linguistics.atlas import reader
    from attnviz.models import catalog

    ids = [card.id for card in catalog.cards()]
    if name in ids:
        found = reader.shipped(name)
        if found is None:
            raise BadInputError(
                f"An atlas is shipped for {joined(shipped())}, and none for {quoted(name)}. Build one with `attnviz atlas "
                f"build --model {name} --conllu FILE --gap FILE -o FILE`, then name that file."
            )
        return found
    path = os.path.expanduser(name)
    if os.path.isdir(path):
        raise BadInputError(
            f"An atlas is one file; {quoted(name)} is a folder. Measure a model's folder with `attnviz atlas build --model "
            "FOLDER --conllu FILE -o FILE`, then name that file."
        )
    if os.path.isfile(path):
        return reader.read(path)
    if os.sep in name or name.startswith(("~", ".")) or Path(name).suffix:
        return reader.read(name)  # says that there is no such file
    near = reader.nearest(name, ids)
    raise BadInputError(
        f"An atlas is {ATLAS}; {quoted(name)} is neither.{near} Shipped are those of {joined(shipped())}."
    )  # fmt: skip


def shipped() -> tuple[str, ...]:
    """The models that an atlas is shipped for; one that cannot be read is not named, since naming it helps nothing."""
    from attnviz.linguistics.atlas import reader
    from attnviz.models import catalog

    found = []
    for card in catalog.cards():
        try:
            found += [card.id] if reader.shipped(card.id) else []
        except BadInputError:
            continue
    return tuple(found)


def other_weights(found: Atlas) -> str:
    """A sentence where an atlas is of other weights than the catalogue names for its model; "" where it is not, or unknown."""
    from attnviz.errors import UnknownModelError
    from attnviz.models import catalog

    try:
        pins = [digest for _, digest in catalog.card(found.model).sha256]
    except UnknownModelError:
        return ""
    if not pins or found.header.digest in pins:
        return ""
    return (
        f"Counted on other weights than those that attnviz brings as {found.model}: sha256 {found.header.digest[:12]}…, not "
        f"{pins[0][:12]}…. It says nothing about the heads of the latter."
    )


def corpora(found: Atlas) -> list[dict[str, Any]]:
    """The corpora of an atlas as JSON has them."""
    return [
        {
            "kind": one.kind, "name": one.name, "files": [{"name": name, "sha256": digest} for name, digest in one.files],
            "source": one.source, "licence": one.licence, "texts": one.texts, "used": one.used,
            "left_out": dict(one.left_out),
        }
        for one in found.header.corpora
    ]  # fmt: skip


def _run(chosen: argparse.Namespace) -> None:
    """What one atlas holds."""
    found = named(chosen.atlas)
    if chosen.format == "json":
        io.show_json(_as_json(found))
    else:
        io.show_lines(_lines(found))


def _relations(found: Atlas) -> list[dict[str, Any]]:
    """Every relation with how many links there are each way, the commonest first."""
    counts = found.relations
    rows = [{"relation": one, "dh": counts[one, "dh"], "hd": counts[one, "hd"]} for one in found.names]
    return sorted(rows, key=lambda row: -max(row["dh"], row["hd"]))


def _as_json(found: Atlas) -> dict[str, Any]:
    """An atlas's facts as JSON has them."""
    from dataclasses import asdict

    from attnviz.linguistics.atlas.header import FORMAT

    head = found.header
    return {
        "model": head.model, "file": found.file.name, "format": FORMAT, "digest": head.digest, "note": other_weights(found),
        "layers": head.layers, "heads": head.heads, "causal": head.causal, "rule": head.rule, "corpora": corpora(found),
        "relations": _relations(found), "questions": found.kinds, "habits": list(head.habits),
        "meaning": {"texts": list(head.likened[0]), "words": list(head.likened[1])},
        "probes": None if head.probes is None else asdict(head.probes),
    }  # fmt: skip


def _lines(found: Atlas) -> list[str]:
    """The same as lines."""
    from attnviz.linguistics.atlas.header import FORMAT
    from attnviz.linguistics.claim_text import named as name

    head = found.header
    reads = "reads from left to right" if head.causal else "reads both ways"
    note = other_weights(found)
    title = head.model if name(head.model) == head.model else f"{name(head.model)} ({head.model})"
    lines = [
        f"{title}: {head.layers} layers with {head.heads} heads, {reads}",
        f"file       {found.file.name}, format {FORMAT}",
        f"weights    sha256 {head.digest}",
        *([f"           {note}"] if note else []),
        f"rule       {head.rule}",
        "",
    ]
    for one in head.corpora:
        lines.append(f"{one.name}: {one.used:,} of {one.texts:,} texts measured; {one.licence}; {one.source}")
        lines += [f"    {file}  sha256 {digest}" for file, digest in one.files]
        lines += [f"    left out: {many:,} {reason}" for reason, many in one.left_out]
    rows = _relations(found)
    width = max([len("relation"), *(len(row["relation"]) for row in rows)])
    lines += ["", f"{'relation':<{width}}  {'dh':>7}  {'hd':>7}   dh: the dependent looks at its head; hd: the head at it"]
    lines += [f"{row['relation']:<{width}}  {row['dh']:>7,}  {row['hd']:>7,}" for row in rows]
    asked = ", ".join(f"{kind} {n:,}" for kind, n in found.kinds.items())
    texts, words = head.likened
    return [
        *lines, "", f"questions  {asked or 'none'}", f"habits     {', '.join(head.habits) or 'none'}",
        f"meaning    {sum(words):,} words of {sum(texts):,} texts", f"probes     {_probes(found)}",
    ]  # fmt: skip


def _probes(found: Atlas) -> str:
    """Which probes there are, or why there are none."""
    from attnviz.linguistics.probe_report import method

    facts = found.header.probes
    if facts is None:
        return "missing: this atlas was built before there were any; build it anew"
    return f"missing: {facts.missing}" if facts.missing else f"{', '.join(facts.names)}. {method(found)}"
