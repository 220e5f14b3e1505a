"""`attnviz …` on the command line: arguments in, files or lines out. Bad input ends with its message and exit code 2."""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from attnviz.errors import AttnvizError, BadInputError, OutputError
from attnviz.types import BETWEEN, SPECIAL, AttentionRequest, HeadRef, Keep, ModelCard, ViewOptions

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
        _abandon_output()
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

    models = commands.add_parser("models", help="list the models and where each one's weights are")
    models.add_argument("--format", choices=("text", "json"), default="text")
    models.set_defaults(run=_models)

    attend = commands.add_parser("attend", help="the attention weights of one head on a text")
    attend.add_argument("text", metavar="TEXT", help="the text, or - to read it from standard input")
    attend.add_argument("--text-b", metavar="T", help="a second sentence, or the target text of an encoder-decoder")
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
    return parser


def _models(chosen: argparse.Namespace) -> None:
    """The catalogue, and where each model's weights are."""
    from attnviz.models import catalog, places
    from attnviz.settings import Settings

    settings = Settings.from_env()
    rows = [(card, places.place(card, settings)) for card in catalog.cards()]
    if chosen.format == "json":
        listed = [
            {
                "id": card.id, "name": card.name, "kind": card.kind, "layers": card.layers, "heads": card.heads,
                "max_tokens": card.max_tokens,
                "licence": card.licence, "source": card.source, "quantised": card.quantised,
                "weights": {"kind": place.kind, "path": str(place.path) if place.path else None, "remedy": place.remedy},
            }
            for card, place in rows
        ]  # fmt: skip
        _print(f"{json.dumps({'models': listed}, ensure_ascii=False, indent=2)}\n".encode())
        return
    for card, place in rows:
        where = str(place.path) if place.path else place.remedy
        line = f"{card.id:28} {card.kind:16} {card.layers:>2} layers x {card.heads:>2} heads   {place.kind:8} {where}\n"
        _print(f"{line}{'':28} {card.quantised}\n".encode() if card.quantised else line.encode())


def _attend(chosen: argparse.Namespace) -> None:
    """One head's weights, in the format asked for."""
    from attnviz.analysis import filters, view
    from attnviz.backends import open_backend
    from attnviz.figures import export
    from attnviz.settings import Settings

    text = _standard_input() if chosen.text == "-" else chosen.text
    kind = chosen.format
    if kind in BINARY and chosen.output is None and sys.stdout and sys.stdout.isatty():
        raise OutputError(
            f"{kind.upper()} is binary and is not written to a terminal. Name a file with -o, e.g. -o head.{kind}."
        )
    keep = None if chosen.keep is None else Keep.parse(chosen.keep)
    options = ViewOptions(chosen.words, chosen.special, keep, chosen.between or "")
    settings = Settings.from_env()
    card = _card(chosen.model)
    folders = (card,) if card.folder and not card.package else ()
    backend = open_backend(settings.backend, settings, lambda line: print(f"attnviz: {line}", file=sys.stderr), folders)
    trace = backend.attend(AttentionRequest(card.id, text, chosen.text_b))
    if trace.note:
        print(f"attnviz: {trace.note}", file=sys.stderr)
    head = HeadRef(
        card.head[0] if chosen.layer is None else chosen.layer,
        card.head[1] if chosen.head is None else chosen.head,
        trace.blocks[0] if chosen.block is None else chosen.block,
    )
    if options.between and not filters.paired(*view.sides(trace.block(head.block), options)):
        raise BadInputError("--between chooses from two texts, and here is one. Give the other with --text-b, or leave it out.")
    source = export.provenance(card, trace, head, options)
    _write(export.exported(kind, export.Exhibit(trace, view.pattern(trace, head, options), source)), chosen.output)


def _card(name: str) -> ModelCard:
    """The card of a catalogued model or of a local folder."""
    from attnviz.models import catalog, load

    return load.local_card(Path(name)) if name.startswith((".", "/", "~")) else catalog.card(name)


def _standard_input() -> str:
    """The text on standard input; bytes that are no UTF-8 are kept as lone surrogates, which the check of the text names."""
    content = sys.stdin.buffer.read() if sys.stdin else b""  # None where the caller closed it, as `<&-` does
    return content.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")


def _write(content: bytes, output: str | None) -> None:
    """To a file, or to standard output; OutputError says why a file cannot be written."""
    if output is None:
        _print(content)
        return
    try:
        Path(output).write_bytes(content)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else "no file may be called that"
        raise OutputError(
            f"“{output}” cannot be written ({reason}). Name another file with -o, in a folder that exists and has room."
        ) from error


def _print(content: bytes) -> None:
    """To standard output, at once; OutputError where it takes nothing more."""
    try:
        if sys.stdout is None:  # the caller closed it, as `>&-` does
            raise OSError(errno.EBADF, "it is closed")
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _abandon_output()
        raise OutputError(
            f"Standard output cannot be written ({error.strerror}). Send it to a file in a folder that has room."
        ) from error


def _abandon_output() -> None:
    """Send what is still on its way to standard output nowhere, so that the end of the process does not fail over it."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
