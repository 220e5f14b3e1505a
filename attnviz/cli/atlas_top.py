"""`attnviz atlas top`: the best heads of a model by a relation, a habit or a probe, from its atlas, without a new build."""

from __future__ import annotations

import argparse
from math import isnan
from typing import TYPE_CHECKING, Any

from attnviz.cli import atlas_show, io
from attnviz.errors import BadInputError
from attnviz.types import Evidence, joined, quoted

if TYPE_CHECKING:
    from attnviz.linguistics.atlas.reader import Atlas
    from attnviz.linguistics.habit_report import Leaning
    from attnviz.linguistics.head_ranking import RankedHead, Top
    from attnviz.linguistics.probe_report import ProbeResult

SHOWN = 10  # heads, where -k does not say how many
WAYS = {
    "dh": "the dependent looks at its head",
    "hd": "the head looks at its dependent",
    "": "the pronoun looks at a candidate",
}


def add(actions: Any) -> None:
    """`top` among the actions of `atlas`."""
    top = actions.add_parser("top", help="the best heads by a relation, a habit or a probe; of none of them, of everything")
    top.add_argument("--model", metavar="M", help=f"{atlas_show.ATLAS} (default: minilm, or the atlas's own)")
    top.add_argument("--atlas", metavar="FILE", help="the same file, named as for `attnviz test-claim`")
    top.add_argument("--relation", metavar="R", help="e.g. det, nsubj, obj; or coreference, gap, winogender for pronouns")
    top.add_argument(
        "--direction", choices=("dh", "hd"), help="dh (default): the dependent looks at its head; hd: the head at it"
    )
    top.add_argument("--habit", metavar="H", help="e.g. previous, same, sink, entropy, meaning: means over ordinary texts")
    top.add_argument("--probe", metavar="P", help="induction, duplicate-token or previous-token, on repeated random tokens")
    top.add_argument("-k", metavar="N", help=f"how many heads (default: {SHOWN})")
    top.add_argument("--format", choices=("text", "json", "csv"), default="text")
    top.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> None:
    """The best heads by what was asked."""
    found = _found(chosen.model, chosen.atlas)
    asked = [name for name in ("relation", "habit", "probe") if getattr(chosen, name) is not None]
    if len(asked) > 1:
        raise BadInputError(f"One thing is ranked at a time; got --{' and --'.join(asked)}. Leave all but one out.")
    if chosen.direction and asked != ["relation"]:
        raise BadInputError(
            f"--direction belongs to a --relation; got {chosen.direction} without one. Name one, or leave it out."
        )
    if note := atlas_show.other_weights(found):
        io.say(note)
    if not asked:
        _everything(found, chosen)
        return
    many, form = _many(chosen.k), chosen.format
    if asked == ["relation"]:
        _relation(found, chosen.relation, chosen.direction or "dh", many, form)
    elif asked == ["habit"]:
        _habit(found, chosen.habit, many, form)
    else:
        _probe(found, chosen.probe, many, form)


def _found(model: str | None, file: str | None) -> Atlas:
    """The atlas that both options name; BadInputError where they name two."""
    if file is None:
        return atlas_show.named(model or "minilm")
    from attnviz.linguistics.atlas import reader

    found = reader.read(file)
    if model not in (None, found.model):
        raise BadInputError(
            f"An atlas answers for its own model; {quoted(file)} is of {quoted(found.model)}, and --model says "
            f"{quoted(model or '')}. Leave --model out, or name another atlas."
        )
    return found


def _many(written: str | None) -> int:
    """How many heads -k asks for; more than there are is all of them."""
    if written is None:
        return SHOWN
    written = written.strip()
    if not written.isascii() or not written.isdigit() or not written.strip("0"):
        raise BadInputError(f"-k is a whole number from 1; got {quoted(written)}. Leave it out for the best {SHOWN} heads.")
    return int(written[:9]) if len(written) < 10 else 10**9


def _everything(found: Atlas, chosen: argparse.Namespace) -> None:
    """The best head of everything, as `atlas build` shows it at its end."""
    from attnviz.cli import atlas as cli_atlas

    if chosen.k is not None or chosen.format == "csv":
        option = "-k counts" if chosen.k is not None else "--format csv lists"
        raise BadInputError(
            f"{option} heads by one thing, and nothing was named to rank them by. Add --relation, --habit or --probe, e.g. "
            "--relation obj."
        )
    cli_atlas.summary(found, chosen.format)


