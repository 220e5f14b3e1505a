"""What a notebook shows of a Trace: the board in a frame of its own, then the strongest links in words.

The page is packed in a comment after the frame that unpacks it: a notebook without frames (by nbconvert's
`sanitize_html`, or because it is not trusted) loses comments too, and keeps the words.
"""

from __future__ import annotations

import base64
import html
import zlib

from attnviz.analysis import legibility_text, link_ranking, view
from attnviz.board.choice import Choice
from attnviz.board.frame import frame, sheet
from attnviz.board.page import page
from attnviz.board.roles import roles
from attnviz.engine.trace import Trace
from attnviz.errors import UnknownModelError
from attnviz.figures import encoding
from attnviz.models import catalog
from attnviz.types import HeadRef
from attnviz.view_state import ViewOptions

HEIGHT = 640  # pixels: height for arranging the pictures, and of the frame until it takes the height of its page
MAX_BYTES = 4_000_000  # bytes of weights in one cell: heads beyond it are left out; with far too many, only words are shown
LINKS = 5
CLEANED = "The board is not shown here: it needs a notebook that is trusted and not cleaned of frames."
# The frame's document: it replaces itself with the page in the comment after the frame. From then on the frame is as tall as
# the page at any time, except in presentation mode.
UNPACK = (
    "<script>const behind=frameElement.nextSibling.data,"
    "bytes=Uint8Array.from(atob(behind),(sign)=>sign.charCodeAt(0)),"
    "unpacked=new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));"
    "new Response(unpacked).text().then((page)=>{document.open();document.write(page);document.close();"
    "const fit=()=>{if(!document.fullscreenElement)"
    "frameElement.style.height=Math.ceil(document.body.getBoundingClientRect().height)+'px'};"
    "new ResizeObserver(fit).observe(document.body);fit()})</script>"
)


def cell(trace: Trace) -> str:
    """Return HTML for one cell: every head; with many weights one head and small pictures of the others; or only words."""
    head, name = _opens(trace)
    summary = _words(trace, head, name)
    data = frame(trace, head.block, name=name, roles=roles(trace, head.block), exact=True)
    if len(data) > MAX_BYTES:
        data = frame(trace, head.block, name=name, roles=roles(trace, head.block))
    if len(data) > MAX_BYTES:
        return html.escape(f"{summary} Of so many heads a cell holds no picture: ask for the weights of one, or save its page.")
    exact = sheet(trace, head, data)
    if exact is not None and len(data) + len(exact) > MAX_BYTES:
        exact = None
    written = page(
        data, Choice(head, None, ViewOptions()), sheet=exact, title=f"{encoding.head_name(head)} of {name}", tall=HEIGHT
    )
    packed = base64.b64encode(zlib.compress(written.encode("utf-8", "replace"), 9)).decode()
    place = f'width="100%" height="{HEIGHT}" style="border:0" title="The board" allowfullscreen'
    return f'<iframe srcdoc="{html.escape(UNPACK)}" {place}>{CLEANED}</iframe><!--{packed}-->{html.escape(summary)}'


def _opens(trace: Trace) -> tuple[HeadRef, str]:
    """Return the head that is shown first, and the model's name."""
    block = trace.blocks[0]
    try:
        card = catalog.card(trace.request.model)
    except UnknownModelError:
        return HeadRef(0, 0, block), trace.request.model or "a model"
    return HeadRef(*card.head, block), card.name


def _words(trace: Trace, head: HeadRef, name: str) -> str:
    """Describe the content, and the strongest links of its first head."""
    part = trace.block(head.block)
    pattern = view.pattern(trace, head, ViewOptions(special="hide"))
    queries, keys = encoding.labels(pattern.queries, pattern.query_units), encoding.labels(pattern.keys, pattern.key_units)
    strongest = ", ".join(
        f"{encoding.link(queries[one.query], keys[one.key])} {encoding.three(one.weight)}"
        for one in link_ranking.strongest(pattern, LINKS)
    )
    others = f" Of the blocks {', '.join(trace.blocks)} it shows {head.block}." if len(trace.blocks) > 1 else ""
    size = f"{part.layers} layers × {part.heads} heads on {len(part.queries)} tokens"
    unread = legibility_text.unread(trace, name)
    unread = f" {unread}" if unread else ""
    summary = (
        f"{name}: {size}.{others}{unread} Strongest links between words in {encoding.head_name(head)}: {strongest or 'none'}."
    )
    return summary.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be sent to a notebook
