"""Text of readers as Markdown that shows it as text."""

from __future__ import annotations

import re


def plain(text: str) -> str:
    """Return text as Markdown that shows exactly this text: every mark that could start markup, a link or a formula is escaped.

    An address becomes a link even so, unless something stands in it: a word joiner, which is invisible.
    """
    text = re.sub(r"(?i)(https?(?=://)|www(?=\.)|(?<=[\w.+-])(?=@))", "\\1\u2060", text)
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:/@&=^])", r"\\\1", text).replace("\n", "  \n")
