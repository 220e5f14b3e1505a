"""Records `python -m attnviz …`: exit codes, output, messages and files of every command.

Most commands run in a fork of this process, in which torch is imported already: so each takes a tenth of the time.
The first ones run in a process of their own as well, and must give the same.
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from recording import cases, models
from recording.folder import Folder

LONGEST = 200  # seconds of one command
BY_ITSELF = ("attend-out", "rank-json", "error-model")


def record(out: Folder, work: Path) -> None:
    """Everything, into files below `cli/`."""
    models.save(work)
    for name, text in cases.BUILT.items():
        (work / name).write_text(text)
    import torch  # noqa: F401  # so that the forks have it
    import transformers  # noqa: F401

    for command in cases.HELPS:
        arguments = [*command.split(), "--help"]
        _help(out, f"cli/help-{command.replace(' ', '-') or 'all'}", *_forked(arguments, work))
    _help(out, "cli/help-none", *_forked([], work))
    for name, arguments in cases.COMMANDS:
        before = {path.name for path in work.iterdir()}
        ran = _forked(arguments, work)
        _kept(out, f"cli/{name}", arguments, *ran)
        for path in sorted(work.iterdir()):
            if path.name not in before and path.is_file():
                form = path.suffix[1:]
                out.file(f"cli/{name}-file-{path.stem}", form, path.read_bytes())
        if name in BY_ITSELF:
            alone = subprocess.run(
                [sys.executable, "-m", "attnviz", *arguments], cwd=work, capture_output=True, check=False, timeout=LONGEST
            )
            out.data(f"cli/{name}-by-itself", f"same {(alone.returncode, alone.stdout, alone.stderr) == ran}\n")
    for name, value in cases.SETTINGS.items():
        os.environ[name] = value
        _kept(out, f"cli/setting-{name}", ("models", "--format", "json"), *_forked(("models", "--format", "json"), work))
        _kept(out, f"cli/setting-{name}-serve", ("serve",), *_forked(("serve", "--port", "70000"), work))
        del os.environ[name]


def _forked(arguments: Sequence[str], work: Path) -> tuple[int, bytes, bytes]:
    """Exit code, output and messages of one command."""
    files = [work.parent / f"{work.name}.{name}" for name in ("out", "err")]
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            signal.alarm(LONGEST)
            os.dup2(os.open(work / "stdin.txt", os.O_RDONLY), 0)
            for number, path in enumerate(files, start=1):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            sys.argv = ["attnviz", *arguments]
            runpy.run_module("attnviz", run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0 if left.code is None else 1
        except BaseException:  # noqa: BLE001  # the record shows it
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, files[0].read_bytes(), files[1].read_bytes()


def _help(out: Folder, name: str, code: int, output: bytes, warned: bytes) -> None:
    """A help text: its options, choices and commands as names, all of it as wording."""
    text = output.decode()
    usage = text.partition("\n\n")[0]
    found = re.findall(r"--?[a-z][a-z-]*|\{[^}]*\}|\b[A-Z][A-Z:_-]*\b", usage)
    commands = re.findall(r"^    ([a-z-]+)", text, re.M)
    out.data(f"{name}.exit", f"exit {code}\n")
    out.names(name, (one for some in found for one in re.findall(r"[^{},]+", some)))
    out.names(f"{name}.commands", commands)
    out.words(name, [*text.splitlines(), *warned.decode().splitlines()])


def _kept(out: Folder, name: str, arguments: Sequence[str], code: int, output: bytes, warned: bytes) -> None:
    """A command's exit code, its output by its form, and its messages."""
    shown = shlex.join(one if len(one) < 200 else f"{one[:20]}…" for one in arguments)
    out.data(f"{name}.exit", f"attnviz {shown}\nexit {code}\n")
    out.words(f"{name}.messages", warned.decode().splitlines())
    json = output[:1] in (b"{", b"[")
    if output and (json or "csv" in arguments):
        out.json(f"{name}.output", output.decode())
    elif output:
        out.text(f"{name}.output", output.decode())


if __name__ == "__main__":
    from recording.start import started

    record(*started(sys.argv))
