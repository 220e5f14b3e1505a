"""Show a trace in BertViz's own views: an HTML page that loads nothing and runs no text as code.

BertViz's Python makes the HTML. Its data is moved from the script into a JSON element, and the scripts are inline
(`scripts.py`), because BertViz itself loads some of them from the network.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from attnviz.errors import TooLongError
from attnviz.figures import encoding
from attnviz.figures.bertviz.csp_hash import digest
from attnviz.figures.bertviz.scripts import scripts
from attnviz.types import HeadRef, Token

if TYPE_CHECKING:  # a server that starts needs only the hashes of the scripts, and does not wait for torch
    import torch

    from attnviz.engine.block import Block
    from attnviz.engine.trace import Trace

MAX_WEIGHTS = 300_000  # each weight is a line on the page, and browsers are slow with more
DIGITS = 4  # enough for a line's opacity, and the page is a third as large
HEAD_HINT = "Each colour is a head. Click a square to show or hide one, double-click to see it alone; point at a token."
MODEL_HINT = "Rows are layers, columns heads. Click one to enlarge it."
_ROOT = "attnviz-bertviz"


def head_view(trace: Trace, head: HeadRef, *, theme: str = "") -> str:
    """Return BertViz's head view of the chosen head's block, opened at its layer with only that head.

    `theme` is "light", "dark", or "" for the reader's own setting. Up to 300,000 weights, all layers and blocks can be
    chosen; beyond that, the page shows the head's layer and says so. Raises TooLongError if one layer is too large,
    UnknownHeadError for a head that does not exist.
    """
    from bertviz import head_view as draw

    part = drawable(trace, head)
    return _page("head", _drawn(draw, _attention(part, 14), heads=[head.head]), part, head, HEAD_HINT, theme)


def model_view(trace: Trace, head: HeadRef, *, theme: str = "") -> str:
    """Return BertViz's model view: every head of the chosen head's block; arguments and limits as in `head_view`."""
    from bertviz import model_view as draw

    part = drawable(trace, head)
    return _page("model", _drawn(draw, _attention(part, 11), display_mode="light"), part, head, MODEL_HINT, theme)


@dataclass(frozen=True)
class _Drawable:
    """The part of a trace that can be drawn: blocks with equal layers and heads, the layers, and why not all of them."""

    blocks: tuple[Block, ...]
    layers: tuple[int, ...]
    chosen: int
    note: str


def drawable(trace: Trace, head: HeadRef) -> _Drawable:
    """Return the part of the trace that BertViz can draw at once."""
    own = trace.block(head.block)
    own.weights(head.layer, head.head)  # raises for a head that does not exist
    layers = tuple(range(own.layers))
    total = sum(_size(block) for block in trace.parts)
    if total <= MAX_WEIGHTS and len({_heads(block) for block in trace.parts}) == 1 and len(set(_heads(own))) == 1:
        return _Drawable(trace.parts, layers, trace.parts.index(own), "")
    if _size(own) <= MAX_WEIGHTS and len(set(_heads(own))) == 1:
        large = f"All blocks together have {total:,} weights"
        many = large if total > MAX_WEIGHTS else "The blocks of this model differ in size"
        return _Drawable((own,), layers, 0, f"{many}, so this is the {own.name} attention only.")
    one = own.calls[head.layer].heads * len(own.queries) * len(own.keys)
    if one > MAX_WEIGHTS:
        fitting = int((MAX_WEIGHTS / own.calls[head.layer].heads) ** 0.5)
        raise TooLongError(
            f"BertViz draws at most {MAX_WEIGHTS:,} weights; one layer of this text has {one:,}. "
            f"Shorten the text to about {fitting} tokens, or use the heatmap, which has no such limit."
        )
    why = (
        f"BertViz draws at most {MAX_WEIGHTS:,} weights and this text has {total:,}"
        if total > MAX_WEIGHTS
        else "Layers differ in their heads"
    )
    return _Drawable((own,), (head.layer,), 0, f"{why}, so this is layer {head.layer} only.")


def _heads(block: Block) -> tuple[int, ...]:
    """Return the number of heads of each layer."""
    return tuple(call.heads for call in block.calls)


def _size(block: Block) -> int:
    """Return the number of weights of a block."""
    return sum(_heads(block)) * len(block.queries) * len(block.keys)


def _drawn(draw: Callable[..., Any], attention: dict[str, Any], **rest: Any) -> str:
    """Return BertViz's HTML."""
    return draw(**attention, **rest, prettify_tokens=False, html_action="return").data


