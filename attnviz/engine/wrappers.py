"""Find the transformers model inside a compiled, parallel or adapted model, a pipeline, or another model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from attnviz.errors import BadInputError

# Each of these runs the module in it on the same inputs and does not change its attention.
AROUND = {
    "OptimizedModule": "_orig_mod",
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "AveragedModel": "module",
    "DeepSpeedEngine": "module",
}
TRANSLATED = {
    "ScriptModule": "TorchScript", "GraphModule": "a graph of torch.fx", "FullyShardedDataParallel": "divided among processes",
}  # fmt: skip
MAX_NAMED = 4  # parts that an error names


@dataclass(frozen=True, eq=False)
class UnwrappedModel:
    """A model, the tokenizer that came with it, and what a reader must know: `note` in general, `of_text` for a text."""

    model: Any
    tokenizer: Any = None
    note: str = ""
    of_text: str = ""


def unwrap(given: Any, kind: type) -> UnwrappedModel:
    """Return the model of class `kind` in an object. Raises BadInputError, with the remedy, if unwrapping would change it."""
    found = UnwrappedModel(given)
    while not isinstance(found.model, kind):
        found = _inside(found, kind)
    return found


def _inside(found: UnwrappedModel, kind: type) -> UnwrappedModel:
    """Remove one layer of wrapping."""
    outer = found.model
    names = {above.__name__ for above in type(outer).__mro__}
    translated = next((TRANSLATED[name] for name in TRANSLATED if name in names), None)
    if translated:
        raise BadInputError(
            f"Attention is recorded in a transformers model's own code, and this {type(outer).__name__} is {translated}. "
            "Give the model that it was made from, whole and in this process."
        )
    around = next((AROUND[name] for name in AROUND if name in names and isinstance(outer, nn.Module)), None)
    if around:
        return replace(found, model=getattr(outer, around))
    if isinstance(outer, nn.Module):
        return _adapted(found) or _embedder(found) or _ranker(found, kind) or _refused(outer, kind)
    model, tokenizer = getattr(outer, "model", None), _tokenizer(outer)
    if isinstance(model, nn.Module) and tokenizer is not None:  # a pipeline, a trainer, what attnviz.load returns
        return replace(found, model=model, tokenizer=found.tokenizer or tokenizer)
    return _refused(outer, kind)


def _adapted(found: UnwrappedModel) -> UnwrappedModel | None:
    """Return the model in a PeftModel: its adapters are in its own layers."""
    settings, base = getattr(found.model, "peft_config", None), getattr(found.model, "base_model", None)
    if not settings or not isinstance(base, nn.Module):
        return None
    if any(getattr(one, "is_prompt_learning", False) for one in dict(settings).values()):
        raise BadInputError(
            f"The adapter of this {type(found.model).__name__} puts learned vectors before the text, which are no tokens that "
            "could be shown. Read the model without it: model.get_base_model()."
        )
    active = getattr(found.model, "active_adapter", None)
    names = [active] if isinstance(active, str) else list(active or settings)
    inner = getattr(base, "model", None)
    note = f"Read with the adapter{'s' if len(names) > 1 else ''} {', '.join(map(str, names))}."
    return replace(found, model=inner if isinstance(inner, nn.Module) else base, note=_joined(found.note, note))


def _embedder(found: UnwrappedModel) -> UnwrappedModel | None:
    """Return the transformer at the start of a SentenceTransformer: pooling comes after all attention."""
    first = next(iter(found.model.children()), None) if isinstance(found.model, nn.Sequential) else None
    model = getattr(first, "auto_model", None)
    if not isinstance(model, nn.Module):
        return None
    prompt = (getattr(found.model, "prompts", None) or {}).get(getattr(found.model, "default_prompt_name", None) or "")
    steps = [f"puts {prompt!r} before each text"] if prompt else []
    steps += ["makes its letters small"] if getattr(first, "do_lower_case", False) else []
    sentence = f"encode() {' and '.join(steps)}; here the text is read as it is given." if steps else ""
    tokenizer = found.tokenizer or _tokenizer(first) or _tokenizer(found.model)
    return replace(found, model=model, tokenizer=tokenizer, of_text=_joined(found.of_text, sentence))


def _ranker(found: UnwrappedModel, kind: type) -> UnwrappedModel | None:
    """Return the model of a CrossEncoder, which also has a tokenizer."""
    model, tokenizer = getattr(found.model, "model", None), _tokenizer(found.model)
    if tokenizer is None or not isinstance(model, kind):
        return None
    return replace(found, model=model, tokenizer=found.tokenizer or tokenizer)


def _refused(outer: Any, kind: type) -> UnwrappedModel:
    """Raise BadInputError: the object is not a model, or only its owner knows which of its parts is meant."""
    name = type(outer).__name__
    if callable(getattr(outer, "convert_ids_to_tokens", None)):
        raise BadInputError(
            f"The model comes first, then its tokenizer; got {name} first: attnviz.trace(model, tokenizer, text)."
        )
    if isinstance(outer, (str, Path)):
        raise BadInputError(
            f"A loaded transformers model is needed; got the name {str(outer)[:100]!r}. Load it with "
            "AutoModel.from_pretrained, or use attnviz.attend(text, model=name)."
        )
    if isinstance(outer, (tuple, list)):
        raise BadInputError(f"One transformers model is needed; got a {name} of {len(outer)}. Give one of them.")
    if isinstance(outer, type):
        raise BadInputError(
            f"A loaded transformers model is needed; got the class {outer.__name__}. Load it: {outer.__name__}.from_pretrained."
        )
    parts = _parts(outer, kind)
    if parts:
        shown = ", ".join(f"`{path}` ({type(part).__name__})" for path, part in parts[:MAX_NAMED])
        more = f" and {len(parts) - MAX_NAMED} more" if len(parts) > MAX_NAMED else ""
        raise BadInputError(
            f"A transformers model is needed; got {name}, which holds {shown}{more}. Give that part: {parts[0][0]}."
        )
    if isinstance(outer, nn.Module) and type(outer).__module__.startswith("transformers."):
        raise BadInputError(
            f"A whole transformers model is needed; got {name}, a part of one. Give the model that it belongs to."
        )
    raise BadInputError(
        f"A transformers model is needed; got {name}, which has no attention that attnviz can record. "
        "Load one with AutoModel.from_pretrained."
    )


def _parts(outer: Any, kind: type) -> list[tuple[str, Any]]:
    """Return the outermost models in a module or in the attributes of an object, by the path to each."""
    if not isinstance(outer, nn.Module):
        space = vars(outer) if hasattr(outer, "__dict__") else {}
        return [(f"model.{name}", part) for name, part in space.items() if isinstance(part, kind)]
    found: list[tuple[str, Any]] = []
    for path, part in outer.named_modules():
        inside = any(path.startswith(f"{above}.") for above, _ in found)
        if isinstance(part, kind) and not inside:
            found.append((path, part))
    return [(spelled(path), part) for path, part in found]


def spelled(path: str) -> str:
    """Return the path to a module in Python: `0.bert` is `model[0].bert`."""
    return "model" + "".join(f"[{step}]" if step.isdecimal() else f".{step}" for step in path.split("."))


def _tokenizer(outer: Any) -> Any:
    """Return the tokenizer that an object holds besides its model."""
    kinds = (getattr(outer, name, None) for name in ("tokenizer", "processing_class"))
    return next((one for one in kinds if callable(getattr(one, "convert_ids_to_tokens", None))), None)


def _joined(*notes: str) -> str:
    """Join sentences with a space."""
    return " ".join(filter(None, notes))
