"""Records `import attnviz`: names, signatures, values and errors, with both models that come with the set-up."""

from __future__ import annotations

import dataclasses
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recording import cases, models
from recording.folder import Folder, digest

MODELS = ("minilm", "smollm2")


def record(out: Folder, work: Path) -> None:
    """Everything, into files below `python/`."""
    import attnviz

    models.save(work)
    _names(out, attnviz)
    for model in MODELS:
        for number, text in enumerate(cases.TEXTS):
            _trace(out, f"python/attend-{model}-{number}", lambda text=text, model=model: attnviz.attend(text, model))
    sentence = cases.TIRED
    loaded = {name: attnviz.load(name) for name in MODELS}
    for name, one in loaded.items():
        out.json(f"python/load-{name}", f"{_fields(one.card)}\n{type(one.model).__name__}\n")
    both = loaded["minilm"]
    rows = both.tokenizer([sentence, "It was late."], return_tensors="pt", padding=True)
    talk = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is the sky blue?"}]
    for name, made in {
        "pair": lambda: attnviz.attend(*cases.PAIR[:1], "minilm", cases.PAIR[1]),
        "tokens": lambda: attnviz.attend(tokens=["[CLS]", "the", "animal", "[SEP]"]),
        "words": lambda: attnviz.attend(words=["Anna", "didn't", "see", "New York", "."]),
        "chat": lambda: attnviz.attend("Why is the sky blue?", "smollm2", chat=True),
        "talk": lambda: attnviz.attend(talk, "smollm2", chat=True),
        "folder": lambda: attnviz.attend("the animal was tired", Path("my-bert")),
        "folder-two-blocks": lambda: attnviz.attend("the animal was tired", "./my-t5", "it was wide"),
        "trace": lambda: attnviz.trace(both.model, both.tokenizer, sentence),
        "capture": lambda: attnviz.capture(both.model, **both.tokenizer(sentence, return_tensors="pt")),
        "capture-batch": lambda: attnviz.capture_batch(both.model, **rows)[1],
        "several": lambda: attnviz.attend([sentence, "It was late."])[1],
        "backend": lambda: attnviz.open_backend().attend(attnviz.AttentionRequest("minilm", sentence)),
    }.items():
        _trace(out, f"python/{name}", made)
    _tables(out, attnviz.attend(sentence), attnviz.attend(sentence, "smollm2"))
    _errors(out, attnviz, both)


def _names(out: Folder, attnviz: Any) -> None:
    """Public names, those of public values, and signatures without annotations, which name inner types."""
    trace = attnviz.attend("It sat")
    backend = attnviz.open_backend()
    values = {
        "attnviz": [*attnviz.__all__, "__version__"],
        "Trace": _public(trace), "Block": _public(trace.block(trace.blocks[0])), "Token": _public(trace.tokens[0]),
        "AttentionRequest": _public(trace.request), "HeadRef": _public(attnviz.HeadRef(3, 1)),
        "Link": _public(attnviz.Link((0, 2), (3, 6))), "AttnvizError": _public(attnviz.AttnvizError("x")),
        "LoadedModel": _public(attnviz.load()), "ModelCard": _public(attnviz.load().card), "Backend": _public(backend),
    }  # fmt: skip
    for name, found in values.items():
        out.names(f"python/names/{name}", found)
    lines, docs = [f"version {attnviz.__version__}"], []
    for name in sorted(attnviz.__all__):
        found = getattr(attnviz, name)
        docs.append(f"{name}: {inspect.getdoc(found)}")
        lines.append(f"{name}{_signature(found)}")
    for method in ("weights", "to_frame", "to_xarray", "block", "of", "sink"):
        lines.append(f"Trace.{method}{_signature(getattr(attnviz.Trace, method))}")
    errors = [attnviz.AttnvizError]
    for one in errors:
        errors += [kind for kind in one.__subclasses__() if kind.__module__.startswith("attnviz")]
    out.names("python/names/errors", (f"{one.__name__}({', '.join(b.__name__ for b in one.__mro__[1:])})" for one in errors))
    out.data("python/signatures", "\n".join(lines) + "\n")
    out.words("python/docs", docs)


def _public(value: Any) -> list[str]:
    return [name for name in dir(value) if not name.startswith("_")]


def _signature(found: Any) -> str:
    try:
        parameters = inspect.signature(found).parameters.values()
    except ValueError:  # an exception has that of its built-in base
        return ""
    return "(" + ", ".join(str(one.replace(annotation=inspect.Parameter.empty)) for one in parameters) + ")"


def _fields(value: Any) -> str:
    """Return the fields of a frozen value, one a line."""
    if not dataclasses.is_dataclass(value):
        return repr(value)
    lines = (f"{one.name} = {_quoted(getattr(value, one.name))}" for one in dataclasses.fields(value))
    return "\n".join(lines)


