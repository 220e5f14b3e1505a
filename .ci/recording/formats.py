"""Files that mix data and prose, split: PDF, PNG, the board's bytes, and the routes of an OpenAPI document.

Each function returns lines of DATA and pieces of WORDING. Pictures are compared by their pixels and pages of a PDF by what
they draw, so that another compression or another description of the same picture is no difference.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

Split = tuple[list[str], list[str]]

_OBJECT = re.compile(rb"(\d+) 0 obj\n(.*?)\nendobj", re.DOTALL)
_STREAM = re.compile(rb"(.*?)\s*stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_TEXT = re.compile(rb"/(\w+) \(((?:[^()\\]|\\.)*)\)", re.DOTALL)
_BOARD = (b"ATN1", b"ATZ1")  # the second has a deflated array
_PNG = "data:image/png;base64,"
_NOTES = ("description", "title", "summary")  # of an OpenAPI document: wording where their value is a string


def digest(data: bytes) -> str:
    """Size and SHA-256 of some bytes."""
    return f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}"


def described(name: str, text: str, is_wording: Callable[[str], bool]) -> Split:
    """Return one description inside a file: data if it is JSON, as in the source of a picture, or a word or two."""
    if is_wording(text) and not text.startswith("{"):
        return [f"{name} <prose>"], [f"{name}: {text}"]
    return [f"{name} {text}"], []


def pdf(data: bytes, is_wording: Callable[[str], bool]) -> Split:
    """What each object of a PDF holds, but for lengths and offsets in the file."""
    lines, words = [], []
    for number, body in _OBJECT.findall(data):
        if stream := _STREAM.match(body):
            content = zlib.decompressobj().decompress(stream[2]) if b"/FlateDecode" in stream[1] else stream[2]
            facts = re.sub(rb"/Length \d+( 0 R)?", b"", stream[1])
            lines.append(f"{int(number)} {facts.decode('latin-1')} {digest(content)}")
        elif b"/Producer" in body:
            for name, raw in _TEXT.findall(body):
                text = re.sub(rb"\\(.)", rb"\1", raw, flags=re.DOTALL)
                plain = text.decode("utf-16") if text.startswith(b"\xfe\xff") else text.decode("latin-1")
                found = described(name.decode(), plain, is_wording)
                lines += found[0]
                words += found[1]
        elif not body.isdigit():  # the length of a stream
            lines.append(f"{int(number)} {body.decode('latin-1')}")
    return lines, words


def pixels(data: bytes) -> str:
    """Size and colours of a PNG."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return f"{image.width} × {image.height} pixels, {digest(image.convert('RGBA').tobytes())}"


def png(data: bytes, is_wording: Callable[[str], bool]) -> Split:
    """Pixels and descriptions of a PNG."""
    from PIL import Image

    lines, words = [pixels(data)], []
    with Image.open(io.BytesIO(data)) as image:
        for name, value in sorted(image.info.items()):
            found = described(name, str(value), is_wording)
            lines += found[0]
            words += found[1]
    return lines, words


def picture_in_link(value: str) -> str:
    """Return the value of an attribute, with a PNG inside it as its pixels."""
    return f"png {pixels(base64.b64decode(value[len(_PNG) :]))}" if value.startswith(_PNG) else value


def board(data: bytes) -> tuple[str, str]:
    """Return the header of bytes for the board, and the digest of their array; "" for a header where there is none.

    The digests by which the parts find each other are left out.
    """
    if data[:4] not in _BOARD:
        return "", digest(data)
    end = 24 + int.from_bytes(data[20:24], "little")
    header, array = data[24:end], data[end + -end % 4 :]
    if data[:4] == b"ATZ1":
        array = zlib.decompress(array, -15)
    return re.sub(r"[0-9a-f]{32}", "<digest>", header.decode()), digest(array)


def decoded(text: str) -> bytes:
    """Return the bytes that a saved page has in base64; of other text, its own."""
    try:
        return base64.b64decode(text.strip(), validate=True)
    except ValueError:
        return text.encode()


def routes(raw: str) -> list[str]:
    """Return every fact of an OpenAPI document on a line of its own, without wording, whatever schemas it names for reuse."""
    document = json.loads(raw)
    return sorted(set(_facts(document["paths"], document, "paths")))


def _facts(value: Any, document: dict[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, dict):
        if reference := value.get("$ref"):
            yield from _facts(_referred(reference, document), document, path)
            return
        for key, inner in value.items():
            if key not in _NOTES or not isinstance(inner, str):
                yield from _facts(inner, document, f"{path}/{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _facts(inner, document, f"{path}[]")
    else:
        yield f"{path} = {json.dumps(value)}"


def _referred(reference: str, document: dict[str, Any]) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found