def evidence(found: Evidence) -> dict[str, Any]:
    """Counts as JSON has them."""
    rate = None if isnan(found.rate) else found.rate
    numbers = {"hits": found.hits, "n": found.n, "rate": rate, "interval": list(found.interval)}
    return numbers | {"baselines": dict(found.baselines), "groups": found.groups, "ceiling": found.ceiling}


def span(found: Evidence) -> str:
    """A rate with its interval, in percent, `74.0 (70.3 to 77.5)`."""
    low, high = found.interval
    return f"{100 * found.rate:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def ranked(one: RankedHead) -> dict[str, Any]:
    """A ranked head as JSON has it: what is reported, and the half that it was chosen on."""
    return {
        "rank": one.rank, "layer": one.head.layer, "head": one.head.head, **evidence(one.evidence), "points": one.points,
        "points_interval": [None if isnan(end) else end for end in one.interval], "p_corrected": one.p_corrected,
        "beats": one.beats, "chosen_on": evidence(one.chosen_on),
    }  # fmt: skip


def _relation(found: Atlas, relation: str, direction: str, many: int, form: str) -> None:
    """The heads by one kind of link."""
    from attnviz.linguistics.head_ranking import top

    made = top(found, relation, direction)
    some, words = made.heads[:many], _words(found, made)
    if form == "text":
        io.show_lines(_table(found, made, many, words))
        return
    facts = {"model": found.model, "relation": made.relation, "direction": made.direction or None}
    if form == "json":
        io.show_json(
            facts | {
                "offset": made.offset, "pooled": dict(made.pooled), "control": _control(made), "held_out": made.held_out,
                "halves_share_sentences": made.shared,
                "all_heads": len(made.heads), "source": some[0].evidence.source if some else "", "says": words,
                "heads": [ranked(one) for one in some],
            }
        )  # fmt: skip
        return
    rules = [name for name, _ in some[0].evidence.baselines] if some else []
    rows = [
        facts | ranked(one) | {"interval_low": one.evidence.interval[0], "interval_high": one.evidence.interval[1]}
        | dict(zip(("points_low", "points_high"), ranked(one)["points_interval"], strict=True))
        | {"chosen_hits": one.chosen_on.hits, "chosen_n": one.chosen_on.n}
        | {f"baseline_{name}": rate for name, rate in one.evidence.baselines}
        for one in some
    ]  # fmt: skip
    io.show_csv(
        rows,
        ["model", "relation", "direction", "rank", "layer", "head", "chosen_hits", "chosen_n", "hits", "n", "rate",
         "interval_low", "interval_high", *(f"baseline_{name}" for name in rules), "points", "points_low",
         "points_high", "p_corrected"],
    )  # fmt: skip


def _control(made: Top) -> dict[str, Any] | None:
    """The best head of the untrained twin as JSON has it."""
    if made.control is None:
        return None
    return {"layer": made.control.head.layer, "head": made.control.head.head, **evidence(made.control.evidence)}


def _table(found: Atlas, made: Top, many: int, words: list[str]) -> list[str]:
    """The heads as lines."""
    from attnviz.linguistics.claim_text import chance, named, signed

    title = f"{made.relation} {made.direction}".rstrip()
    if not made.heads:
        return [f"{title} in {named(found.model)}: {WAYS[made.direction]}.", *words]
    best, some = made.heads[0], made.heads[:many]
    rules = ", ".join(
        f"{f'fixed offset {signed(made.offset)}' if name == 'offset' and made.offset is not None else name} {100 * rate:.1f} %"
        for name, rate in best.evidence.baselines
    )
    lines = [f"{title} in {named(found.model)}: {WAYS[made.direction]} ({best.evidence.source})", ""]
    lines += [
        f"{'rank':>4}  {'head':<8}  {'chosen on':>14}  {'reported':>14}  {'rate, %':<22}  {'lead in points':<23}  corrected"
    ]
    for one in some:
        counts = [f"{half.hits:,} of {half.n:,}" for half in (one.chosen_on, one.evidence)]
        ends = "" if isnan(one.interval[0]) else "({:+.1f} to {:+.1f})".format(*one.interval)
        lead = f"{one.points:+.1f} {ends}"
        lines.append(
            f"{one.rank:>4}  {one.head!s:<8}  {counts[0]:>14}  {counts[1]:>14}  {span(one.evidence):<22}  {lead:<23}  "
            f"{chance(one.p_corrected)}"
        )
    left = len(made.heads) - len(some)
    lines += [f"and {left} more heads (-k {len(made.heads)} shows all)"] if left else []
    return [*lines, "", f"Rules that read nothing, on the same {best.evidence.n:,}: {rules}.", *words]


