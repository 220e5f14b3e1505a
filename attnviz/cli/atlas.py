"""`attnviz atlas build …`: an atlas file of corpora, and its best heads. The other actions of `atlas` are added here."""

from __future__ import annotations

import argparse
import sys
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnviz.cli import atlas_compare, atlas_show, atlas_top, io
from attnviz.errors import BadInputError
from attnviz.progress import ProgressEvent
from attnviz.types import ModelCard

if TYPE_CHECKING:
    from attnviz.linguistics.atlas.reader import Atlas
    from attnviz.linguistics.atlas.workers import Crew
    from attnviz.linguistics.claims import Best
    from attnviz.linguistics.habit_report import Leaning

KINDS = ("conllu", "gap", "winogender", "toml")
SHOWN = 20  # broken lines that are told one by one
WIDTH = 30  # of the progress bar


def add(commands: Any) -> None:
    """`atlas` with its actions among the commands."""
    atlas = commands.add_parser("atlas", help="measure every head of a model on annotated texts")
    inner = atlas.add_subparsers(dest="action", metavar="ACTION", required=True)
    build = inner.add_parser("build", help="write an atlas: which head is right on which link")
    build.add_argument(
        "--model", default="minilm", metavar="M", help="a model of the catalogue, or a folder such as ./my-model"
    )
    build.add_argument("--conllu", nargs="+", action="extend", default=[], metavar="FILE", help="sentences with dependencies")
    build.add_argument("--gap", nargs="+", action="extend", default=[], metavar="FILE", help="pronouns, as GAP writes them")
    build.add_argument("--winogender", nargs="+", action="extend", default=[], metavar="FILE", help="Winogender's sentences")
    build.add_argument("--toml", nargs="+", action="extend", default=[], metavar="FILE", help="sentences of your own")
    build.add_argument("-o", "--output", required=True, metavar="FILE", help="where to write; FILE.parts is kept meanwhile")
    build.add_argument("--format", choices=("text", "json"), default="text", help="how the best heads are shown")
    build.add_argument("--strict", action="store_true", help="stop at the first line that cannot be read")
    build.add_argument("--workers", type=int, default=1, metavar="N", help="processes, each with the model and one thread")
    build.add_argument(
        "--control", action=argparse.BooleanOptionalAction, default=True,
        help="measure an untrained twin too, with random weights; takes about as long again",
    )  # fmt: skip
    build.add_argument("--ray", action="store_true", help="spread over processes or machines by Ray Data, if installed")
    build.set_defaults(run=run)
    for one in (atlas_show, atlas_top, atlas_compare):
        one.add(inner)


def run(chosen: argparse.Namespace) -> None:
    """Builds the atlas, then says which head is best at what."""
    from attnviz.linguistics import corpora
    from attnviz.linguistics.atlas.build import build
    from attnviz.linguistics.atlas.chunks import Source

    if not 1 <= chosen.workers <= 256:
        raise BadInputError(f"--workers is a whole number from 1 to 256; got {chosen.workers}. Correct it.")
    card, told = io.card(chosen.model), _Told()
    sources = [Source.of(kind, files) for kind in KINDS if (files := getattr(chosen, kind))]
    crew = _crew(card, chosen, told)
    try:
        built = build(card, crew, sources, Path(chosen.output), told, corpora.strict if chosen.strict else told.broken)
    finally:
        crew.close()
        told.end()
    print(f"attnviz: {built.chunks} batches, {built.found} of them found finished; {chosen.output}", file=sys.stderr)
    from attnviz.linguistics.atlas import reader

    summary(reader.read(chosen.output), chosen.format)


def _crew(card: ModelCard, chosen: argparse.Namespace, told: _Told) -> Crew:
    """Who measures: this process, several, or Ray's."""
    from attnviz.linguistics.atlas import workers as crew
    from attnviz.settings import Settings

    settings = Settings.from_env()
    if chosen.ray:
        from attnviz.linguistics.atlas.ray_workers import Spread

        return Spread(card, settings, chosen.workers, control=chosen.control)
    if chosen.workers > 1:
        return crew.Processes(card, settings, chosen.workers, control=chosen.control)
    return crew.Alone(crew.meter(card, settings, told, control=chosen.control))


