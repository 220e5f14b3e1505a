"""BibTeX entries of attnviz, of models and of annotated texts, for a paper that shows a figure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from importlib import resources

from attnviz import charset
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


def bibtex(*cards: ModelCard, data_sets: Sequence[str] = ()) -> str:
    """Return the entries: attnviz in its version, for each model what its card cites, or the model itself, and the data sets.

    `data_sets` are names of content/corpora.toml; others, which are the reader's own files, have no entry.
    """
    title = "attnviz: attention of pretrained transformers, head by head"
    own = _entry("software", "attnviz", {"author": "{attnviz contributors}", "title": title, "version": version("attnviz")})
    return "\n\n".join([own, *(_model(card) for card in dict.fromkeys(cards)), *_data_sets(data_sets)]) + "\n"


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
    return _entry("misc", _key(card.id), fields)


def _data_sets(names: Sequence[str]) -> list[str]:
    """Return the paper of each of these corpora that is known, with the corpus and its licence in a note."""
    listed = tomllib.loads(charset.read(resources.files("attnviz").joinpath("content/corpora.toml")))["corpus"]
    found = []
    for one in listed:
        if one["name"] in names:
            number = ARXIV.search(one["source"])
            fields = {"author": one["authors"], "title": one["title"], "year": str(one["year"])}
            fields |= {"eprint": number[1], "archiveprefix": "arXiv"} if number else {}
            fields |= {"url": one["url"]} if "url" in one else {}
            fields["note"] = f"Data set: {one['name']}, {one['licence']}"
            found.append(_entry("misc", _key(one["name"]), fields))
    return found


def _key(name: str) -> str:
    """Return a name as the key of an entry."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.") or "model"


def _entry(kind: str, key: str, fields: dict[str, str]) -> str:
    """Return one entry. A title is in two pairs of braces, so that its capitals stay; authors are ours."""
    lines = []
    for name, text in fields.items():
        safe = text if name == "author" else escaped(text)
        lines.append(f"  {name} = {{{{{safe}}}}}" if name == "title" else f"  {name} = {{{safe}}}")
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"
