"""`attnviz …` on the command line: arguments in, files or lines out. Bad input ends with its message and exit code 2."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from attnviz import charset
from attnviz.cli import app, atlas, claims, io, models, roles, serve
from attnviz.errors import AttnvizError, BadInputError, OutputError
from attnviz.figures import provenance as provenances
from attnviz.types import AttentionRequest, HeadRef, Keep
from attnviz.view_state import BETWEEN, SPECIAL, ViewOptions

BAD_INPUT, OUR_FAULT = 2, 1
FORMATS = ("json", "csv", "npz", "html", "svg", "pdf", "png")
BINARY = ("npz", "pdf", "png")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for bad input (message only), 1 for a fault of ours."""
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
    except BrokenPipeError:  # the reader of our output closed it, e.g. `| head`
        io.abandon()
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    from attnviz import __version__

    parser = argparse.ArgumentParser(
        prog="attnviz", description="See every attention head of a real transformer on a text of your own."
    )
    parser.add_argument("--version", action="version", version=f"attnviz {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    models.add(commands)

    attend = commands.add_parser("attend", help="the attention weights of one head on a text")
    attend.add_argument("text", metavar="TEXT", help="the text, or - to read it from standard input")
    attend.add_argument("--text-b", metavar="T", help="a second sentence, or the target text of an encoder-decoder")
    attend.add_argument("--chat", action="store_true", help="the text as a user's message inside the model's chat template")
    attend.add_argument(
        "--model", default="minilm", metavar="M", help="a model of the catalogue, or a folder such as ./my-model"
    )
    attend.add_argument("--layer", type=int, metavar="N", help="counted from 0 (default: the head the model opens with)")
    attend.add_argument("--head", type=int, metavar="N", help="counted from 0")
    attend.add_argument("--block", metavar="B", help="encoder, decoder or cross, for models that have them")
    attend.add_argument("--words", action="store_true", help="by words instead of tokens")
    attend.add_argument(
        "--special", choices=SPECIAL, default="show", help="special tokens: shown, hidden, or hidden and rows rescaled"
    )
    attend.add_argument(
        "--keep",
        metavar="RULE",
        help="of a row only weights of at least 0.1 (least:0.1), the 3 largest (top:3), or the largest up to 0.9 (mass:0.9)",
    )
    attend.add_argument("--between", metavar="A-B", help=f"of two texts, only how one looks at one: {', '.join(BETWEEN[1:])}")
    attend.add_argument("--format", choices=FORMATS, default="json")
    attend.add_argument("-o", "--output", metavar="FILE", help="where to write (default: standard output)")
    attend.set_defaults(run=_attend)
    app.add(commands)
    roles.add(commands)
    claims.add(commands)
    atlas.add(commands)
    serve.add(commands)
    return parser


def _attend(chosen: argparse.Namespace) -> None:
    """One head's weights, in the format asked for."""
    from attnviz.settings import Settings
    from attnviz.text import checked

    most = Settings.from_env().max_bytes
    text = checked(io.text(chosen.text, most), most)
    text_b = None if chosen.text_b is None else charset.argument(chosen.text_b, "--text-b")
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
        raise BadInputError("--between chooses from two texts, and here is one. Give the other with --text-b, or leave it out.")
    source = provenances.provenance(card, trace, head, options)
    io.write(export.exported(kind, export.ExportItem(trace, view.pattern(trace, head, options), source)), chosen.output)
