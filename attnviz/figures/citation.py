"""BibTeX entries of attnviz and of a model, for a paper that shows a figure."""

from __future__ import annotations

import re

from attnviz.figures.provenance import version
from attnviz.models import catalog
from attnviz.types import ModelCard

SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}",
    "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
YEAR = re.compile(r"\b(?:19|20)\d\d\b")


def bibtex(*cards: ModelCard) -> str:
    """Return the entries: attnviz in its version, and for each model what its card cites, or the model itself."""
    title = "attnviz: attention of pretrained transformers, head by head"
    own = _entry("software", "attnviz", {"author": "{attnviz contributors}", "title": title, "version": version("attnviz")})
    return "\n\n".join([own, *(_model(card) for card in dict.fromkeys(cards))]) + "\n"


def escaped(text: str) -> str:
    """Return text in which no character is a command of TeX or ends a field; control characters become spaces.

    BibTeX counts braces even after a backslash, so they are written by name.
    """
    return "".join(SPECIAL.get(c, c if c.isprintable() else " ") for c in text)


def _model(card: ModelCard) -> str:
    """Return the paper that the card cites, with the model and where its weights are from in a note."""
    number, year, paper = ARXIV.search(card.source), YEAR.search(card.source), catalog.paper(card)
    fields = {"author": paper.authors} if paper else {}
    fields["title"] = paper.title if paper else card.name
    fields |= {"year": year[0]} if year else {}
    fields |= {"eprint": number[1], "archiveprefix": "arXiv"} if number else {}
    fields["note"] = f"Model: {card.name}" + (f", {card.hub}" if card.hub else "")
    return _entry("misc", re.sub(r"[^A-Za-z0-9.-]+", "-", card.id).strip("-.") or "model", fields)


def _entry(kind: str, key: str, fields: dict[str, str]) -> str:
    """Return one entry. A title is in two pairs of braces, so that its capitals stay; authors are ours."""
    lines = []
    for name, text in fields.items():
        safe = text if name == "author" else escaped(text)
        lines.append(f"  {name} = {{{{{safe}}}}}" if name == "title" else f"  {name} = {{{safe}}}")
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"
