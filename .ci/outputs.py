"""What attnviz gives at its public doors, recorded for a checkout, and two records compared.

    python .ci/outputs.py record FOLDER [--tree CHECKOUT]     (about five minutes)
    python .ci/outputs.py compare OLD NEW [--allowed FILE] [--allow GLOB ...]

The doors are `import attnviz`, `python -m attnviz`, `attnviz serve`, and the pages through `app.py`; no module inside
attnviz is imported, so that both commits of a rebuild can be recorded. `record` runs with the interpreter that runs this, on
a checkout that nothing else changes meanwhile. Two records of one commit are identical.

The ending of a record's name says how it is compared, and recording/folder.py how each output is split:

- DATA (numbers, keys, files, routes, URL parameters, exit codes): any difference is a failure, and so is a lost record.
- NAMES (`.names`): a lost name is a failure, a new one is listed.
- WORDING (`.words`: prose of pages, help texts, messages): each change is listed once, for a person to read. Changes in
  which the numbers differ too come first.
- CODE (`.code`: digests of scripts and style sheets, widget keys, class names): the records are named.

Differences that are meant stand in recording/allowed.toml, each with its reason: whole records, texts that replace others
(the rest of the record is still compared) or lost names. `--allow` names further records, e.g. `--allow 'pages/*.payload'`.
They are listed and do not fail.
"""

from __future__ import annotations

import argparse
import difflib
import fnmatch
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
PARTS = ("python_api", "command_line", "http_server", "pages")
ALLOWED = HERE / "recording" / "allowed.toml"
LINES, WIDTH = 12, 160  # of the difference of one record that is shown
NUMBER = re.compile(r"\d[\d,.]*")


@dataclass(frozen=True)
class Allowance:
    """A difference that is meant: names that may be lost, old texts with the new ones, or, without both, whole records."""

    why: str
    records: tuple[str, ...]  # patterns of record names
    names: frozenset[str] = frozenset()
    replace: tuple[tuple[str, str], ...] = ()

    def covers(self, name: str) -> bool:
        """Return whether it is about this record."""
        return any(fnmatch.fnmatch(name, pattern) for pattern in self.records)

    def replaced(self, content: bytes) -> bytes:
        """Return the old content with the new texts in it."""
        for old, new in self.replace:
            content = content.replace(old.encode(), new.encode())
        return content


def allowances(file: Path | None) -> list[Allowance]:
    """Return the differences that a file allows."""
    if file is None:
        return []
    return [
        Allowance(
            entry["why"], tuple(entry["records"]), frozenset(entry.get("names", ())),
            tuple((old, new) for old, new in entry.get("replace", ())),
        )
        for entry in tomllib.loads(file.read_text("utf-8"))["allow"]
    ]  # fmt: skip