def _page(view: str, markup: str, part: _Drawable, head: HeadRef, hint: str, theme: str) -> str:
    """Return BertViz's HTML for `part` as a complete, safe page."""
    body, params = _taken_apart(markup)
    for data in params["attention"]:
        data["attn"] = np.round(np.array(data["attn"]), DIGITS).tolist()
    body = body.replace(params["root_div_id"], _ROOT)  # BertViz's id is random; the same trace must give the same page
    # BertViz numbers a single layer 0: give it its own number again.
    params |= {
        "root_div_id": _ROOT,
        "default_filter": str(part.chosen),
        "include_layers": list(part.layers),
        "layer": head.layer,
    }
    for name in ("layer", "filter"):
        body = body.replace(f'<select id="{name}"', f'<select id="{name}" aria-label="{name.capitalize()}"')
    unread = encoding.unread_note(token for block in part.blocks for token in (*block.queries, *block.keys))
    notes = "".join(f"<p>{escape(text)}</p>" for text in (part.note, hint, unread) if text)
    return _PAGE.format(
        policy=escape(f"default-src 'none'; style-src 'unsafe-inline'; script-src {' '.join(map(digest, scripts(view)))}"),
        style=_style(theme),
        notes=notes,
        body=body.strip(),
        params=_embedded(params),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts(view)),
    )


def _attention(part: _Drawable, label: int) -> dict[str, Any]:
    """Return BertViz's arguments: a list of [1, head, query, key] tensors per block, and token texts."""
    if len(part.blocks) == 1 and part.blocks[0].queries == part.blocks[0].keys:
        block = part.blocks[0]
        second = next((i for i, token in enumerate(block.queries) if token.segment == 1), 0) if block.name == "self" else 0
        tokens = _texts(block.queries, label)
        return {"attention": _tensors(block, part.layers), "tokens": tokens, "sentence_b_start": second or None}
    arguments: dict[str, Any] = {f"{block.name}_attention": _tensors(block, part.layers) for block in part.blocks}
    for block in part.blocks:
        if block.name in ("encoder", "cross"):
            arguments["encoder_tokens"] = _texts(block.keys, label)
        if block.name in ("decoder", "cross"):
            arguments["decoder_tokens"] = _texts(block.queries, label)
    return arguments


def _tensors(block: Block, layers: Sequence[int]) -> list[torch.Tensor]:
    """Return the weights of each layer, [1, head, query, key]."""
    import torch

    return [torch.tensor(block.weights(layer))[None] for layer in layers]


def _texts(tokens: Sequence[Token], most: int) -> list[str]:
    """Return token texts, short enough for BertViz's layout."""
    return [_marked(token, most) for token in tokens]


def _marked(token: Token, most: int) -> str:
    """Return a token's text, with its mark if the model cannot read it; together no longer than a text without a mark."""
    mark = encoding.unknown_mark(token)
    return encoding.marked(encoding.label(token.text, max(2, most - len(mark) - 1) if mark else most), token)


def _taken_apart(markup: str) -> tuple[str, dict]:
    """Split BertViz's HTML into its body and its data, without its scripts."""
    start = markup.index("const params = ")
    content = markup[:start].partition("</script>")[2]  # without the loader, which the page would download
    body = content.partition('<script type="text/javascript">')[0]
    return body, json.JSONDecoder().raw_decode(markup, start + len("const params = "))[0]


def _embedded(value: Any) -> str:
    """Return JSON that is safe inside a script element: nothing in it ends the element or a line."""
    text = json.dumps(value, separators=(",", ":"))  # ASCII: U+2028 and U+2029 are escaped already
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _style(theme: str) -> str:
    """Return the page's colours; BertViz paints black on white, which is mapped onto the theme's ink and page."""
    if theme:
        root = f":root{{color-scheme:{encoding.theme(theme).name};{encoding.css(theme)}}}"
    else:
        root = (
            f":root{{color-scheme:light dark;{encoding.css('light')}}}"
            f"@media(prefers-color-scheme:dark){{:root{{{encoding.css('dark')}}}}}"
        )
    return f"{root}body{{font:14px/1.5 {encoding.FONT}}}{_RULES}"


_RULES = """
body{margin:0;padding:4px;background:var(--page);color:var(--ink);overflow-x:auto}
p{margin:0 0 8px;color:var(--mute);font-size:13px}
#vis{margin-top:12px}
svg text{fill:var(--ink)}
svg[fill="white"],.attn_background[fill="white"]{fill:var(--page)}
.attn_background[fill="#F5F5F5"]{fill:var(--field)}
.background{fill:var(--line)}
.highlight{fill:var(--mute)}
select{font:inherit;color:var(--ink);background:var(--field);border:1px solid var(--line);border-radius:6px;padding:2px 8px}
select:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
"""

_PAGE = """<!doctype html>
<html lang="en" translate="no" class="notranslate">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>BertViz</title>
<style>{style}</style>
</head>
<body>
{notes}
{body}
<script type="application/json" id="params">{params}</script>
{scripts}
</body>
</html>
"""
