"""Two records compared: prose that may change is separated from data that must stay."""

from __future__ import annotations

import base64
import importlib
import io
import json
import re
import zlib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def loaded(name: str) -> ModuleType:
    """A module of `.ci`, which is no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / ".ci"))
        return importlib.import_module(name)


@pytest.fixture(scope="module")
def outputs() -> ModuleType:
    return loaded("outputs")


@pytest.fixture(scope="module")
def folder() -> ModuleType:
    return loaded("recording.folder")


def written(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


@pytest.fixture(scope="module")
def formats() -> ModuleType:
    return loaded("recording.formats")


OLD: dict[str, str | bytes] = {
    "cli/a.csv": "query,weight\nit,0.64\n",
    "cli/a.words": "Row = who looks\nat most 72 heads\nthe same\n",
    "cli/b.words": "Row = who looks\n",
    "python/Trace.names": "heads\nlayers\n",
    "pages/a.code": "script 1\n",
    "pages/a.png": b"\x89PNG\x00\xff1",
}


def test_a_record_compared_with_itself_passes(outputs, tmp_path, capsys):
    written(tmp_path / "old", OLD)
    written(tmp_path / "new", OLD)
    assert outputs.main(["compare", str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    assert "6 records are identical" in capsys.readouterr().out


def test_wording_code_and_new_names_are_listed_and_do_not_fail(outputs, tmp_path, capsys):
    new = OLD | {
        "cli/a.words": "Row: the word that looks\nat most 27 heads\nthe same\n",
        "cli/b.words": "Row: the word that looks\n",
        "python/Trace.names": "heads\nlayers\nrows\n",
        "pages/a.code": "script 2\n",
    }
    written(tmp_path / "old", OLD)
    written(tmp_path / "new", new)
    assert outputs.main(["compare", str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    shown = capsys.readouterr().out
    assert shown.count("+ Row: the word that looks") == 1
    assert "cli/a.words and 1 more" in shown
    assert shown.index("numbers differ too: 1 changes") < shown.index("at most 27 heads") < shown.index("WORDING: 1 changes")
    assert "NAMES that are new\n  python/Trace.names\n    rows" in shown
    assert "CODE that differs: 1 records" in shown


@pytest.mark.parametrize(
    ("name", "content", "shown"),
    [
        ("cli/a.csv", "query,weight\nit,0.65\n", "+it,0.65"),
        ("python/Trace.names", "heads\n", "lost: failure\n  python/Trace.names\n    layers"),
        ("pages/a.png", b"\x89PNG\x00\xfe1", "7 bytes and 7 bytes; they differ from byte 5 on"),
        ("cli/new.csv", "", "ONLY IN THE NEW RECORD: failure\n  cli/new.csv"),
    ],
)
def test_data_that_differs_fails(outputs, tmp_path, capsys, name, content, shown):
    written(tmp_path / "old", OLD)
    written(tmp_path / "new", OLD | {name: content})
    both = ["compare", str(tmp_path / "old"), str(tmp_path / "new")]
    assert outputs.main(both) == 1
    assert shown in capsys.readouterr().out
    assert outputs.main([*both, "--allow", f"{name[:5]}*"]) == 0
    assert name in capsys.readouterr().out


def test_a_difference_that_is_meant_is_allowed_with_its_reason_and_the_rest_is_still_compared(outputs, tmp_path, capsys):
    written(tmp_path / "old", OLD)
    both = ["compare", str(tmp_path / "old"), str(tmp_path / "new")]
    rules = tmp_path / "allowed.toml"
    rules.write_text(
        '[[allow]]\nwhy = "Halves go up"\nrecords = ["cli/*"]\nreplace = [["0.64", "0.65"]]\n'
        '[[allow]]\nwhy = "Never documented"\nrecords = ["python/Trace.names"]\nnames = ["layers"]\n'
    )
    both += ["--allowed", str(rules)]
    new = OLD | {"cli/a.csv": "query,weight\nit,0.65\n", "python/Trace.names": "heads\n"}
    written(tmp_path / "new", new)
    assert outputs.main(both) == 0
    shown = capsys.readouterr().out
    assert "4 records are identical" in shown
    assert "ALLOWED to differ: 2 records" in shown
    assert "Halves go up (1)\n    cli/a.csv" in shown
    assert "Never documented (1)\n    python/Trace.names" in shown
    written(tmp_path / "new", {"cli/a.csv": "query,weight\nthe,0.65\n", "python/Trace.names": "rows\n"})
    assert outputs.main(both) == 1
    shown = capsys.readouterr().out
    assert "-it,0.65\n    +the,0.65" in shown
    assert "lost: failure\n  python/Trace.names\n    heads\n" in shown


def test_each_difference_that_is_allowed_has_a_reason(outputs):
    entries = outputs.allowances(outputs.ALLOWED)
    assert entries
    assert all(len(entry.why.split()) > 3 and entry.records for entry in entries)


def test_a_lost_record_of_data_fails(outputs, tmp_path):
    written(tmp_path / "old", OLD)
    written(tmp_path / "new", {name: content for name, content in OLD.items() if name != "cli/a.csv"})
    assert outputs.compare(tmp_path / "old", tmp_path / "new").only_old == ["cli/a.csv"]


def test_prose_is_taken_out_of_json_and_everything_around_it_stays(folder):
    raw = '{"kind": "TooLongError", "message": "Shorten it", "n": [1.50,2], "text": "one two three", "id": "a b"}'
    data, words = folder.split(raw)
    assert data == '{"kind": "TooLongError", "message": "<prose>", "n": [1.50,2], "text": "<prose>", "id": "a b"}'
    assert words == ["Shorten it", "one two three"]
    assert folder.split(raw, inputs=["one two three"])[1] == ["Shorten it"]


def test_markup_is_split_into_data_wording_and_code(folder):
    page = '<p class="x" title="Where it looks" style="width:3px">0.64</p><p>Words of several pieces</p><script>f()</script>'
    found = folder.Folder(Path()).marked(page)
    assert found.data == ["p style=width:3px", "0.64", "/p", "p", "<prose>", "/p", "script", "/script"]
    assert found.words == ["title: Where it looks", "Words of several pieces"]
    assert [line.partition(",")[0] for line in found.code] == ["p class=x", "3 bytes"]


def test_headings_are_wording_even_with_one_word(folder):
    found = folder.Folder(Path()).marked("<h1>Places</h1><dt>Weights</dt><p>Places</p>")
    assert found.data == ["h1", "<prose>", "/h1", "dt", "<prose>", "/dt", "p", "Places", "/p"]
    assert found.words == ["Places", "Weights"]


def png_file(colour: tuple[int, int, int], description: str, level: int) -> bytes:
    from PIL import Image, PngImagePlugin

    info, file = PngImagePlugin.PngInfo(), io.BytesIO()
    info.add_text("Description", description)
    Image.new("RGB", (2, 2), colour).save(file, "PNG", pnginfo=info, compress_level=level)
    return file.getvalue()


def test_a_png_is_compared_by_its_pixels(folder, formats):
    one, other = ((9, 9, 9), "Row = who looks", 0), ((9, 9, 9), "Row: the word that looks", 9)
    (data, words), (same, others) = (formats.png(png_file(*each), folder.is_prose) for each in (one, other))
    assert data == same
    assert (words, others) == (["Description: Row = who looks"], ["Description: Row: the word that looks"])
    assert formats.png(png_file((9, 9, 8), one[1], 0), folder.is_prose)[0] != data


def pdf_file(drawn: bytes, subject: str, level: int) -> bytes:
    content = zlib.compress(drawn, level)
    info = (
        b"<< /Producer (x) /Subject (" + re.sub(rb"([()\\\\])", rb"\\\1", b"\xfe\xff" + subject.encode("utf-16-be")) + b") >>"
    )
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(content), content)
    return b"1 0 obj\n" + stream + b"\nendobj\n2 0 obj\n" + info + b"\nendobj\nstartxref\n%d" % len(content)


def test_a_pdf_is_compared_by_what_it_draws(folder, formats):
    one, other = (b"1 0 m 2 3 l S" * 9, "Row = who looks (1)", 1), (b"1 0 m 2 3 l S" * 9, "Row: the word that looks", 9)
    (data, words), (same, others) = (formats.pdf(pdf_file(*each), folder.is_prose) for each in (one, other))
    assert data == same
    assert (words, others) == (["Subject: Row = who looks (1)"], ["Subject: Row: the word that looks"])
    assert formats.pdf(pdf_file(b"1 0 m 2 4 l S" * 9, one[1], 1), folder.is_prose)[0] != data


def test_schemas_of_an_openapi_document_may_be_named_or_in_place(formats):
    schema = {"type": "object", "required": ["ok", "no"], "description": "How it goes"}
    named = {"paths": {"/a": {"schema": {"$ref": "#/components/A"}}}, "components": {"A": {**schema, "title": "A"}}}
    in_place = {"paths": {"/a": {"schema": schema | {"required": ["no", "ok"]}}}}
    lines = formats.routes(json.dumps(named))
    assert lines == formats.routes(json.dumps(in_place))
    assert lines == [f"paths//a/schema/{end}" for end in ('required[] = "no"', 'required[] = "ok"', 'type = "object"')]


def test_bytes_of_the_board_are_compared_inflated_and_without_the_digests_that_link_them(formats):
    def sent(magic: bytes, digest: str, array: bytes) -> bytes:
        header = f'{{"frame":"{digest}"}}'.encode()
        return magic + b"d" * 16 + len(header).to_bytes(4, "little") + header + b"\0" * (-(24 + len(header)) % 4) + array

    coder = zlib.compressobj(wbits=-15)
    deflated = coder.compress(b"weights") + coder.flush()
    assert formats.board(sent(b"ATN1", "a" * 32, b"weights")) == formats.board(sent(b"ATZ1", "b" * 32, deflated))
    assert formats.board(b"weights") == ("", formats.digest(b"weights"))
    assert formats.board(sent(b"ATN1", "a" * 32, b"weight")) != formats.board(sent(b"ATN1", "a" * 32, b"weights"))


def test_the_sentences_inside_a_saved_page_s_weights_are_wording(folder):
    header = b'{"roles":["It looks broadly here"],"heads":12}'
    data = b"ATN1" + b"d" * 16 + len(header).to_bytes(4, "little") + header + b"\0" * (-(24 + len(header)) % 4) + b"weights"
    page = f'<script type="application/octet-stream">{base64.b64encode(data).decode()}</script>'
    found = folder.Folder(Path()).marked(page)
    assert found.words == ["It looks broadly here"]
    assert [line.partition(" 7 bytes")[0] for line in found.payload] == ['{"roles":["<prose>"],"heads":12}']
