"""The prose of a lesson: a subset of Markdown that can only show text, lists, tables, code, formulas and links into the app.

A lesson may come from a stranger, so what is allowed is listed and everything else is named with its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST_FORMULA = 500  # characters
MOST_FORMULAS = 40  # in one step
DEEPEST = 12  # braces within braces
ALLOWED = frozenset(
    "paragraph inline text softbreak hardbreak em strong s code_inline code_block fence bullet_list ordered_list list_item "
    "blockquote heading hr table thead tbody tr th td link text_special math".split()
)
FORBIDDEN = {
    "html_block": "A lesson has no HTML; write it as text, or in a code block",
    "html_inline": "A lesson has no HTML; write it as text, or in `backticks`",
    "image": "A lesson shows pictures of the app only; open one with a view, not with an image",
}
# What KaTeX knows and a lesson may use; a macro could grow without end, and a link or a colour could pretend to be the page.
COMMANDS = frozenset(
    "frac tfrac dfrac sqrt sum prod int lim max min arg log ln exp sin cos tan cdot times div pm mp le leq ge geq ne neq "
    "approx equiv sim propto in notin subset cup cap forall exists infty partial nabla to rightarrow leftarrow mapsto "
    "Rightarrow alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau phi "
    "varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega mathrm mathbf mathit mathsf mathtt mathbb "
    "mathcal text textbf textit operatorname left right big Big bigl bigr Bigl Bigr langle rangle lVert rVert lvert rvert "
    "Vert vert lfloor rfloor lceil rceil top bot hat bar vec tilde overline underline overbrace underbrace begin end quad "
    "qquad ldots cdots vdots ddots dots colon mid ell prime odot oplus otimes softmax circ star".split()
)
ENVIRONMENTS = frozenset("matrix pmatrix bmatrix vmatrix cases aligned array".split())
_CODE = re.compile(r"(`+)(?:(?!`).)(?:.*?(?:(?!`).))??\1(?!`)", re.DOTALL)
_FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$]+?\$", re.DOTALL)
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{([^}]*)\}")
Problem = tuple[int, str]  # a line, counted from 0, and what is wrong there


def reader() -> MarkdownIt:
    """Return a parser of Markdown with tables; HTML is found as such, so that it can be refused."""
    found = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found.validateLink = lambda url: True  # every address is found as a link, and then checked here
    return found


def problems(tokens: Sequence[Token], link: Callable[[str], str]) -> Iterator[Problem]:
    """Yield what a lesson's prose may not have, by lines from 0. `link` returns why an address cannot be used, "" if it can."""
    formulas = 0
    for token, line in _flat(tokens):
        kind = re.sub(r"_(open|close)$", "", token.type)
        if kind in FORBIDDEN:
            yield line, FORBIDDEN[kind] + "."
        elif kind not in ALLOWED:
            yield line, f"A lesson's prose has paragraphs, lists, tables, quotes, code, formulas and links; not {kind}."
        if token.type == "link_open" and (fault := link(str(token.attrs.get("href", "")))):
            yield line, fault
        if token.type == "heading_open" and token.tag in ("h1", "h2"):
            yield line, "Within a step, headings have three marks or more: ### Like this."
        if token.type == "inline":
            text = _CODE.sub("", token.content)
            formulas += len(_FORMULA.findall(text))
            for fault in _formula_faults(text):
                yield line, fault
    if formulas > MOST_FORMULAS:
        yield 0, f"A step has at most {MOST_FORMULAS} formulas; this one has {formulas}. Divide it."


def _flat(tokens: Sequence[Token], line: int = 0) -> Iterator[tuple[Token, int]]:
    """Yield tokens and those inside them, each with the line where it starts."""
    for token in tokens:
        line = token.map[0] if token.map else line
        yield token, line
        inside = line
        for child in token.children or ():
            yield child, inside
            inside += child.type in ("softbreak", "hardbreak")


def _formula_faults(text: str) -> Iterator[str]:
    """Yield what formulas may not have. Every command counts: another reader may see a formula begin elsewhere."""
    for formula in _FORMULA.findall(text):
        if len(formula) > LONGEST_FORMULA:
            yield f"A formula has at most {LONGEST_FORMULA} characters; this one has {len(formula):,}. Divide it."
        if max(_depths(formula)) > DEEPEST:
            yield f"A formula has braces at most {DEEPEST} deep. Divide it."
    if "$" not in text:
        return
    for name in dict.fromkeys(_COMMAND.findall(text)):
        if name not in COMMANDS:
            yield f"A formula may not use \\{name[:30]}. Write it with plain commands such as \\frac, \\sqrt, \\mathrm."
    for name in dict.fromkeys(_ENVIRONMENT.findall(text)):
        if name not in ENVIRONMENTS:
            yield f"A formula has the environments {', '.join(sorted(ENVIRONMENTS))}; not {name[:30]!r}."


def _depths(formula: str) -> Iterator[int]:
    """Yield how deep the braces are, character by character."""
    depth = 0
    yield depth
    for character in formula:
        depth += {"{": 1, "}": -1}.get(character, 0)
        yield depth
