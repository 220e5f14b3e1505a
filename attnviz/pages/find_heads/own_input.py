"""What a reader gives: a file or pasted text, example files to download, and the lines that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from weakref import WeakValueDictionary

import streamlit as st

from attnviz.linguistics.corpora.types import BrokenLine
from attnviz.linguistics.own_corpus import LISTED, line_message
from attnviz.settings import Settings
from attnviz.types import quoted
from attnviz.ui import widget_values, widgets

PASTED = "the pasted text"
MAX_TOTAL = 32 * 2**20  # bytes of all readers' files; parsed, a file takes some ten times its size
MAX_PASTED = 30_000  # characters: a browser sends them again with every choice
EXAMPLES = resources.files("attnviz").joinpath("content/own")


@dataclass(frozen=True)
class OwnInput:
    """A file or a pasted text: its name, its bytes, and an id that changes with them."""

    id: str
    name: str
    content: bytes


def kept(key: str) -> str:
    """Return the name under which the session keeps what a field has, also while another page is open."""
    return f"{key}-kept"


def upload(label: str, key: str) -> OwnInput | None:
    """Draw the field for a file, where this server takes files; returns the file that was chosen last and not removed."""
    limit = Settings.from_env().upload_bytes
    if not limit:
        st.caption("This server takes no files. Paste the text instead.")
        return None
    file = st.file_uploader(
        f"{label}, at most {_size(limit)}", key=key, max_upload_size=max(1, -(-limit // 2**20)),
        on_change=_forget, args=(key,),
        help="The file stays in this server's memory for you alone, until you remove it or close the page. It is in no link.",
    )  # fmt: skip
    if file is None:
        return _earlier(key)
    if file.size > limit:
        rule = f"A file has at most {_size(limit)}; {quoted(file.name)} has {_size(file.size)}"
        st.error(widgets.plain(f"{rule}. Divide it, or paste a part."))
        return None
    others = sum(len(one.content) for id, one in list(_files().items()) if id != file.file_id)
    if others + file.size > MAX_TOTAL:
        st.error("Many files are in this server's memory at this moment. Paste a part of the text, or try again later.")
        return None
    found = st.session_state[kept(key)] = _files()[file.file_id] = OwnInput(file.file_id, file.name, file.getvalue())
    return found


@st.cache_resource(show_spinner=False)
def _files() -> WeakValueDictionary[str, OwnInput]:
    """Return the files that sessions have now; one is gone as soon as its session forgets it."""
    return WeakValueDictionary()


def _size(count: int) -> str:
    """Return a number of bytes as a reader knows it."""
    return f"{count / 2**20:.1f} MB".replace(".0", "") if count >= 2**20 else f"{-(-count // 1024)} kB"


def _earlier(key: str) -> OwnInput | None:
    """Return the file that was chosen before another page was opened, after a line that offers to remove it."""
    found = st.session_state.get(kept(key))
    if found is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"Still here: {widgets.plain(found.name)}", width="content")
            st.button("Remove", key=f"{key}-remove", on_click=_forget, args=(key,), type="tertiary")
    return found


def _forget(key: str) -> None:
    """Forget the file of a field: it was removed, or another one is chosen."""
    st.session_state.pop(kept(key), None)


def paste(label: str, key: str, placeholder: str = "", height: int = 200) -> OwnInput | None:
    """Draw the field for pasted text; returns it, None if it is blank."""
    name = widget_values.fill(key, st.session_state.get(kept(key), ""))
    text = st.text_area(
        label, key=name, max_chars=MAX_PASTED, placeholder=placeholder, height=height,
        on_change=widget_values.answer(name, lambda value: st.session_state.update({kept(key): value})),
    )  # fmt: skip
    if not text.strip():
        return None
    content = text.encode("utf-8", "replace")
    return OwnInput(sha256(content).hexdigest(), PASTED, content)


def one_of(file: OwnInput | None, pasted: OwnInput | None) -> OwnInput | None:
    """Return the file, or without one the pasted text; says so where both are there."""
    if file is not None and pasted is not None:
        st.caption("The file is used. Remove it to use the text in the field.")
    return file or pasted


def examples(files: Mapping[str, str]) -> None:
    """Draw buttons that download example files: the label of each, and the name of its file."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("Download an example file:", width="content")
        for label, name in files.items():
            st.download_button(
                label, EXAMPLES.joinpath(name).read_bytes, file_name=f"attnviz-{name}", mime="text/plain", on_click="ignore",
                key=f"own-example-{name}", type="tertiary",
                icon=":material/download:",
            )  # fmt: skip


def broken_lines(lines: Sequence[BrokenLine], faults: int) -> None:
    """Draw the lines that cannot be read, the first ones in full."""
    if not faults:
        return
    listed = [f"- {widgets.plain(line_message(line))}" for line in lines[:LISTED]]
    if faults > len(listed):
        listed.append(f"- and {faults - len(listed):,} more")
    count = "1 line cannot be read and is" if faults == 1 else f"{faults:,} lines cannot be read and are"
    st.warning("\n".join([f"{count} left out:", "", *listed]))
