"""`attnviz atlas …`: build an atlas file, show what it holds, rank heads by it, compare two. Only the options are here.

An action is imported when it runs: `attnviz --help` must not wait for what it needs.
"""

from __future__ import annotations

import argparse
from typing import Any

ATLAS = "a model with a shipped atlas, or a file that `attnviz atlas build` wrote"
HEADS = 10  # how many `top` lists without -k


def add(commands: Any) -> None:
    """Add `atlas` and its actions to the commands."""
    atlas = commands.add_parser("atlas", help="measure every head of a model on annotated texts")
    actions = atlas.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_build(actions)
    _add_show(actions)
    _add_top(actions)
    _add_compare(actions)


def _add_build(actions: Any) -> None:
    build = actions.add_parser("build", help="write an atlas: which head finds which links")
    build.add_argument(
        "--model", default="minilm", metavar="M", help="a model of the catalogue, or a folder such as ./my-model"
    )
    build.add_argument("--conllu", nargs="+", action="extend", default=[], metavar="FILE", help="sentences with dependencies")
    build.add_argument("--gap", nargs="+", action="extend", default=[], metavar="FILE", help="pronouns in GAP's format")
    build.add_argument("--winogender", nargs="+", action="extend", default=[], metavar="FILE", help="Winogender's sentences")
    build.add_argument("--toml", nargs="+", action="extend", default=[], metavar="FILE", help="your own sentences")
    build.add_argument(
        "-o", "--output", required=True, metavar="FILE", help="the file to write; until then, FILE.parts keeps finished parts"
    )
    build.add_argument("--format", choices=("text", "json"), default="text", help="format of the list of best heads")
    build.add_argument("--strict", action="store_true", help="stop at the first line that cannot be read")
    build.add_argument(
        "--workers", type=int, default=1, metavar="N", help="number of processes, each with the model and one thread"
    )
    build.add_argument(
        "--control", action=argparse.BooleanOptionalAction, default=True,
        help="also measure an untrained twin with random weights; doubles the time",
    )  # fmt: skip
    build.add_argument("--ray", action="store_true", help="use several processes or machines with Ray Data, if it is installed")
    build.set_defaults(run=_build)


def _add_show(actions: Any) -> None:
    show = actions.add_parser("show", help="show what an atlas contains: model, weights, corpora, rule, relations with counts")
    show.add_argument("atlas", nargs="?", default="minilm", metavar="ATLAS", help=f"{ATLAS} (default: minilm)")
    show.add_argument("--format", choices=("text", "json"), default="text")
    show.set_defaults(run=_show)


def _add_top(actions: Any) -> None:
    top = actions.add_parser(
        "top", help="list the best heads by a relation, a habit or a probe; without any of these, the best head of each"
    )
    top.add_argument("--model", metavar="M", help=f"{ATLAS} (default: minilm, or the atlas's own)")
    top.add_argument("--atlas", metavar="FILE", help="a file, as for `attnviz test-claim`")
    top.add_argument("--relation", metavar="R", help="e.g. det, nsubj, obj; or coreference, gap, winogender for pronouns")
    top.add_argument(
        "--direction", choices=("dh", "hd"), help="dh (default): the dependent looks at its head; hd: the head looks at it"
    )
    top.add_argument("--habit", metavar="H", help="e.g. previous, same, sink, entropy, meaning: means over ordinary texts")
    top.add_argument("--probe", metavar="P", help="induction, duplicate-token or previous-token, on repeated random tokens")
    top.add_argument("-k", metavar="N", help=f"number of heads (default: {HEADS})")
    top.add_argument("--format", choices=("text", "json", "csv"), default="text")
    top.set_defaults(run=_top)


def _add_compare(actions: Any) -> None:
    compare = actions.add_parser("compare", help="compare two atlases on the links that both counted")
    compare.add_argument("first", metavar="A", help=ATLAS)
    compare.add_argument("second", metavar="B", help="the same")
    compare.add_argument("--relation", metavar="R", help="one kind of link only, e.g. obj or gap (default: all)")
    compare.add_argument(
        "--direction",
        choices=("dh", "hd"),
        help="dh: the dependent looks at its head; hd: the head looks at it (default: both)",
    )
    compare.add_argument("--format", choices=("text", "json", "csv"), default="text")
    compare.set_defaults(run=_compare)


def _build(chosen: argparse.Namespace) -> None:
    from attnviz.cli.atlas import build

    build.run(chosen)


def _show(chosen: argparse.Namespace) -> None:
    from attnviz.cli.atlas import show

    show.run(chosen)


def _top(chosen: argparse.Namespace) -> None:
    from attnviz.cli.atlas import top

    top.run(chosen, HEADS)


def _compare(chosen: argparse.Namespace) -> None:
    from attnviz.cli.atlas import compare

    compare.run(chosen)
