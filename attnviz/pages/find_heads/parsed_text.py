"""The parse of the text on screen, made once for all readers."""

from __future__ import annotations

from attnviz.engine.trace import Trace
from attnviz.linguistics import parse
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.ui.backend import backend


def parsed(trace: Trace) -> ParsedSentence | None:
    """Return the parser's words and links; None for a text that is too long, or where the parser is not installed.

    Raises AttnvizError for a text that cannot be parsed.
    """
    if not parse.available() or len(trace.request.text) > parse.LONGEST:
        return None
    return backend().derived(trace.request, "parse", lambda one: parse.parsed(one.request.text))