@dataclass
class Comparison:
    """Two records, by record names; `wording` has (old, new) with the records that have it, `allowed` each reason with them."""

    identical: int = 0
    only_old: list[str] = field(default_factory=list)
    only_new: list[str] = field(default_factory=list)
    data: dict[str, list[str]] = field(default_factory=dict)
    lost: dict[str, list[str]] = field(default_factory=dict)
    added: dict[str, list[str]] = field(default_factory=dict)
    wording: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    code: list[str] = field(default_factory=list)
    allowed: dict[str, list[str]] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether something differs that must not."""
        return bool(self.data or self.lost or self.only_old or self.only_new)


def compare(old: Path, new: Path, allowed: Sequence[Allowance] = ()) -> Comparison:
    """Return the differences of two records; a record only on one side is one of data, unless it holds wording or code."""
    before, after = _files(old), _files(new)
    found = Comparison()
    for name in sorted(before.keys() | after.keys()):
        one, other = (side[name].read_bytes() if name in side else None for side in (before, after))
        if one == other:
            found.identical += 1
            continue
        if name.endswith(".code"):
            found.code.append(name)
        elif name.endswith(".words"):
            for pair in _reworded(_lines(one), _lines(other)):
                found.wording.setdefault(pair, []).append(name)
        else:
            _data(found, name, one, other, [entry for entry in allowed if entry.covers(name)])
    return found


def _data(found: Comparison, name: str, one: bytes | None, other: bytes | None, allowed: Sequence[Allowance]) -> None:
    """Compare one record of data or names that is not the same on both sides."""
    used = [entry for entry in allowed if not entry.names and not entry.replace][:1]
    if used:
        pass
    elif one is None:
        found.only_new.append(name)
    elif other is None:
        found.only_old.append(name)
    elif name.endswith(".names"):
        before, after = set(_lines(one)), set(_lines(other))
        used = [entry for entry in allowed if entry.names & (before - after)]
        if lost := before - after - frozenset[str]().union(*(entry.names for entry in used)):
            found.lost[name] = sorted(lost)
        if after - before:
            found.added[name] = sorted(after - before)
    else:
        expected = one
        for entry in allowed:
            if (replaced := entry.replaced(expected)) != expected:
                used.append(entry)
                expected = replaced
        if expected != other:
            found.data[name] = _difference(expected, other)
    for entry in used:
        found.allowed.setdefault(entry.why, []).append(name)


def _files(root: Path) -> dict[str, Path]:
    """Return the records of a folder by name."""
    if not root.is_dir():
        raise SystemExit(f"A record is a folder that `record` wrote; there is none at {root}.")
    return {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}


def _lines(data: bytes | None) -> list[str]:
    return [] if data is None else data.decode().splitlines()


def _reworded(before: list[str], after: list[str]) -> Iterator[tuple[str, str]]:
    """Changed lines in pairs; "" stands where a line is only on one side."""
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            olds, news = before[a:b], after[c:d]
            for at in range(max(len(olds), len(news))):
                yield (olds[at] if at < len(olds) else "", news[at] if at < len(news) else "")


def _difference(one: bytes, other: bytes) -> list[str]:
    """Return a short unified difference; of bytes that are no text, their sizes and the first place that differs."""
    try:
        before, after = one.decode().splitlines(), other.decode().splitlines()
    except UnicodeDecodeError:
        at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        return [f"{len(one):,} bytes and {len(other):,} bytes; they differ from byte {at:,} on"]
    lines = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
    shown = [*_clipped(lines[:LINES])]
    return shown + ([f"… and {len(lines) - LINES:,} more lines"] if len(lines) > LINES else [])


def _clipped(lines: Sequence[str]) -> Iterator[str]:
    """Lines no longer than WIDTH: of a long line that replaces another, the part around their first difference."""
    old = ""
    for line in lines:
        start = 0
        if line.startswith("-"):
            old = line
        elif line.startswith("+") and old:
            same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(old[1:], line[1:], strict=False))
            start = max(0, sum(1 for _ in same) - WIDTH // 2)
        yield line if len(line) <= WIDTH else f"{line[0]}{'…' * (start > 0)}{line[1 + start : 1 + start + WIDTH]}…"


def report(found: Comparison) -> str:
    """Return a comparison for a person to read."""
    lines = [f"{found.identical:,} records are identical.", ""]
    for title, names in (("ONLY IN THE OLD RECORD", found.only_old), ("ONLY IN THE NEW RECORD", found.only_new)):
        lines += [f"{title}: failure", *(f"  {name}" for name in names), ""] if names else []
    for title, changed in (
        ("DATA that differs: failure", found.data),
        ("NAMES that are lost: failure", found.lost),
        ("NAMES that are new", found.added),
    ):
        if changed:
            lines += [title]
            for name, some in changed.items():
                lines += [f"  {name}", *(f"    {line}" for line in some)]
            lines.append("")
    odd = {pair: names for pair, names in found.wording.items() if not _same_numbers(*pair)}
    even = {pair: names for pair, names in found.wording.items() if pair not in odd}
    for title, pairs in (("WORDING in which numbers differ too", odd), ("WORDING", even)):
        if pairs:
            lines.append(f"{title}: {len(pairs):,} changes, to be read")
            for (before, after), names in pairs.items():
                more = f" and {len(names) - 1} more" if len(names) > 1 else ""
                lines += [f"  {names[0]}{more}", f"    - {before}", f"    + {after}"]
            lines.append("")
    if found.code:
        lines += [f"CODE that differs: {len(found.code):,} records", *(f"  {name}" for name in found.code), ""]
    if found.allowed:
        lines.append(f"ALLOWED to differ: {len(set().union(*found.allowed.values())):,} records")
        for why, names in found.allowed.items():
            lines += [f"  {why} ({len(names):,})", *(f"    {name}" for name in names)]
        lines.append("")
    counts = f"{len(found.data) + len(found.only_old) + len(found.only_new):,} records, {len(found.lost):,} lists of names"
    return "\n".join([*lines, f"FAILED: {counts}" if found.failed else "Passed: only wording and code differ, if anything."])


def _same_numbers(before: str, after: str) -> bool:
    return NUMBER.findall(before) == NUMBER.findall(after)


def record(folder: Path, tree: Path) -> None:
    """All parts, one after the other, each in a process that imports attnviz from the checkout."""
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"A record needs a folder that is empty or not there; {folder} has files. Name another.")
    folder.mkdir(parents=True, exist_ok=True)
    folder, tree = folder.resolve(), tree.resolve()
    if not (tree / "attnviz" / "__init__.py").is_file():
        raise SystemExit(f"--tree is a checkout of attnviz; {tree} is none.")
    # One thread, so that sums are added in one order; no network; no settings but the place of the converted weights.
    env = {name: value for name, value in os.environ.items() if not name.startswith("ATTNVIZ_") or name == "ATTNVIZ_CACHE_DIR"}
    env |= {
        "PYTHONPATH": os.pathsep.join([str(tree), str(HERE)]), "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore",
        "OMP_NUM_THREADS": "1", "ATTNVIZ_OFFLINE": "1", "COLUMNS": "100", "LC_ALL": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1",
    }  # fmt: skip
    for part in PARTS:
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="attnviz-") as work, tempfile.TemporaryFile("w+") as log:
            command = [sys.executable, "-m", f"recording.{part}", str(tree), str(folder), work]
            ended = subprocess.run(command, cwd=tree, env=env, stdout=log, stderr=subprocess.STDOUT, check=False)
            if ended.returncode:
                log.seek(0)
                raise SystemExit(f"{part} could not be recorded:\n{log.read()[-4000:]}")
        print(f"{part}: {time.monotonic() - start:.0f} s", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 1 where `compare` fails."""
    parser = argparse.ArgumentParser(prog="outputs.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="record a checkout")
    recording.add_argument("folder", type=Path)
    recording.add_argument("--tree", type=Path, default=HERE.parent, help="the checkout (default: this one)")
    comparing = commands.add_parser("compare", help="compare two records")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    comparing.add_argument("--allowed", type=Path, default=ALLOWED, help="a file like recording/allowed.toml, the default")
    comparing.add_argument("--allow", action="append", default=[], metavar="GLOB", help="records that may differ")
    chosen = parser.parse_args(arguments)
    if chosen.command == "record":
        record(chosen.folder, chosen.tree)
        return 0
    further = [Allowance("named by --allow", tuple(chosen.allow))] if chosen.allow else []
    found = compare(chosen.old, chosen.new, [*further, *allowances(chosen.allowed)])
    print(report(found))
    return int(found.failed)


if __name__ == "__main__":
    sys.exit(main())
