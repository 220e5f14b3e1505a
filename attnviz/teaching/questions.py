"""Questions of a lesson: how one is asked, which numbers decide it, and which answers are right.

A question names a measure (a number that the model gives) and leaves one part of it open: the answer fills that part. So no
answer is written down: `weight` with a head and a query, and the key left open, asks for a word; with the head left open, for
a head. `form` is how the reader answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from attnviz.errors import BadInputError
from attnviz.lessons import examples
from attnviz.teaching import arithmetic
from attnviz.types import HeadRef, ModelCard, joined, quoted

LONGEST = 600  # characters of what is asked or explained
OPTIONS = (2, 8)  # how many a question may offer
TIED = 0.005  # measures as near as that are equal: half of the last digit that pages show


@dataclass(frozen=True)
class Form:
    """A way to answer: `open`: the parts that an answer may fill, "" for none; `options`: whether the question lists some."""

    name: str
    title: str
    open: tuple[str, ...]
    options: bool = False


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        one.name: one
        for one in (
            Form("token", "pick a word", ("key", "query")),
            Form("head", "pick a head", ("head",)),
            Form("link", "draw a link", ("link",)),
            Form("one", "choose one", ("key", "query", "head", "relation", "text"), options=True),
            Form("several", "choose all that fit", ("key", "query", "head", "relation", "text"), options=True),
            Form("order", "put in order", ("key", "query", "head", "relation", "text"), options=True),
            Form("yesno", "yes or no", ("",)),
            Form("number", "estimate a number", ("",)),
            Form("claim", "make a claim about a head", ("claim",)),
            Form("free", "write in your own words", ("",)),
        )
    }
)
# What each measure needs to be a number; the open part is one of these. `link` is query and key together.
MEASURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "weight": ("head", "query", "key"),
        "difference": ("head", "query", "key"),
        "received": ("head", "key"),
        "entropy": ("head", "query"),
        "distance": ("head", "query"),
        "tokens": ("text",),
        "hit rate": ("head", "relation"),
        "arithmetic": ("expression",),
    }
)
RIGHT = ("largest", "smallest")
SPECIAL = re.compile(r"\[[A-Z]+\]|<[^<>\s]+>")  # names of special tokens, such as [CLS] and <s>
DIRECTIONS = ("dh", "hd")
KEYS = frozenset(
    "form ask explain text model measure head query key relation expression direction options right above below within top "
    "special".split()
)


@dataclass(frozen=True)
class Rule:
    """Which values are right: the `largest` or `smallest` (the best `top`), or those `above` or `below` a bound."""

    kind: str = "largest"
    bound: float = 0.0
    top: int = 1


@dataclass(frozen=True)
class LessonQuestion:
    """A question, checked as far as that is possible without the model's numbers.

    `given` are the parts of the measure that the question fills: heads, words as character spans of `text`, special tokens by
    name, an expression by its value. `open` is
    the part that the answer fills. `options` are as the author wrote them, `within` is how near a number must be.
    """

    form: str
    ask: str
    model: str
    text: str
    measure: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    open: str = ""
    options: tuple[str, ...] = ()
    rule: Rule = Rule()
    within: float = 0.0
    special: bool = False
    explain: str = ""


def question(table: Mapping[str, Any], text: str, card: ModelCard, cards: Mapping[str, ModelCard]) -> LessonQuestion:
    """Return the question of a lesson's table; `text` and `card` are those of its step, where the table names no others.

    Raises BadInputError with rule, value and remedy.
    """
    if unknown := sorted(set(table) - KEYS):
        raise BadInputError(f"A question has no {quoted(unknown[0])}. It may have {', '.join(sorted(KEYS))}.")
    form = FORMS.get(_text(table, "form", ""))
    if form is None:
        raise BadInputError(f"A question's form is one of {', '.join(FORMS)}; got {quoted(str(table.get('form', '')))}.")
    ask, explain = _text(table, "ask"), _text(table, "explain", "")
    text = _text(table, "text", text, longest=4_000)
    model = _text(table, "model", card.id)
    if model not in cards:
        raise BadInputError(f"There is no model {quoted(model)}. Choose one of {', '.join(cards)}.")
    card = cards[model]
    base = LessonQuestion(form.name, ask, model, text, explain=explain, special=_flag(table, "special"))
    if form.name == "free":
        return _only(table, base, ())
    if form.name == "claim":
        return _only(table, base, ())
    return _measured(table, form, base, card)


def _measured(table: Mapping[str, Any], form: Form, base: LessonQuestion, card: ModelCard) -> LessonQuestion:
    """Return a question whose right answer is decided by a measure."""
    measure = _text(table, "measure")
    if measure not in MEASURES:
        raise BadInputError(f"A measure is one of {', '.join(MEASURES)}; got {quoted(measure)}.")
    needs = MEASURES[measure]
    named = [part for part in needs if part in table]
    missing = [part for part in needs if part not in table and part != "text"]
    if measure == "tokens":
        missing = ["text"] if form.options else []
    wrong = [part for part in ("head", "query", "key", "relation", "expression") if part in table and part not in needs]
    if wrong:
        raise BadInputError(f"The measure {quoted(measure)} has no {wrong[0]}; it has {joined(needs)}. Leave it out.")
    opened = "link" if sorted(missing) == ["key", "query"] else missing[0] if len(missing) == 1 else ""
    if opened not in form.open or (missing and not opened):
        raise BadInputError(
            f"With the form {quoted(form.name)}, {_wanted(form)}; here {joined(missing) or 'nothing'} is left open. "
            f"{measure.capitalize()} needs {joined(needs)}, and the question names {joined(named) or 'none of them'}."
        )
    direction = _text(table, "direction", "dh")
    if direction not in DIRECTIONS:
        raise BadInputError(f"A direction is dh (from the dependent to its head) or hd (back); got {quoted(direction)}.")
    given: dict[str, Any] = {part: _part(part, _text(table, part), base.text, card) for part in named if part != "text"}
    if "relation" in needs:
        given["direction"] = direction
    options = _options(table, form, opened, base.text, card)
    rule, within = _rule(table, form)
    allowed = {*needs, "measure", "options", "right", "above", "below", "top", "within", "direction", "special"}
    return _only(table, LessonQuestion(
        base.form, base.ask, base.model, base.text, measure, MappingProxyType(given), opened, options, rule, within,
        base.special, base.explain,
    ), allowed)  # fmt: skip


def _only(table: Mapping[str, Any], found: LessonQuestion, more: Sequence[str] | set[str]) -> LessonQuestion:
    """Return the question, unless its table has keys that its form does not use."""
    if extra := sorted(set(table) - {"form", "ask", "explain", "text", "model", *more}):
        raise BadInputError(f"A question of the form {quoted(found.form)} does not use {quoted(extra[0])}. Leave it out.")
    return found


def _wanted(form: Form) -> str:
    """Return in words which part a form leaves open."""
    names = {"link": "query and key are left open together", "": "everything is named"}
    if form.open in (("",), ("link",)):
        return names[form.open[0]]
    return f"exactly one of {joined(form.open)} is left open"


def _part(name: str, value: str, text: str, card: ModelCard) -> Any:
    """Return a given part: a head of the model, a word's span in the text, or a relation's name."""
    try:
        return _read_part(name, value, text, card)
    except BadInputError as error:
        raise BadInputError(f"{quoted(name)} cannot be used: {error}") from error


def _read_part(name: str, value: str, text: str, card: ModelCard) -> Any:
    """Return a given part; raises BadInputError with what is wrong with the value."""
    if name == "head":
        head = HeadRef.parse(value, card.blocks[0])
        if head.layer >= card.layers or head.head >= card.heads:
            raise BadInputError(
                f"{card.name} has layers 0 to {card.layers - 1} with heads 0 to {card.heads - 1}; there is no {head}."
            )
        return head
    if name == "expression":
        return arithmetic.value(value)
    if name == "relation" or SPECIAL.fullmatch(value):
        return value
    return examples.span(text, value)


def _options(table: Mapping[str, Any], form: Form, opened: str, text: str, card: ModelCard) -> tuple[str, ...]:
    """Return the options that a question lists; each is a head, a word of the text, or a text."""
    written = table.get("options", [])
    if not isinstance(written, list) or not all(isinstance(one, str) for one in written):
        raise BadInputError(f'Options are a list of texts; got {quoted(str(written))}. Write options = ["a", "b"].')
    if not form.options:
        if written:
            raise BadInputError(f"The form {quoted(form.name)} lists no options. Leave them out, or use the form one.")
        return ()
    low, high = OPTIONS
    if not low <= len(written) <= high or len(set(written)) < len(written):
        raise BadInputError(f"A question has {low} to {high} different options; got {len(written)}.")
    for one in written:
        if opened == "text":
            _bounded("An option", one)
        else:
            _part(opened, one, text, card)
    return tuple(written)


def _rule(table: Mapping[str, Any], form: Form) -> tuple[Rule, float]:
    """Return which values are right, and for a number how near it must be."""
    named = [name for name in ("right", "above", "below") if name in table]
    if form.name == "number":
        if named:
            raise BadInputError(f"A number is right within a distance; {quoted(named[0])} is not used. Write within = 0.1.")
        within = _number(table, "within")
        if not 0 < within < float("inf"):
            raise BadInputError(f"“within” is above 0; got {within:g}.")
        return Rule(), within
    if "within" in table:
        raise BadInputError(f"“within” is for the form number; got it for {quoted(form.name)}. Leave it out.")
    if len(named) != 1:
        raise BadInputError(
            f"A question says which values are right by one of right, above and below; got {joined(named) or 'none'}. "
            'Write right = "largest" or above = 0.5.'
        )
    top = table.get("top", 1)
    if not isinstance(top, int) or isinstance(top, bool) or not 1 <= top <= 20:
        raise BadInputError(f"“top” is a whole number from 1 to 20; got {quoted(str(top))}.")
    if named == ["right"]:
        kind = _text(table, "right")
        if kind not in RIGHT:
            raise BadInputError(f"“right” is {joined(RIGHT, 'or')}; got {quoted(kind)}.")
        if form.name in ("yesno", "several"):
            raise BadInputError(f"The form {quoted(form.name)} needs a bound: above = 0.5, or below = 0.5.")
        return Rule(kind, top=top), 0.0
    if form.name == "order":
        raise BadInputError('The form “order” goes by right = "largest" or right = "smallest", which comes first.')
    return Rule(named[0], _number(table, named[0])), 0.0


def _text(table: Mapping[str, Any], name: str, default: str | None = None, longest: int = LONGEST) -> str:
    """Return a text of the table; raises BadInputError if it is missing, empty or no text."""
    value = table.get(name, default)
    if value is None or (value == "" and default is None):
        raise BadInputError(f'A question needs {quoted(name)}. Write {name} = "…".')
    if not isinstance(value, str):
        raise BadInputError(f"{quoted(name)} is a text; got {type(value).__name__}. Put it in quotation marks.")
    return _bounded(quoted(name), value, longest)


def _bounded(what: str, value: str, longest: int = LONGEST) -> str:
    """Return a text, unless it is too long."""
    if len(value) > longest:
        raise BadInputError(f"{what} has at most {longest:,} characters; this one has {len(value):,}. Shorten it.")
    return value


def _number(table: Mapping[str, Any], name: str) -> float:
    """Return a number of the table."""
    value = table.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise BadInputError(f"{quoted(name)} is a number; got {quoted(str(value))}. Write {name} = 0.1.")
    return float(value)


def _flag(table: Mapping[str, Any], name: str) -> bool:
    """Return true or false of the table; false where it is missing."""
    value = table.get(name, False)
    if not isinstance(value, bool):
        raise BadInputError(f"{quoted(name)} is true or false; got {quoted(str(value))}.")
    return value
