"""The URL of the page: the selection and the open page's own parameters, read from links and written for them.

A link, or a step back in the browser, is read when the URL is not what we wrote last.
"""

from __future__ import annotations

import streamlit as st

from attnviz.selection import PARAMETERS, Selection
from attnviz.types import HeadRef
from attnviz.ui import state

_URL, _PAGE_PARAMS, _PAGE_PARAMS_READ = "attnviz_url", "attnviz_page_params", "attnviz_page_params_read"
_PAGE = "attnviz_page"  # the address of the page that ran last
NOT_CARRIED = ("print", "answers")  # parameters that end with the page: another page does not open as a worksheet


def read(page: str = "") -> None:
    """Take the selection from the URL on a first visit, and when the URL is not the one that we wrote last.

    With a choice of the reader the browser may send an older URL, because the newest one is still on its way: then the
    choice is newer and the URL is ignored. A head that neither the reader nor a link chose is the model's own again, until
    the page opens on one that suits it (`state.open_on`). `page`: the address of the open page; without a link, a change of it
    drops what ends with a page.
    """
    params = st.query_params.to_dict()
    chosen = state.take_changed()
    if not state.is_open() or (params and not chosen and params != st.session_state.get(_URL)):
        state.open_link(*Selection.parse(params), names_head="layer" in params or "head" in params)
        st.session_state[_PAGE_PARAMS] = {name: value for name, value in params.items() if name not in PARAMETERS}
    elif page != st.session_state.get(_PAGE, page):
        given = st.session_state.get(_PAGE_PARAMS, {})
        st.session_state[_PAGE_PARAMS] = {name: value for name, value in given.items() if name not in NOT_CARRIED}
    st.session_state[_PAGE] = page
    state.open_on(HeadRef(*state.card().head, state.card().blocks[0]))
    st.session_state[_PAGE_PARAMS_READ] = set()
    st.session_state[_URL] = params  # read once: a run that is cut short does not reach `write`


def write() -> None:
    """Write the selection to the URL, so that a reload or a copied link shows the same."""
    given, read = st.session_state.get(_PAGE_PARAMS, {}), st.session_state.get(_PAGE_PARAMS_READ, set())
    params = state.current().params() | {name: given[name] for name in sorted(read) if given.get(name)}
    if st.query_params.to_dict() != params:
        st.query_params.from_dict(params)
    st.session_state[_URL] = params
    state.take_changed()


def parameter(name: str) -> str:
    """Return a URL parameter that only the open page uses, such as a glossary term; "" if the link has none.

    The URL keeps it beside the selection as long as the page reads it.
    """
    st.session_state.setdefault(_PAGE_PARAMS_READ, set()).add(name)
    return st.session_state.get(_PAGE_PARAMS, {}).get(name, "")


def set_parameter(name: str, value: str) -> None:
    """Set a URL parameter of the open page."""
    st.session_state[_PAGE_PARAMS] = {**st.session_state.get(_PAGE_PARAMS, {}), name: value}
    state.mark_changed()
