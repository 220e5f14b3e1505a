"""Explain grammatical labels in plain words, and map each to the corpus's relation with the same meaning."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

from attnviz import charset
from attnviz.errors import BadInputError
from attnviz.types import joined, quoted

CORPUS, PARSER = "corpus", "parser"
SCHEMES = {CORPUS: "Universal Dependencies", PARSER: "the parser’s own (ClearNLP)"}
FITS = ("same", "part", "none")
UNCOUNTED = frozenset({"root", "punct"})  # the rule leaves them out (Clark et al. 2019, section 4)


@dataclass(frozen=True)
class Relation:
    """One label of one scheme.

    `corpus` is the corpus's relation that means the same ("" if none does). `fit` says how well: the `same`; `part`,
    one of several things that the corpus counts together; `none`. `differs` says in a sentence what is not the same.
    """

    scheme: str
    name: str
    plain: str
    explains: str
    corpus: str
    fit: str
    differs: str = ""

    @property
    def counted(self) -> str:
        """The name under which its gold links are counted; "" if there are none.

        A subtype counts alone (`nmod:poss`), and a label that means the same as one without a subtype leaves the subtypes
        out (`nmod:`); where it is one of several things, all of them count (`advmod`). See `Atlas.counting`.
        """
        base, colon, _ = self.corpus.partition(":")
        if base in ("", *UNCOUNTED):
            return ""
        return f"{base}:" if self.fit == "same" and not colon else self.corpus

    @property
    def corpus_name(self) -> str:
        """The corpus's name for it, e.g. `UD obj`, `UD nmod:poss`, `in UD advmod` and `no UD counterpart`."""
        if not self.counted:
            return "no UD counterpart"
        return f"UD {self.corpus}" if self.fit == "same" else f"in UD {self.corpus}"


def relation(name: str, scheme: str) -> Relation:
    """Return the label `name` of a scheme, `corpus` or `parser`; an unknown subtype counts as the relation before its colon.

    Raises BadInputError, which lists the labels, for any other.
    """
    known = relations(scheme)
    if name in known:
        return known[name]
    found = known.get(name.partition(":")[0])
    if found is None:
        raise BadInputError(f"There is no relation {quoted(name)} in this scheme. It has: {', '.join(known)}.")
    return replace(found, name=name, corpus=name.removesuffix(":")) if scheme == CORPUS else found


@cache
def relations(scheme: str) -> Mapping[str, Relation]:
    """Return every label of a scheme by name, in the order of the file; raises BadInputError for an unknown scheme."""
    if scheme not in SCHEMES:
        raise BadInputError(f"A scheme is {joined(tuple(SCHEMES), 'or')}; got {quoted(scheme)}.")
    return {name: _relation(scheme, name, raw) for name, raw in _content()[scheme].items()}


def about(scheme: str) -> str:
    """Return notes on all labels of a scheme, in a few sentences."""
    return _content()["about"][scheme]


def _content() -> dict[str, Any]:
    """Read the file of all labels."""
    return tomllib.loads(charset.read(resources.files("attnviz").joinpath("content/relations.toml")))


def _relation(scheme: str, name: str, raw: dict[str, Any]) -> Relation:
    """Return one entry of the file."""
    corpus = name if scheme == CORPUS else raw.get("corpus", "")
    fit = "same" if scheme == CORPUS else raw.get("fit", "none")
    return Relation(scheme, name, raw["plain"], raw["explains"], corpus, fit, raw.get("differs", ""))