def _words(found: Atlas, made: Top) -> list[str]:
    """What must be known of these numbers."""
    from attnviz.linguistics.claim_text import CAUTION, WORDINGS, control, share
    from attnviz.linguistics.claims import ENOUGH

    if not made.heads:
        back = "hd" if made.direction == "dh" else "dh"
        why = " (the model reads from left to right: only earlier words are seen)" if found.header.causal else ""
        other = f" Try --direction {back}, which has {made.other_way:,}." if made.other_way else ""
        return [f"No such links were counted{why}, so nothing can be said about any head.{other}"]
    all_heads, n = len(made.heads), made.heads[0].evidence.independent
    half = (
        "Heads are ranked by the texts with an even number and reported on those with an odd one"
        if made.held_out
        else "Only one half of the texts has such links: heads are ranked and reported on the same ones, and look too good"
    )
    seen = "links to an earlier word" if made.direction else "pronouns behind both candidates"
    most, together = made.heads[0].evidence.ceiling, joined(tuple(f"{name} {many:,}" for name, many in made.pooled.items()))
    return [
        f"{half}. Leads are over the strongest rule on the same ones, by sentences; p is corrected for all {all_heads} heads "
        "(Holm).",
        *([f"Subtypes are counted together: {together}. Name one to rank it alone."] if together else []),
        *(
            [f"No head can be right in more than {share(most)}: some of these look the same to the model."]
            if most < 1.0
            else []
        ),
        *([control(made.control, all_heads)] if made.control is not None else []),
        *([WORDINGS] if made.shared else []),
        *([f"{n:,} are fewer than {ENOUGH}: too few to say anything about a head."] if n < ENOUGH else []),
        *([f"The model reads from left to right: only {seen} are counted."] if found.header.causal else []),
        CAUTION,
    ]


def _habit(found: Atlas, name: str, many: int, form: str) -> None:
    """The heads by one habit."""
    from attnviz.linguistics import habit_report
    from attnviz.linguistics.atlas.reader import nearest
    from attnviz.linguistics.probes.habits import RENAMED

    known = {one.key: one for one in habit_report.leanings(found)}
    key = RENAMED.get(name, name)
    if key != name:
        io.say(f"The habit {name} is called {key} now, after what it counts; --probe induction measures induction.")
    if key not in known:
        left = ", ".join(habit_report.missing(found))
        none = f" This model has none of: {left}." if left else ""
        raise BadInputError(
            f"A habit is one that this atlas measured; got {quoted(name)}.{nearest(key, list(known))}{none} "
            f"There are {joined(tuple(known)) or 'none'}."
        )
    one = known[key]
    rows = [_habit_row(found, one, at, head) for at, head in enumerate(one.order[:many], 1)]
    facts = {"model": found.model, "habit": one.key}
    if form == "csv":
        io.show_csv([facts | row for row in rows], [*facts, *rows[0]])
        return
    halves = (
        "Heads are ranked and reported on the same texts"
        if one.even is None
        else "Heads are ranked by the texts with an even number and reported on those with an odd one"
    )
    n = f"{one.n:,} {one.counted}"
    if form == "json":
        io.show_json(
            facts | {
                "name": one.name, "says": one.says, "unit": one.scores.unit, "least": one.least, "n": one.n,
                "counted": one.counted, "mean": one.mean,
                "chosen_on": "the same texts" if one.even is None else "the even half", "all_heads": len(one.order),
                "heads": rows,
            }
        )  # fmt: skip
        return
    lines = [f"{one.name} in {found.model}: {one.says}", "", *_columns(rows)]
    left = len(one.order) - len(rows)
    lines += [f"and {left} more heads (-k {len(one.order)} shows all)"] if left else []
    io.show_lines([*lines, "", f"All heads on average: {one.mean:.3f}. Means over {n}. {halves}."])


def _habit_row(found: Atlas, one: Leaning, at: int, head: Any) -> dict[str, Any]:
    """One head's habit."""
    from attnviz.linguistics.similarity_report import followed

    row = {"rank": at, "layer": head.layer, "head": head.head, "value": one.at(head)}
    told = followed(found, head) if one.even is not None else None
    if one.even is None or told is None:
        return row
    low, high = told.interval
    return row | {
        "interval_low": low, "interval_high": high, "shuffled": told.shuffled,
        "chosen_value": float(one.even.values[head.layer, head.head]),
    }  # fmt: skip


