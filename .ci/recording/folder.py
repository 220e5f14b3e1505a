"""The folder of one record: each output split into what must not change and what may be reworded.

The ending of a file's name is its class, and `outputs.py compare` reads it from there:

- `.words`  WORDING: prose of pages, help texts and messages, one piece a line.
- `.code`   CODE: scripts and style sheets inside a page or file; their size and digest.
- `.names`  NAMES: a set, one a line. A name that is lost is a failure, a new one is not.
- others    DATA: all the rest, byte for byte.

A string is prose where it has three words of letters or more, or stands under a key of PROSE_KEYS with a word in it. In the
data `<prose>` stands in its place; so the numbers, keys, order and blanks around it are still compared byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from html.parser import HTMLParser
from pathlib import Path

from recording import formats
from recording.formats import digest

PROSE_KEYS = frozenset(
    "label help placeholder message description summary title sentence note says remedy caption body tooltip alt".split()
)
PLOTLY_KEYS = PROSE_KEYS | {"text", "name", "hovertemplate", "texttemplate"}
PROSE_ATTRIBUTES = ("title", "alt", "placeholder", "aria-label", "aria-description", "aria-valuetext")
PROSE_TAGS = ("h1", "h2", "h3", "dt")  # headings and names of facts: prose with one word or two as well
CODE_ATTRIBUTES = ("class", "id", "for", "aria-labelledby", "aria-describedby", "data-testid")
PROSE = "<prose>"

_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
_KEY = re.compile(r"\s*:")
_WORD = re.compile(r"[^\W\d_]{2,}")
_NUMBER = re.compile(r"[+\-−]?\d[\d,]*(?:\.\d+)?(?:[eE][+-]?\d+)?")

# What differs between two records of the same commit, and nothing else. Folders and addresses are added by `Folder`.
NORMALISED = (
    (r"127\.0\.0\.1:\d{2,5}", "127.0.0.1:<port>", "servers take any port that is free"),
    (r"\bat 0x[0-9a-f]{6,}", "at <address>", "Python's own text of an object names its place in memory"),
    (r"'sha256-[A-Za-z0-9+/=]+'(?: 'sha256-[A-Za-z0-9+/=]+')*", "'sha256-<scripts>'", "digests of scripts, which are CODE"),
)


def is_prose(text: str, keyed: bool = False) -> bool:
    """Return whether a string is wording for people: three words or more, or any word under a key for prose."""
    words = [one for one in text.split() if _WORD.search(one)]
    return len(words) >= (1 if keyed else 3)


def numbers(text: str) -> str:
    """Return the numbers of a text, those of a line on one line."""
    found = (" ".join(_NUMBER.findall(line)) for line in text.splitlines())
    return "\n".join(line for line in found if line) + "\n"


def split(raw: str, keys: frozenset[str] = PROSE_KEYS, inputs: Sequence[str] = ()) -> tuple[str, list[str]]:
    """JSON text, or text with JSON strings in it, with `<prose>` for each string that is prose; and these strings.

    `inputs` are texts of ours, which come back in answers and are no wording.
    """
    words: list[str] = []
    out: list[str] = []
    end, key = 0, ""
    for match in _LITERAL.finditer(raw):
        literal = match[0]
        before, end = raw[end : match.start()], match.end()
        out.append(before)
        if "{" in before or "}" in before:
            key = ""  # another object
        if _KEY.match(raw, match.end()):
            key = literal[1:-1]
            out.append(literal)
            continue
        try:
            value = json.loads(literal)
        except ValueError:
            value = literal[1:-1]
        if value in inputs or not is_prose(value, key in keys):
            out.append(literal)
        else:
            out.append(f'"{PROSE}"')
            words.append(value)
    return "".join([*out, raw[end:]]), words


class Markup(HTMLParser):
    """HTML or SVG as lines of data, pieces of prose and digests of code."""

    def __init__(self, inputs: Sequence[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.data: list[str] = []
        self.words: list[str] = []
        self.code: list[str] = []
        self.payload: list[str] = []
        self.inputs, self.within, self.tag = inputs, "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        shown = [tag]
        for name, value in attrs:
            if name in CODE_ATTRIBUTES:
                self.code.append(f"{tag} {name}={value}")
            elif name in PROSE_ATTRIBUTES and value:
                self.words.append(f"{name}: {value}")
            elif name == "srcdoc" and value:  # a page within the page
                inner = Markup(self.inputs)
                inner.feed(value)
                inner.close()
                shown += ["srcdoc", *inner.data]
                self.words += inner.words
                self.code += inner.code
                self.payload += inner.payload
            elif value and value.lstrip().startswith("{"):
                text, words = split(value, inputs=self.inputs)
                shown.append(f"{name}={text}")
                self.words += words
            else:
                shown.append(f"{name}={formats.picture_in_link(value or '')}")
        self.data.append(" ".join(shown))
        self.tag = tag
        kind = dict(attrs).get("type") or ""
        if tag in ("script", "style"):
            self.within = kind if kind.startswith("application/") else "code"

    def handle_endtag(self, tag: str) -> None:
        self.within = self.tag = ""
        self.data.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        if self.within == "code":
            self.code.append(digest(data.encode()))
        elif self.within == "application/json" or data.lstrip().startswith("{"):
            text, words = split(data, inputs=self.inputs)
            self.data.append(text)
            self.words += words
        elif self.within:
            self.data.append("<payload>")
            header, array = formats.board(formats.decoded(data))
            text, words = split(header, inputs=self.inputs)
            self.payload.append(f"{text} {array}")
            self.words += words
        elif data.strip():
            if is_prose(data, self.tag in PROSE_TAGS) and data not in self.inputs:
                self.data.append(PROSE)
                self.words.append(data)
            else:
                self.data.append(data)


class Folder:
    """Writes records, each under a name that is the same in every run."""

    def __init__(self, root: Path, replaced: Iterable[tuple[str, str]] = (), inputs: Sequence[str] = ()) -> None:
        """`replaced` are paths of this machine and what stands for each; the longest are replaced first."""
        self.root, self.inputs = root, inputs
        self.replaced = sorted(((found, mark) for found, mark in replaced if found), key=lambda pair: -len(pair[0]))

    def plain(self, text: str) -> str:
        """Return a text without what differs between two records of one commit (NORMALISED)."""
        for found, mark in self.replaced:
            text = text.replace(found, mark)
        for pattern, mark, _ in NORMALISED:
            text = re.sub(pattern, mark, text)
        return text

    def data(self, name: str, text: str) -> None:
        """DATA as text."""
        self._write(name, self.plain(text).encode("utf-8", "backslashreplace"))

    def bytes(self, name: str, data: bytes) -> None:
        """DATA as it is."""
        self._write(name, data)

    def words(self, name: str, pieces: Iterable[str]) -> None:
        """WORDING, one piece a line."""
        lines = [self.plain(piece).replace("\n", "\\n") for piece in pieces]
        if lines:
            self._write(f"{name}.words", ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace"))

    def code(self, name: str, pieces: Iterable[str]) -> None:
        """CODE, one digest a line."""
        lines = [self.plain(piece) for piece in pieces]
        if lines:
            self._write(f"{name}.code", ("\n".join(lines) + "\n").encode())

    def names(self, name: str, found: Iterable[str]) -> None:
        """NAMES, sorted."""
        self._write(f"{name}.names", "".join(f"{one}\n" for one in sorted(set(found))).encode())

    def json(self, name: str, raw: str) -> None:
        """JSON text, or lines with JSON in them, split into data and wording."""
        text, words = split(self.plain(raw), inputs=self.inputs)
        self.data(name, text)
        self.words(name, words)

    def markup(self, name: str, raw: str) -> None:
        """HTML or SVG, split into data, wording and code."""
        found = self.marked(raw)
        self.data(name, "\n".join(found.data) + "\n")
        self.words(name, found.words)
        self.code(name, found.code)
        if found.payload:
            self.data(f"{name}.payload", "\n".join(found.payload) + "\n")

    def marked(self, raw: str) -> Markup:
        """Return the parts of HTML or SVG."""
        found = Markup(self.inputs)
        found.feed(self.plain(raw))
        found.close()
        return found

    def text(self, name: str, raw: str) -> None:
        """Lines for people: wording as a whole, and their numbers as data."""
        self.words(name, self.plain(raw).splitlines())
        self.data(f"{name}.numbers", numbers(self.plain(raw)))

    def file(self, name: str, form: str, data: bytes) -> None:
        """A file of one of the export formats."""
        if form in ("html", "svg"):
            self.markup(f"{name}.{form}", data.decode())
        elif form in ("json", "csv"):
            self.json(f"{name}.{form}", data.decode())
        elif form == "txt":
            self.text(f"{name}.{form}", data.decode())
        elif form in ("pdf", "png"):
            lines, words = (formats.pdf if form == "pdf" else formats.png)(data, self._is_wording)
            self.data(f"{name}.{form}", "\n".join(lines) + "\n")
            self.words(f"{name}.{form}", words)
        else:
            self.bytes(f"{name}.{form}", data)

    def _is_wording(self, text: str) -> bool:
        return is_prose(text) and text not in self.inputs

    def _write(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise ValueError(f"Each record has its own name; {name} is written twice.")
        path.write_bytes(data)
