"""Records every page through `app.py`, as each link of `cases.LINKS` opens it: the address afterwards, elements and downloads.

Of Streamlit's test harness two private places are used: the page to open at first, since a browser opens a page by its path,
and the callables behind download buttons, which a browser would run by a click.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from recording import cases, formats
from recording.folder import PLOTLY_KEYS, PROSE_KEYS, Folder, digest, split

WAIT = 200  # seconds of a page
LAYOUT = (
    "root",
    "main",
    "sidebar",
    "event",
    "flex_container",
    "column",
    "empty",
    "block",
    "vertical",
    "horizontal",
    "tab_container",
)
CODE = ("component_name", "js_content", "css_content", "html_content", "js_source_path", "css_source_path")
DIGEST = re.compile(r"\b[0-9a-f]{32}\b")  # by which a board finds its bytes; these are compared themselves, as the payload
DROPPED = {
    "id": "a digest of the element's own parameters, its label among them",
    "deferred_file_id": "drawn at random", "url": "the same", "page_script_hash": "a digest of a path",
}  # fmt: skip
# Wording of a widget, whatever it holds; and what a reader chooses from, of which the data has the count and the choice.
WORDING = (
    "label",
    "help",
    "placeholder",
    "body",
    "code_text",
    "tooltip",
    "caption",
    "alt",
    "message",
    "icon",
    "error",
    "text",
)
CHOICES = ("options", "default", "raw_value", "raw_values", "value")


def record(out: Folder, work: Path) -> None:
    """Everything, into files below `pages/`."""
    from streamlit.runtime.media_file_manager import MediaFileManager
    from streamlit.testing.v1 import AppTest
    from streamlit.util import calc_hash

    made: dict[str, tuple[str, Callable[[], Any]]] = {}
    defer, add = MediaFileManager.add_deferred, MediaFileManager.add

    def add_deferred(self: Any, data_callable: Any, mimetype: Any, coordinates: str, file_name: Any = None, **more: Any) -> str:
        found = defer(self, data_callable, mimetype, coordinates, file_name, **more)
        made[found] = f"{file_name} {mimetype}", data_callable
        return found

    def added(
        self: Any, path_or_data: Any, mimetype: str, coordinates: str, file_name: Any = None, *rest: Any, **more: Any
    ) -> str:
        found = add(self, path_or_data, mimetype, coordinates, file_name, *rest, **more)
        made[found] = f"{file_name} {mimetype}", lambda: path_or_data
        return found

    MediaFileManager.add_deferred, MediaFileManager.add = add_deferred, added
    app = Path(os.environ["PYTHONPATH"].split(os.pathsep)[0]) / "app.py"
    for name, page, params in cases.LINKS:
        made.clear()
        opened = AppTest.from_file(app, default_timeout=WAIT)
        if page != "attention":
            opened._page_hash = calc_hash(page)
        for key, value in params.items():
            opened.query_params[key] = value
        opened.run()
        _page(out, f"pages/{name}", opened, made)


def _page(out: Folder, name: str, opened: Any, made: dict[str, tuple[str, Callable[[], Any]]]) -> None:
    """One page as it stands after its run."""
    lines, words, code, payload, components = [], [], [], [], []
    downloads = 0
    params = json.dumps(dict(opened.query_params), ensure_ascii=False, indent=1)
    out.data(f"{name}.address", params + "\n")
    for element in _walk(opened._tree):
        proto = getattr(element, "proto", None)
        if element.type in LAYOUT or proto is None or not hasattr(proto, "DESCRIPTOR"):
            continue
        if element.type == "html":
            _html(out, proto.body, lines, words, code)
            continue
        fields = dict(_fields(proto))
        messages = [f"{field}: {value}" for field, value in fields.items() if field in WORDING and value]
        for field in CODE:
            if value := fields.pop(field, ""):
                code.append(f"{getattr(proto, 'component_name', '')} {field} {digest(str(value).encode())}")
        if sent := fields.pop("bytes", b""):
            header, array = formats.board(sent)
            text, sentences = split(out.plain(header), inputs=out.inputs)
            payload.append(f"{text} {array}")
            words += [f"board {one}" for one in sentences]
        if key := _key(element):
            code.append(f"{element.type} key {DIGEST.sub('<digest>', key)}")
        options = [str(one) for one in fields.pop("options", [])]
        shown = {field: _parsed(value) for field, value in fields.items() if field not in (*DROPPED, *WORDING)}
        if options:
            shown["options"] = len(options)
            messages += [f"option: {one}" for one in options]
            for field in CHOICES:
                if isinstance(value := shown.get(field), str):
                    shown[field] = f"option {options.index(value)}" if value in options else value
                elif isinstance(value, list):
                    shown[field] = [f"option {options.index(one)}" if one in options else one for one in value]
        raw, prose = split(out.plain(json.dumps(shown, ensure_ascii=False, default=str)), inputs=out.inputs)
        lines.append(f"{element.type} {raw}")
        words += [f"{element.type} {one}" for one in (*messages, *prose)]
        if element.type == "plotly_chart":
            words += _long(out, lines, "spec", proto.spec, PLOTLY_KEYS)
        if element.type == "bidi_component":
            components.append(f"component {len(components)}")
            words += _component(out, proto, components, payload, code)
        if element.type == "dataframe":
            table = element.value
            words += [f"column: {one}" for one in table.columns]
            words += _long(out, lines, "table", table.to_json(orient="values", force_ascii=False))
        if element.type == "download_button":
            downloads += 1
            _download(out, f"{name}.download-{downloads}", made.get(proto.deferred_file_id or proto.url))
    out.data(f"{name}.elements", "\n".join(lines) + "\n")
    if components:
        out.data(f"{name}.components", DIGEST.sub("<digest>", "\n".join(components)) + "\n")
    out.words(name, words)
    out.code(name, code)
    if payload:
        out.data(f"{name}.payload", "\n".join(payload) + "\n")


def _walk(node: Any) -> Iterator[Any]:
    """Yield all parts of a page, from top to bottom."""
    yield node
    for child in getattr(node, "children", {}).values():
        yield from _walk(child)


def _key(element: Any) -> str:
    """Return the key by which a page knows a widget: a name of the program, not of its readers."""
    key = getattr(element, "key", None) or ""
    return key if isinstance(key, str) and not key.endswith(("None",)) else ""


def _fields(proto: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields that are set, but those that are large and have their own place."""
    from google.protobuf.json_format import MessageToDict

    for field, value in proto.ListFields():
        if field.name in ("spec", "arrow_data", "json", "mixed"):
            continue
        if field.type == field.TYPE_MESSAGE:
            many = isinstance(value, (list, tuple)) or hasattr(value, "add")
            as_dict = [MessageToDict(one) for one in value] if many else MessageToDict(value)
            yield field.name, [one.get("content", str(one)) for one in as_dict] if many else as_dict
        else:
            yield field.name, list(value) if hasattr(value, "extend") else value