def _probe(found: Atlas, key: str, many: int, form: str) -> None:
    """The heads by one probe."""
    from attnviz.linguistics import probe_report

    one = probe_report.result(found, key)
    rows = [_probe_row(one, head) for head in one.order[:many]]
    facts = {"model": found.model, "probe": one.key}
    if form == "csv":
        io.show_csv([facts | row for row in rows], [*facts, *rows[0]])
        return
    words = probe_words(found, one)
    if form == "json":
        io.show_json(facts | _probe_facts(one) | {"says_of_it": words, "all_heads": len(one.order), "heads": rows})
        return
    lines = [f"{one.name} probe in {found.model}: {one.says} ({one.source})", "", *_columns(rows)]
    left = len(one.order) - len(rows)
    lines += [f"and {left} more heads (-k {len(one.order)} shows all)"] if left else []
    io.show_lines([*lines, "", *words])


def _probe_facts(one: ProbeResult) -> dict[str, Any]:
    """What JSON says of one probe beside its heads."""
    return {
        "name": one.name, "says": one.says, "source": one.source, "even_look": one.even_look, "role": one.role or None,
        "earned": [[head.layer, head.head] for head in one.earned], "sequences": list(one.sequences),
    }  # fmt: skip


def _probe_row(one: ProbeResult, head: Any) -> dict[str, Any]:
    """One head's score."""
    low, high = one.interval(head)
    return {
        "rank": one.rank(head), "layer": head.layer, "head": head.head, "score": one.at(head), "interval_low": low,
        "interval_high": high, "chosen_score": float(one.even[head.layer, head.head]), "earned": head in one.earned,
    }  # fmt: skip


def probes(found: Atlas) -> dict[str, Any]:
    """All probes as the summary in JSON has them: the best head of each, or why there are none."""
    from attnviz.linguistics import probe_report

    try:
        every = probe_report.results(found)
    except BadInputError as error:
        return {"missing": str(error)}
    return {one.key: _probe_facts(one) | {"best": _probe_row(one, one.head)} for one in every}


def probe_lines(found: Atlas) -> list[str]:
    """The same as lines."""
    from attnviz.linguistics import probe_report

    try:
        every = probe_report.results(found)
    except BadInputError as error:
        return [str(error)]
    lines = [f"Probes on random tokens that are repeated. {probe_report.method(found)}", ""]
    lines += [f"{'probe':<18} {'head':<8} {'score':>6}  {'95 % interval':<15}  {'even look':>9}  heads that earn the name"]
    for one in every:
        low, high = one.interval(one.head)
        lines.append(
            f"{one.name:<18} {one.head!s:<8} {one.at(one.head):>6.3f}  {f'{low:.3f} to {high:.3f}':<15}  "
            f"{one.even_look:>9.3f}  {_earned(one)}"
        )
    return [*lines, *([] if found.header.causal else [probe_report.ENCODER])]


def probe_words(found: Atlas, one: ProbeResult) -> list[str]:
    """What must be known of a probe's numbers."""
    from attnviz.linguistics import probe_report

    bar = "where more than half of its attention goes there, its interval included"
    named = [f"A head earns the name “{one.role}” {bar}: {_earned(one)}."] if one.role else [probe_report.ENCODER]
    return [f"An even look scores {one.even_look:.3f}. {probe_report.method(found)}", *named]


def _earned(one: ProbeResult) -> str:
    """The heads that earn the name, as a list."""
    return ", ".join(map(str, one.earned)) or ("none" if one.role else "no such name in this kind of model")


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """Rows of numbers as lines, with layer and head as one name."""
    from attnviz.types import HeadRef

    names = [name for name in rows[0] if name not in ("rank", "layer", "head")]
    titles = {"interval_low": "95 % from", "interval_high": "to", "chosen_value": "chosen on", "chosen_score": "chosen on"}
    lines = [f"{'rank':>4}  {'head':<8}" + "".join(f"  {titles.get(name, name):>9}" for name in names)]
    for row in rows:
        cells = [f"{value:.3f}" if isinstance(value := row[name], float) else {True: "yes", False: ""}[value] for name in names]
        lines.append(f"{row['rank']:>4}  {HeadRef(row['layer'], row['head'])!s:<8}" + "".join(f"  {cell:>9}" for cell in cells))
    return lines
