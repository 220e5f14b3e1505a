"""The scripts of BertViz's views: complete, offline, the same for every text.

A page's data is separate JSON, so a policy can name the exact scripts that may run.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from attnviz.figures.bertviz.csp_hash import digest

VIEWS = ("head", "model")
PARAMS = "JSON.parse(document.getElementById('params').textContent)"
# BertViz has ten colours for heads: the eleventh would look like the first. The first ten are kept.
_LOADER = """
window.require = {config() {}};
window.requirejs = (names, draw) => draw(window.jQuery, window.d3);
(() => {
  const pairs = d3.scale.category20().range();
  const strong = pairs.filter((c, i) => i % 2 === 0), pale = pairs.filter((c, i) => i % 2);
  d3.schemeCategory10 = [...strong, ...pale, ...d3.scale.category20b().range(), ...d3.scale.category20c().range()];
  d3.scaleOrdinal = (colours) => d3.scale.ordinal().range(colours);
})();
"""
_FILTER = f"""
{{
  const select = document.getElementById('filter');
  if (select) select.value = {PARAMS}.default_filter;
}}
"""


@cache
def scripts(view: str) -> tuple[str, ...]:
    """Return the scripts of a page, in order: jQuery and D3, a replacement for the module loader, BertViz's own, the start."""
    return (_libraries(), _LOADER, _own(view), _FILTER)


@cache
def digests() -> tuple[str, ...]:
    """Return the hashes of all scripts of all views, each once."""
    return tuple(dict.fromkeys(digest(script) for view in VIEWS for script in scripts(view)))


def _own(view: str) -> str:
    """Return BertViz's own script, which reads its data from the page; found without importing BertViz, which loads torch."""
    spec = find_spec("bertviz")
    assert spec is not None and spec.origin is not None, "requirements.txt names it"  # noqa: PT018
    source = Path(spec.origin).with_name(f"{view}_view.js").read_text("utf-8")
    return re.sub(r"const params = PYTHON_PARAMS;.*", lambda _: f"const params = {PARAMS};", source)


@cache
def _libraries() -> str:
    """Return jQuery and D3 from their packages."""
    import xstatic.pkg.d3
    import xstatic.pkg.jquery

    jquery = Path(xstatic.pkg.jquery.BASE_DIR, "jquery.min.js").read_text("utf-8")
    return f"{jquery}\n;{Path(xstatic.pkg.d3.BASE_DIR, 'd3.js').read_text('utf-8')}"
