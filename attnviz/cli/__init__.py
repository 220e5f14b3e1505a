"""Run the command line, `attnviz …`: commands, exit codes, and `attend`. Bad input ends with a message and exit code 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from attnviz import charset
from attnviz.cli import app, atlas, claims, io, lesson, models, options, rank, roles, serve, tally
from attnviz.errors import AttnvizError, BadInputError, OutputError
from attnviz.figures.provenance import provenance
from attnviz.types import AttentionRequest, HeadRef, Keep
from attnviz.view_state import BETWEEN, ViewOptions

BAD_INPUT, OUR_FAULT = 2, 1
FORMATS = ("json", "csv", "npz", "html", "svg", "pdf", "png")
BINARY = ("npz", "pdf", "png")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code: 0, 2 for bad input (message only), 1 for a fault of ours."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.command is None:
        parser.print_help()
        return 0
    try:
        chosen.run(chosen)
    except BadInputError as error:
        print(f"attnviz: {error}", file=sys.stderr)
        return BAD_INPUT
    except AttnvizError as error:
        print(f"attnviz: {error}", file=sys.stderr)
        return OUR_FAULT
    except BrokenPipeError:  # the program that reads our output closed it, e.g. `| head`
        io.abandon()
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    """Return the parser of all commands and their options."""
    from attnviz import __version__

    parser = argparse.ArgumentParser(
        prog="attnviz", description="See every attention head of a real transformer on your own text."
    )
    parser.add_argument("--version", action="version", version=f"attnviz {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    models.add(commands)

    attend = commands.add_parser("attend", help="print the attention weights of one head on a text")
    options.add_text(attend)
    options.add_second_text(attend)
    options.add_chat(attend)
    options.add_model(attend)
    attend.add_argument("--layer", type=int, metavar="N", help="counted from 0 (default: the model's default head)")
    attend.add_argument("--head", type=int, metavar="N", help="counted from 0")
    options.add_block(attend)
    attend.add_argument("--words", action="store_true", help="show words instead of tokens")
    options.add_special(attend)
    attend.add_argument(
        "--keep",
        metavar="RULE",
        help="keep in each row only weights from 0.1 (least:0.1), the 3 largest (top:3), or the largest up to 0.9 (mass:0.9)",
    )
    attend.add_argument(
        "--between", metavar="A-B", help=f"with two texts, only attention from one to one of them: {', '.join(BETWEEN[1:])}"
    )
    attend.add_argument("--format", choices=FORMATS, default="json")
    options.add_output(attend)
    attend.set_defaults(run=_attend)
    app.add(commands)
    roles.add(commands)
    rank.add(commands)
    claims.add(commands)
    tally.add(commands)
    lesson.add(commands)
    atlas.add(commands)
    serve.add(commands)
    return parser


def _attend(chosen: argparse.Namespace) -> None:
    """Write one head's weights in the format that was chosen."""
    text = io.checked_text(chosen.text)
    text_b = None if chosen.text_b is None else charset.decode_argument(chosen.text_b, "--text-b")
    from attnviz import export
    from attnviz.analysis import filters, view

    kind = chosen.format
    if kind in BINARY and chosen.output is None and sys.stdout and sys.stdout.isatty():
        raise OutputError(
            f"{kind.upper()} is binary and is not written to a terminal. Name a file with -o, e.g. -o head.{kind}."
        )
    keep = None if chosen.keep is None else Keep.parse(chosen.keep)
    options = ViewOptions(chosen.words, chosen.special, keep, chosen.between or "")
    card = io.card(chosen.model)
    trace = io.attended(card, AttentionRequest(card.id, text, text_b, chosen.chat))
    head = HeadRef(
        card.head[0] if chosen.layer is None else chosen.layer,
        card.head[1] if chosen.head is None else chosen.head,
        trace.blocks[0] if chosen.block is None else chosen.block,
    )
    if options.between and not filters.paired(*view.sides(trace.block(head.block), options)):
        raise BadInputError("--between needs two texts; got one. Give the other with --text-b, or leave --between out.")
    source = provenance(card, trace, head, options)
    io.write(export.exported(kind, export.ExportItem(trace, view.pattern(trace, head, options), source)), chosen.output)
