"""All pages in their groups, and the row that leads to them: the one list that the app, its navigation and the tests read.

The row is part of the index page, so it stands there before Streamlit draws anything. Below 1,100 pixels it is a menu.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

from attnviz.web import panels

_HERE = Path(__file__).parent / "index_page"


@dataclass(frozen=True)
class PageEntry:
    """A page: its name in the address, its script, its title, its name in the row, and what the menu says about it."""

    name: str
    script: str
    title: str
    label: str
    about: str

    @property
    def address(self) -> str:
        """Return the address, as a link on any page has it under any base path."""
        return "./" if self.name == DEFAULT else self.name


@dataclass(frozen=True)
class PageGroup:
    """Pages for one purpose; a group without a name stands apart."""

    name: str
    pages: tuple[PageEntry, ...]


DEFAULT = "attention"  # the page of the address without a name, which all old links to the board have
LEAD = "attnviz shows which words a language model looks at while it reads your sentence, head by head."  # on Start
START = "start"  # the page of a first visit to the address without a name and without parameters
GROUPS = (
    PageGroup("", (PageEntry(START, "pages/explore/start.py", "Start", "Start", "what this is, and where to begin"),)),
    PageGroup(
        "Look",
        (
            PageEntry("attention", "pages/explore/attention.py", "Attention", "Attention", "one sentence, all heads"),
            PageEntry("compare", "pages/explore/compare.py", "Compare", "Compare", "heads side by side"),
        ),
    ),
    PageGroup(
        "Find",
        (
            PageEntry("heads", "pages/explore/heads.py", "Find heads", "Heads", "which head does what"),
            PageEntry("coreference", "pages/learn/coreference.py", "Coreference", "Coreference", "what “it” refers to"),
            PageEntry("syntax", "pages/learn/syntax.py", "Syntax", "Syntax", "subject, object and the rest"),
        ),
    ),
    PageGroup(
        "Understand",
        (
            PageEntry("inside", "pages/learn/inside.py", "Inside attention", "Inside", "the sum, step by step"),
            PageEntry("whatif", "pages/learn/whatif.py", "Experiments", "Experiments", "change one thing"),
            PageEntry("cost", "pages/learn/cost.py", "Cost", "Cost", "time and memory"),
            PageEntry("places", "pages/learn/places.py", "Beyond text", "Beyond text", "pictures and other data"),
        ),
    ),
    PageGroup("", (PageEntry("glossary", "pages/learn/glossary.py", "Glossary", "Glossary", "every term explained"),)),
)
PAGES = tuple(page for group in GROUPS for page in group.pages)


def page(name: str) -> PageEntry:
    """Return the page that has this name in the address."""
    return next(one for one in PAGES if one.name == name)


def html() -> str:
    """Return the row as HTML; its links are relative, so they hold under any base path."""
    return (
        '<nav id="attnviz-frame" aria-label="Pages"><a class="skip" href="#stMain">Skip to the page</a>'
        '<span class="brand">attnviz</span><span class="here" aria-hidden="true"></span>'
        '<div id="attnviz-pages"><div class="sheet-head"><b>Menu</b>'
        '<button type="button" popovertarget="attnviz-pages" popovertargetaction="hide">Close</button></div>'
        f"{''.join(map(_group, GROUPS))}{panels.buttons()}</div>"
        '<button type="button" class="exit" hidden>Exit presenting</button>'
        '<button type="button" class="menu" popovertarget="attnviz-pages"><i></i>Menu</button></nav>'
    )


def css() -> str:
    """Return the style sheet of the row and its panels."""
    return "\n".join((_HERE / f"{name}.css").read_text("utf-8") for name in ("navigation", "panels"))


def _group(group: PageGroup) -> str:
    """Return a group under its name."""
    links = "".join(map(_link, group.pages))
    if not group.name:
        return f'<div class="group alone"><small></small><div>{links}</div></div>'
    heading = f'<small aria-hidden="true">{group.name}</small>'
    return f'<div class="group" role="group" aria-label="{group.name}">{heading}<div>{links}</div></div>'


def _link(page: PageEntry) -> str:
    """Return the link to a page; the menu shows what it is about."""
    label, about = escape(page.label), escape(page.about)
    return (
        f'<a href="{page.address}" data-page="{page.name}" aria-label="{label}" aria-description="{about}">{label}'
        f'<small aria-hidden="true">{about}</small></a>'
    )
