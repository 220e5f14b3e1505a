"""`attnviz tally`: count on how many marked sentences one head looks at the right word."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING, Any

from attnviz.cli import io, options
from attnviz.cli.numbers import three
from attnviz.errors import BadInputError
from attnviz.progress import ProgressEvent
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, HeadRef, ModelCard

if TYPE_CHECKING:
    from attnviz.linguistics.corpora.types import BrokenLine
    from attnviz.linguistics.marked_sentences import MarkedSentence
    from attnviz.linguistics.tally import SentenceRow, Tally


def add(commands: Any) -> None:
    """Add the command and its options."""
    tally = commands.add_parser("tally", help="count on how many marked sentences one head looks at the right word")
    tally.add_argument(
        "file", metavar="FILE",
        help="a text file, one sentence a line: The *animal* didn't cross because [it] was tired; [the word that looks], "
        "*the right word*",
    )  # fmt: skip
    tally.add_argument("--head", required=True, metavar="H", help="the head, e.g. L3·H1 or 3.1, counted from 0")
    options.add_model(tally)
    tally.add_argument("--format", choices=("text", "json", "csv"), default="text")
    tally.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Print the result of every sentence and the count; lines that cannot be read go to standard error."""
    from attnviz.linguistics import tally as tallies
    from attnviz.linguistics import tally_table
    from attnviz.linguistics.marked_sentences import marked_sentences

    head = HeadRef.parse(chosen.head)
    card = io.card(chosen.model)
    broken: list[BrokenLine] = []
    found = marked_sentences(chosen.file, broken.append)
    for line in broken:
        io.note(io.printable(str(line)))
    if not found:
        raise BadInputError(f"A tally needs sentences, one a line; {chosen.file} has none that can be read. Write some.")
    made = tallies.tally(_rows(card, found), HeadRef(head.layer, head.head, card.blocks[0]), chosen.file)
    if chosen.format == "json":
        lines = [{"line": line.line, "reason": line.reason} for line in broken]
        facts = tally_table.facts(made, card.id, card.name)
        io.show_json(facts | {"sentences": tally_table.sentences(made), "broken": lines})
    elif chosen.format == "csv":
        io.show_csv(tally_table.rows(made), tally_table.COLUMNS)
    else:
        io.show_lines(_as_lines(card, made))


def _rows(card: ModelCard, sentences: tuple[MarkedSentence, ...]) -> tuple[SentenceRow, ...]:
    """Read every sentence that can be counted with the model; one that it cannot read is left out with its reason."""
    from attnviz.backends import open_backend
    from attnviz.linguistics.tally import SentenceRow, sentence_row

    settings = Settings.from_env()
    folders = (card,) if card.folder and not card.package else ()
    rows: list[SentenceRow] = []
    with closing(open_backend(settings.backend, settings, _report, folders)) as backend:
        for one in sentences:
            try:
                rows.append(
                    SentenceRow(one, reason=one.missing)
                    if one.missing
                    else sentence_row(one, backend.attend(AttentionRequest(card.id, one.text)))
                )
            except BadInputError as error:
                rows.append(SentenceRow(one, reason=str(error)))
    return tuple(rows)


def _report(event: ProgressEvent) -> None:
    """Print notices to standard error, but no progress: each sentence takes a fraction of a second."""
    if event.kind != "progress":
        io.report(event)


def _as_lines(card: ModelCard, made: Tally) -> list[str]:
    """Return the result, then one line for each sentence, then why sentences were left out."""
    from attnviz.linguistics import tally_text

    lines = [tally_text.sentence(made, card.name), ""]
    for one in made.results:
        start = f"line {one.sentence.line:>3}  {one.result:<11}"
        if one.result == "not counted":
            lines.append(f"{start}  {one.reason}: {one.sentence.text}")
            continue
        note = tally_text.assumed(one.sentence)
        lines.append(
            f"{start}  {tally_text.looks(one)} {three(one.weight)}, right word {three(one.right_weight)}: {one.sentence.text}"
            f"{f' ({note})' if note else ''}"
        )
    return lines