def _parsed(value: Any) -> Any:
    """JSON inside a field as a value."""
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def _long(out: Folder, lines: list[str], name: str, raw: str, keys: frozenset[str] = PROSE_KEYS) -> list[str]:
    """JSON of a picture or table, an entry a line; returns its wording."""
    text, words = split(raw, keys, out.inputs)
    lines.append(f"  {name} " + text.replace('],"', '],\n  "').replace("},{", "},\n  {"))
    return [f"{name}: {one}" for one in words]


def _component(out: Folder, proto: Any, lines: list[str], payload: list[str], code: list[str]) -> list[str]:
    """What a component of ours is given: JSON, an SVG inside it, and bytes."""
    words: list[str] = []
    raw = proto.json or (proto.mixed.json if proto.HasField("mixed") else "")
    if raw:
        data = json.loads(raw)
        if isinstance(data, dict):
            for key in [key for key, value in data.items() if isinstance(value, str) and value.lstrip().startswith("<")]:
                _html(out, data.pop(key), lines, words, code)
        words += _long(out, lines, "json", json.dumps(data, ensure_ascii=False))
    if proto.HasField("mixed"):
        payload += [f"mixed {digest(blob.SerializeToString())}" for _, blob in sorted(proto.mixed.arrow_blobs.items())]
    return words


def _html(out: Folder, body: str, lines: list[str], words: list[str], code: list[str]) -> None:
    """Markup of a page."""
    found = out.marked(body)
    lines.append("html")
    lines += [f"  {one}" for one in found.data]
    words += [f"html {one}" for one in found.words]
    code += found.code


def _download(out: Folder, name: str, file: tuple[str, Callable[[], Any]] | None) -> None:
    """The file behind a button."""
    if file is None:
        out.data(f"{name}.none", "no file\n")
        return
    called, make = file
    found = make()
    data = found.encode() if isinstance(found, str) else found if isinstance(found, bytes) else found.read()
    out.data(f"{name}.named", f"{called}\n")
    out.file(f"{name}.file", called.partition(" ")[0].rpartition(".")[2], data)


if __name__ == "__main__":
    from recording.start import started

    record(*started(sys.argv))
