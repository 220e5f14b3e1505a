"""What a grammatical label means in plain words, and which relation of the corpus means the same."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from attnviz.errors import BadInputError
from attnviz.types import joined, quoted

CORPUS, PARSER = "corpus", "parser"
SCHEMES = {CORPUS: "Universal Dependencies", PARSER: "the parser’s own (ClearNLP)"}
FITS = ("same", "part", "none")
UNCOUNTED = frozenset({"root", "punct"})  # the rule leaves them out (Clark et al. 2019, section 4)


@dataclass(frozen=True)
class Relation:
    """One label of one scheme.

    `corpus` is the corpus's relation that means the same ("" where none does). `fit` says how well: the `same`; `part`,
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
    def gold(self) -> bool:
        """Whether gold links of it are counted anywhere."""
        return self.corpus.partition(":")[0] not in ("", *UNCOUNTED)

    def counted(self, names: Collection[str]) -> str:
        """Under which of these names gold links of it are counted; "" where they are under none.

        `nmod:poss` under that very name, `nmod` under `nmod:`, which leaves the subtypes out; where the texts have no such
        subtype, or none at all, under the name without one.
        """
        base, colon, _ = self.corpus.partition(":")
        if not self.gold:
            return ""
        exact = self.corpus if colon or self.fit != "same" else f"{base}:"
        return next((name for name in (exact, base) if name in names), "")

    def twin(self, names: Collection[str] | None = None) -> str:
        """What the corpus calls it, e.g. `UD obj`, `in UD case`, `no UD twin`.

        `names` are those under which links are counted, where that is known: it says “in” too where only a name is counted
        that has others beside.
        """
        if not self.gold:
            return "no UD twin"
        counted = self.corpus if names is None else (self.counted(names).removesuffix(":") or self.corpus)
        return f"UD {counted}" if self.fit == "same" and counted == self.corpus else f"in UD {counted}"


def relation(name: str, scheme: str) -> Relation:
    """The label `name` of a scheme, `corpus` or `parser`; an unknown subtype is explained as the relation before its colon.

    Raises BadInputError for any other label, and lists those that there are.
    """
    known = relations(scheme)
    found = known.get(name) or known.get(name.partition(":")[0])
    if found is None:
        raise BadInputError(f"There is no relation {quoted(name)} in this scheme. It has: {', '.join(known)}.")
    return found


@cache
def relations(scheme: str) -> Mapping[str, Relation]:
    """Every label of a scheme by name, in the order of the file; raises BadInputError for a scheme that there is not."""
    if scheme not in SCHEMES:
        raise BadInputError(f"A scheme is {joined(tuple(SCHEMES), 'or')}; got {quoted(scheme)}.")
    return {name: _relation(scheme, name, raw) for name, raw in _content()[scheme].items()}


def about(scheme: str) -> str:
    """What holds for all labels of a scheme, in a few sentences."""
    return _content()["about"][scheme]


def _content() -> dict[str, Any]:
    """The file of all labels."""
    return tomllib.loads(resources.files("attnviz").joinpath("content/relations.toml").read_text("utf-8"))


def _relation(scheme: str, name: str, raw: dict[str, Any]) -> Relation:
    """One entry of the file."""
    corpus = name if scheme == CORPUS else raw.get("corpus", "")
    fit = "same" if scheme == CORPUS else raw.get("fit", "none")
    return Relation(scheme, name, raw["plain"], raw["explains"], corpus, fit, raw.get("differs", ""))
