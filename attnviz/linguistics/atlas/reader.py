"""Read an atlas file: which heads of a model were right on each link and question of some corpora.

The file is untrusted: `npz` and `header` check every size and value. Its members are read when first needed, then kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from math import ceil
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Integer

from attnviz.errors import BadInputError
from attnviz.linguistics import relations as labels
from attnviz.linguistics.atlas import npz
from attnviz.linguistics.atlas.header import MAX_HEADER, Corpus, FormatError, Header, header
from attnviz.linguistics.atlas.hits import Hits, unpacked
from attnviz.linguistics.atlas.kept import kept
from attnviz.linguistics.corpora.pronoun_tables import WORDINGS
from attnviz.linguistics.probes.dependencies import DIRECTIONS
from attnviz.linguistics.probes.habits import RENAMED
from attnviz.models import catalog
from attnviz.types import HeadScores, joined, quoted

ALL_QUESTIONS = "coreference"
LINKS = {
    "text": np.int32, "corpus": np.uint8, "relation": np.uint8, "direction": np.uint8, "offset": np.int16, "others": np.uint16,
    "context": np.int32,
}  # fmt: skip
QUESTIONS = {
    "text": np.int32, "corpus": np.uint8, "nearest": np.bool_, "answer": np.uint8, "mentioned": np.float32, "context": np.int32,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Atlas:
    """The measurements of every head of one model; `header` has the model, the rule and the corpora."""

    header: Header
    file: Traversable

    @property
    def model(self) -> str:
        """The model's id, or the folder that it was read from."""
        return self.header.model

    @cached_property
    def names(self) -> dict[str, tuple[str, ...]]:
        """Every relation with the labels that it counts.

        `nmod` counts all nmod, with and without a subtype; where the corpora have subtypes of it, `nmod:` counts those
        without one, and `nmod:poss` that subtype alone.
        """
        found: dict[str, tuple[str, ...]] = {}
        for base in dict.fromkeys(label.partition(":")[0] for label in self.header.relations):
            family = tuple(label for label in self.header.relations if label.partition(":")[0] == base)
            found[base] = family
            if family != (base,):
                found |= {label if ":" in label else f"{label}:": (label,) for label in family}
        return found

    @cached_property
    def relations(self) -> dict[tuple[str, str], int]:
        """How many links there are of each (relation, direction), the relations as `names` has them."""
        numbers = self._links["relation"].astype(int) * len(DIRECTIONS) + self._links["direction"]
        pairs = [(label, way) for label in self.header.relations for way in DIRECTIONS]
        single = dict(zip(pairs, np.bincount(numbers, minlength=len(pairs)).tolist(), strict=True))
        return {
            (name, way): sum(single[label, way] for label in labels)
            for name, labels in self.names.items()
            for way in DIRECTIONS
        }  # fmt: skip

    def pooled(self, relation: str, direction: str = "dh") -> dict[str, int]:
        """Return what a relation counts together, e.g. `nmod:` and `nmod:poss` for `nmod`, with counts; empty for others."""
        several = [name for name in self.names if len(self.names[relation]) > 1 and name.partition(":")[0] == relation]
        return {name: n for name in several if name != relation and (n := self.relations[name, direction])}

    @cached_property
    def kinds(self) -> dict[str, int]:
        """How many questions there are: of all corpora together (`coreference`), then of each kind that has any."""
        found = np.bincount(self._questions["corpus"], minlength=len(self.header.corpora)).tolist()
        numbers = {ALL_QUESTIONS: sum(found)} if sum(found) else {}
        for corpus, n in zip(self.header.corpora, found, strict=True):
            if n:
                numbers[corpus.kind] = numbers.get(corpus.kind, 0) + n
        return numbers

    def links(self, relation: str, direction: str = "dh") -> Hits:
        """Return the links of one relation, e.g. `nmod:poss`, seen from the dependent (`dh`) or its head (`hd`).

        Relations are those of `names`: one without a colon counts all its subtypes, one that ends with a colon none of them.
        Raises BadInputError, which lists those that are here, for any other relation or direction.
        """
        if direction not in DIRECTIONS:
            raise BadInputError(
                f"A direction is dh (dependent looks at head) or hd (head at dependent); got {quoted(direction)}."
            )
        return _links(self, self.name(relation), direction)

    def counting(self, counted: str) -> str:
        """The name that counts some links here (`Relation.counted`): the exact one, else its whole family; "" for none."""
        base = counted.partition(":")[0]
        return next((name for name in (counted, base) if name in self.names), "")

    def name(self, relation: str) -> str:
        """Return a relation as `names` has it: `obj:` is `obj` where no obj has a subtype. BadInputError for an unknown one."""
        plain = relation.removesuffix(":")
        if relation not in self.names and self.names.get(plain) == (plain,):
            return plain
        if relation not in self.names:
            raise BadInputError(self.unknown(relation))
        return relation

    def questions(self, kind: str = ALL_QUESTIONS) -> Hits:
        """The questions of one kind of corpus, e.g. `gap`, or all: a hit gives the right candidate more than the wrong one.

        Raises BadInputError, which lists the kinds that are here, for any other.
        """
        if kind not in self.kinds:
            raise BadInputError(self.unknown(kind))
        return _questions(self, kind)

    def corpora(self, hits: Hits) -> tuple[Corpus, ...]:
        """Return the corpora that some hits come from."""
        return tuple(self.header.corpora[int(at)] for at in np.unique(hits.corpus))

    def habit(self, name: str) -> HeadScores:
        """Return how much every head has one habit, e.g. `previous`: entropy in bits, others as a share. NaN: not measured."""
        names, name = self.header.habits, RENAMED.get(name, name)
        if name not in names:
            raise BadInputError(f"This atlas has no habit {quoted(name)}. It has {joined(names) or 'none'}.")
        values = self._habits[names.index(name)]
        if name != "entropy":
            return HeadScores(name, values, "share", 0.0, 1.0)
        most = float(np.nan_to_num(values).max())
        return HeadScores(name, values, "bits", 0.0, max(0.1, ceil(10 * most) / 10))  # a scale that ends on a round number

    @cached_property
    def meaning_by_half(self) -> Float[np.ndarray, "figure half kind layer head"]:
        """Figures: means, standard errors over texts; halves: even, odd; kinds: as it is, and with the words shuffled."""
        return self._array("meaning", np.float32, (2, 2, 2, self.header.layers, self.header.heads))

    @cached_property
    def probes(self) -> Float[np.ndarray, "figure half probe layer head"]:
        """Probes on random tokens. Figures: means, standard errors over sequences; halves: even, odd; probes: as in the header.

        Raises BadInputError, with the remedy, if this atlas has none.
        """
        facts = self.header.probes
        if facts is None:
            raise BadInputError(
                f"The probes of random tokens are missing in the atlas of {quoted(self.model)}: it was built before there were "
                "any. Build it again with `attnviz atlas build`."
            )
        if facts.missing:
            raise BadInputError(
                f"{quoted(self.model)} could not be probed with random tokens: {facts.missing}. Look at its habits on texts."
            )
        found = self._array("probes", np.float32, (2, 2, len(facts.names), self.header.layers, self.header.heads))
        if not (found >= 0.0).all() or not (found <= 1.001).all():  # means of weights and their errors; also where one is NaN
            raise npz.damaged_error(self.file, "probes outside of 0 to 1")
        return found

    def unknown(self, name: str) -> str:
        """Return the message for an unknown relation: a suggestion, then the known ones with their counts."""
        numbers = {one: max(self.relations[one, way] for way in DIRECTIONS) for one in self.names} | self.kinds
        listed = ", ".join(f"{one} ({n:,}{self._counts(one)})" for one, n in numbers.items() if n)
        listed = listed or "none"
        hint = self._counterpart(name) or nearest(name, [one for one, n in numbers.items() if n])
        return f"The atlas of {quoted(self.model)} counts no links called {quoted(name)}.{hint} It has: {listed}."

    def _counts(self, name: str) -> str:
        """Return what follows a name's count: whether it includes subtypes or leaves them out."""
        if len(self.names.get(name, ())) > 1:
            return ", with its subtypes"
        return ", without a subtype" if name.endswith(":") else ""

    def _counterpart(self, name: str) -> str:
        """Return a hint where such links are known elsewhere: as a subtype, or as a label of the parser."""
        parsed, cut = labels.relations(labels.PARSER).get(name), name.partition(":")[0]
        if cut in self.names:
            return f" These texts have none of that subtype; {cut} counts all that they have."
        if parsed is None:
            return ""
        if counted := self.counting(parsed.counted):
            return f" The parser's {name} is counted {'' if parsed.fit == 'same' else 'among others '}as {counted}."
        return f" The parser's {name} has no counterpart here. {parsed.differs}".rstrip()

    @cached_property
    def _links(self) -> dict[str, np.ndarray]:
        """All links as columns; `hits` still packed."""
        found = self._table("links", LINKS)
        self._below("relation", found["relation"], len(self.header.relations))
        self._below("direction", found["direction"], len(DIRECTIONS))
        if not found["others"].all():
            raise npz.damaged_error(self.file, "a link whose source sees no other word")
        return found

    @cached_property
    def _questions(self) -> dict[str, np.ndarray]:
        """All questions as columns; `hits` still packed."""
        found = self._table("questions", QUESTIONS)
        return found | {"nearest": found["nearest"].view(np.uint8) != 0}  # a byte from outside need not be 0 or 1

    @cached_property
    def control_links(self) -> Int[np.ndarray, "label direction half layer head"]:
        """Hits of the untrained twin by label, direction and half (even, odd). Raises BadInputError without a twin."""
        return self._control("links", (len(self.header.relations), len(DIRECTIONS)))

    @cached_property
    def control_questions(self) -> Int[np.ndarray, "corpus half layer head"]:
        """Hits of the untrained twin by corpus and half (even, odd). Raises BadInputError without a twin."""
        return self._control("questions", (len(self.header.corpora),))

    def _control(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return counts of the untrained twin."""
        return self._array(f"control.{name}", np.uint32, (*shape, 2, self.header.layers, self.header.heads)).astype(np.int64)

    @cached_property
    def _habits(self) -> Float[np.ndarray, "habit layer head"]:
        """Every habit."""
        return self._array("habits", np.float32, (len(self.header.habits), self.header.layers, self.header.heads))

    def _table(self, name: str, columns: Mapping[str, type]) -> dict[str, np.ndarray]:
        """Return columns of equal length, with the packed hits."""
        found: dict[str, np.ndarray] = {}
        length = None
        for column, dtype in columns.items():
            found[column] = self._array(f"{name}.{column}", dtype, (length,))
            length = len(found[column])
        found["hits"] = self._array(f"{name}.hits", np.uint8, (length, -(-self.header.layers * self.header.heads // 8)))
        self._below("corpus", found["corpus"], len(self.header.corpora))
        if length and found["text"].min() < 0:
            raise npz.damaged_error(self.file, "a text with a number below 0")
        back, places = found["context"], np.arange(len(found["context"]))
        if not ((back >= 0) & (back <= places)).all():
            raise npz.damaged_error(self.file, "an instance that looks like one before the first")
        return found | {"context": places - back}

    def _array(self, name: str, dtype: type, shape: tuple[int | None, ...]) -> np.ndarray:
        """Read one member of the file."""
        return npz.read_array(self.file, f"{name}.npy", dtype, shape)

    def _below(self, what: str, column: np.ndarray, limit: int) -> None:
        """Raise BadInputError if a column has a number beyond those of the header."""
        if len(column) and column.max() >= limit:
            raise npz.damaged_error(self.file, f"{what} number {column.max()}, where the header names {limit}")


def nearest(name: str, known: list[str]) -> str:
    """Return “ Did you mean …?” with the most similar known name; "" if none is similar."""
    near = get_close_matches(name.casefold()[:40], known, n=1)  # long names are slow to compare and match none
    return f" Did you mean {near[0]}?" if near else ""


@kept(2)
def _links(atlas: Atlas, relation: str, direction: str) -> Hits:
    """Return the links of one relation, unpacked; the last few are kept, since pages need the same ones repeatedly."""
    table = atlas._links
    labels = [atlas.header.relations.index(label) for label in atlas.names[relation]]
    rows = np.isin(table["relation"], labels) & (table["direction"] == DIRECTIONS.index(direction))
    columns = {name: table[name][rows] for name in ("text", "corpus", "offset", "others", "context")}
    return Hits(hits=unpacked(table["hits"][rows], (atlas.header.layers, atlas.header.heads)), **columns)


@kept(2)
def _questions(atlas: Atlas, kind: str) -> Hits:
    """Return the questions of one kind, unpacked."""
    table = atlas._questions
    wanted = np.array([kind in (ALL_QUESTIONS, corpus.kind) for corpus in atlas.header.corpora], bool)
    rows = wanted[table["corpus"]]
    columns = {name: table[name][rows] for name in QUESTIONS}
    hits = unpacked(table["hits"][rows], (atlas.header.layers, atlas.header.heads))
    return Hits(hits=hits, group=_sentences(atlas, columns["text"], columns["corpus"]), **columns)


def _sentences(
    atlas: Atlas, text: Integer[np.ndarray, " n"], corpus: Integer[np.ndarray, " n"]
) -> Integer[np.ndarray, " n"] | None:
    """Return a number for the sentence of each question; None if no corpus has several wordings of one sentence."""
    several = np.array([one.kind == "winogender" for one in atlas.header.corpora], bool)[corpus]
    if not several.any():
        return None
    return np.where(several, text // WORDINGS, text) + corpus.astype(np.int64) * 2**32  # above every ordinal


def read(path: str | Path) -> Atlas:
    """Read an atlas from a file: its header now, all else when needed. Raises BadInputError if it is missing or damaged."""
    if not Path(path).is_file():
        raise BadInputError(f"There is no atlas in {quoted(str(path))}. Name a file that `attnviz atlas build` wrote.")
    return _read(Path(path))


@lru_cache(maxsize=8)
def shipped(model: str) -> Atlas | None:
    """Return the atlas shipped with attnviz for a model of the catalogue; None without one."""
    if model not in {card.id for card in catalog.cards()}:  # a name from outside is never a path
        return None
    file = resources.files("attnviz").joinpath(f"content/atlas/{model}.npz")
    return _read(file) if file.is_file() else None


def _read(file: Traversable) -> Atlas:
    """Read an atlas from a file, on disk or inside a package."""
    written = npz.read_bytes(file, "header.json", MAX_HEADER)
    try:
        return Atlas(header(written), file)
    except FormatError as error:
        raise BadInputError(
            f"{quoted(file.name)} is an atlas with an unsupported version ({error}). "
            "Rebuild it from its texts with `attnviz atlas build`."
        ) from error
    except ValueError as error:
        raise npz.damaged_error(file, str(error)) from error