def _quoted(value: Any) -> str:
    """Return a value as JSON where it is text, so that prose is separated from data."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _trace(out: Folder, name: str, made: Callable[[], Any]) -> None:
    """A trace in full: its facts, each token, and the digest of each head's weights."""
    trace = made()
    lines = [
        f"request {trace.request!r}", f"blocks {trace.blocks}", f"layers {trace.layers} heads {trace.heads}",
        f"causal {trace.causal} source {trace.source} digest {trace.digest} batched {trace.batched} nbytes {trace.nbytes}",
        f"written {trace.written!r}",
    ]  # fmt: skip
    if trace.reading is not None:
        lines.append(f"reading {json.dumps(dataclasses.asdict(trace.reading), ensure_ascii=False)}")
    for block in map(trace.block, trace.blocks):
        lines.append(f"block {block.name} precision {block.precision} causal {block.causal} numbers {block.numbers}")
        lines += [f"query {_token(one)}" for one in block.queries]
        lines += [f"key {_token(one)}" for one in block.keys] if block.keys != block.queries else []
        for layer in range(block.layers):
            for head, weights in enumerate(block.weights(layer)):
                first = " ".join(float(one).hex() for one in weights[0, :3])
                lines.append(f"L{layer}H{head} {weights.shape} {weights.dtype} {first} {digest(weights.tobytes())}")
    out.data(name, "\n".join(lines) + "\n")
    out.words(name, [f"note: {trace.note}", repr(trace)])


def _token(one: Any) -> str:
    return " ".join(
        f"{name}={getattr(one, name)!r}" for name in ("piece", "text", "start", "end", "word", "special", "unknown")
    )


def _tables(out: Folder, *traces: Any) -> None:
    """Tables, arrays and the board of a notebook."""
    for number, trace in enumerate(traces):
        for options in ({}, {"layer": 3}, {"layer": 3, "head": 1, "words": True}, {"words": True, "special": "hide"}):
            name = f"python/table-{number}-" + "-".join(f"{key}{value}" for key, value in options.items())
            frame = trace.to_frame(**options)
            text = frame.to_csv(index=False, lineterminator="\n")
            kinds = " ".join(f"{key}:{kind}" for key, kind in frame.dtypes.items())
            out.data(name, f"{kinds}\n{digest(text.encode())}\n{text[:4000]}")
            grid = trace.to_xarray(**options)
            coords = "\n".join(f"{key} {one.dims} {one.values.tolist()!r}" for key, one in sorted(grid.coords.items()))
            facts = f"{grid.name} {grid.dims} {grid.shape} {grid.dtype} {digest(grid.values.tobytes())}"
            out.json(f"{name}.array", f"{facts}\n{coords}\n{grid.attrs!r}\n")
        out.markup(f"python/notebook-{number}", trace._repr_html_())


def _errors(out: Folder, attnviz: Any, loaded: Any) -> None:
    """The kind of each error as data, its message as wording."""
    text = cases.TIRED
    asked: dict[str, Callable[[], Any]] = {
        "model": lambda: attnviz.attend(text, "mini"),
        "not-here": lambda: attnviz.attend(text, "bert-base-uncased"),
        "no-string": lambda: attnviz.attend(text, 3),
        "empty": lambda: attnviz.attend(""),
        "nothing": lambda: attnviz.attend(),
        "bytes": lambda: attnviz.attend(b"text"),
        "long": lambda: attnviz.attend("word " * 600),
        "pair": lambda: attnviz.attend(text, "smollm2", text),
        "chat": lambda: attnviz.attend(text, chat=True),
        "token": lambda: attnviz.attend(tokens=["[CLS]", "nothingsuch"]),
        "id": lambda: attnviz.attend(tokens=[10**9]),
        "two": lambda: attnviz.attend(text, words=["a"]),
        "several": lambda: attnviz.attend([text, ""]),
        "folder": lambda: attnviz.attend(text, "./nothing"),
        "layer": lambda: attnviz.attend(text).weights(99),
        "head": lambda: attnviz.attend(text).weights(1, 99),
        "block": lambda: attnviz.attend(text).block("cross"),
        "special": lambda: attnviz.attend(text).to_frame(special="none"),
        "table": lambda: attnviz.attend("word " * 500).to_frame(),
        "trace": lambda: attnviz.trace(object(), loaded.tokenizer, text),
        "capture": lambda: attnviz.capture(loaded.model),
        "backend": lambda: attnviz.open_backend("ftp://x"),
        "load": lambda: attnviz.load("./empty"),
        "attribute": lambda: attnviz.nothing,
    }
    kinds, messages = [], []
    for name, ask in asked.items():
        try:
            ask()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the record
            kinds.append(f"{name} {type(error).__name__} ({', '.join(one.__name__ for one in type(error).__mro__[1:-2])})")
            messages.append(f"{name}: {error}")
        else:
            kinds.append(f"{name} no error")
    out.data("python/errors", "\n".join(kinds) + "\n")
    out.words("python/errors", messages)


if __name__ == "__main__":
    from recording.start import started

    record(*started(sys.argv))