def summary(known: Atlas, form: str) -> None:
    """Which head is best at what, on standard output: chosen on the even half of the texts, counted on the odd one."""
    from attnviz.linguistics import claim_text, claims, habit_report

    best, leaning = claims.table(known), habit_report.leanings(known)
    if form == "json":
        found = {
            "model": known.model,
            "corpora": atlas_show.corpora(known),
            "relations": [
                {"relation": one.relation, "direction": one.direction} | _numbers(one) for one in best if one.direction
            ],
            "coreference": {one.relation: _numbers(one) for one in best if not one.direction},
            "habits": {one.key: _habit(one) for one in leaning},
            "probes": atlas_top.probes(known),
        }
        io.show_json(found)
        return
    lines = []
    for corpus in known.header.corpora:
        lines.append(f"{corpus.name}: {corpus.used:,} of {corpus.texts:,} texts measured")
        lines += [f"    left out: {many:,} {reason}" for reason, many in corpus.left_out]
    lines += ["", "The best head of each relation on the even texts, counted on the odd ones:", ""]
    lines += [f"{'relation':<18} {'head':<8} {'n':>6}  {'rate':>6}  {'95 % interval':<15}  strongest baseline"]
    lines += [_line(one) for one in best]
    for one in best:
        if one.p_corrected is not None:
            again = "Both halves hold wordings of the same sentences; corrected for the choice among all heads"
            lines.append(f"{one.relation}: {again}, {claim_text.chance(one.p_corrected)}.")
    lines += ["", "Habits, means over all texts: the head that has most of each, and all heads on average:", ""]
    lines += [f"{'habit':<26} {'head':<8} {'mean':>6}  {'all heads':>9}"]
    lines += [_habit_line(one) for one in leaning]
    io.show_lines([*lines, "", *atlas_top.probe_lines(known)])


def _numbers(one: Best) -> dict[str, Any]:
    """The counts of a best head as JSON has them."""
    found, (rule, rate) = one.evidence, one.evidence.baseline
    return {
        "n": found.n, "head": [one.head.layer, one.head.head], "rate": found.rate, "interval": list(found.interval),
        "baseline": rate, "baseline_name": rule, "groups": found.groups, "beats": one.beats, "ceiling": found.ceiling,
        "points_interval": [None if isnan(end) else end for end in one.interval],
        "control": None if one.control is None else {
            "head": [one.control.head.layer, one.control.head.head], "rate": one.control.evidence.rate,
            "interval": list(one.control.evidence.interval),
        },
    }  # fmt: skip


def _line(one: Best) -> str:
    """The same as a line of the table."""
    found, (rule, rate) = one.evidence, one.evidence.baseline
    span = f"{100 * found.interval[0]:.1f} to {100 * found.interval[1]:.1f}"
    name = f"{one.relation} {one.direction}"
    untrained = "" if one.control is None else f"; untrained {100 * one.control.evidence.rate:.1f}"
    most = f"; at most {100 * found.ceiling:.1f} possible" if found.ceiling < 1.0 else ""
    beside = f"{rule} {100 * rate:.1f}{untrained}{most}"
    return f"{name:<18} {one.head!s:<8} {found.n:>6,}  {100 * found.rate:>6.1f}  {span:<15}  {beside}"


def _habit(one: Leaning) -> dict[str, Any]:
    """A habit, or the liking for meaning, as JSON has it."""
    numbers = {
        "head": [one.head.layer, one.head.head],
        "value": one.value,
        "mean": one.mean,
        "unit": one.scores.unit,
        "n": one.n,
    }
    told = one.held_out
    halves = {} if told is None else {"interval": list(told.interval), "texts": told.texts, "chosen_on": "the even half"}
    return numbers | {"counted": one.counted, "shuffled": one.baseline} | halves


def _habit_line(one: Leaning) -> str:
    """The same as a line of the table."""
    told = one.held_out
    beside = "" if told is None else (
        f"  {told.interval[0]:.3f} to {told.interval[1]:.3f} on the odd texts, chosen on the even ones; "
        f"words shuffled {round(told.shuffled, 3) + 0.0:.3f}"  # + 0.0: never -0.000
    )  # fmt: skip
    unit = "  bits" if one.scores.unit == "bits" else ""
    return f"{one.name:<26} {one.head!s:<8} {one.value:>6.3f}  {one.mean:>9.3f}{unit}{beside}"


class _Told:
    """Progress on standard error: a bar that moves in a terminal, a line every tenth elsewhere."""

    def __init__(self) -> None:
        self._open, self._tenth, self._faults = False, 0, 0

    def __call__(self, event: ProgressEvent) -> None:
        if event.kind != "progress":
            self._line(event.message)
        elif sys.stderr.isatty():
            full = int(event.share * WIDTH)
            print(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {event.message}", end="", file=sys.stderr, flush=True)
            self._open = True
        elif int(event.share * 10) > self._tenth:
            self._tenth = int(event.share * 10)
            self._line(event.message)

    def broken(self, line: Any) -> None:
        """A line that cannot be read, told unless there were many."""
        self._faults += 1
        if self._faults <= SHOWN:
            self._line(str(line))

    def end(self) -> None:
        """After the last line."""
        if self._faults > SHOWN:
            self._line(f"{self._faults - SHOWN:,} more lines cannot be read.")
        self._closed()

    def _line(self, line: str) -> None:
        """A line of its own."""
        self._closed()
        print(f"attnviz: {line}", file=sys.stderr, flush=True)

    def _closed(self) -> None:
        """The bar ends before anything else is written."""
        if self._open:
            print(file=sys.stderr)
            self._open = False
