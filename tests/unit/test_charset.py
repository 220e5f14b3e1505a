"""Bytes read as text at every entry: marks are not text, other encodings are refused with byte and remedy."""

from __future__ import annotations

import codecs
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnviz import charset, cli
from attnviz.cli import io as terminal
from attnviz.errors import BadInputError, BadTextError, DamagedWeightsError, TooLongError
from attnviz.linguistics import corpora
from attnviz.linguistics.atlas.chunks import CorpusFiles
from attnviz.linguistics.corpora.lines import CorpusLine, lines
from attnviz.models import load
from attnviz.settings import Settings
from tests.fuzz import example_count
from tests.small_models import saved

WITH_A_MARK = {
    "utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE, "utf-32-be": codecs.BOM_UTF32_BE,
}  # fmt: skip
encodings = pytest.mark.parametrize("encoding", list(WITH_A_MARK))
TEXTS = ["It was tired.", "café 😀", "小猫没有过马路", "привет, мир", "a", "\x00b", "one\r\ntwo\rthree\n"]
CONLLU = "# text = Anna slept\n1\tAnna\t_\t_\t_\t_\t2\tnsubj\t_\t_\n2\tslept\t_\t_\t_\t_\t0\troot\t_\t_\n\n"
GAP = "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL\n" + (
    "x-1\tZoë met Eva and she fell.\tshe\t16\tZoë\t0\tTRUE\tEva\t8\tFALSE\thttp://x\n"
)
WINOGENDER = "sentid\tsentence\nnurse.patient.1.female.txt\tThe nurse told the patient that she slept.\n"
TOML = '[[sentence]]\ntext = "Zoë slept"\narcs = [["Zoë", "slept", "nsubj"]]\n'
CORPORA = {"conllu": CONLLU, "gap": GAP, "winogender": WINOGENDER, "own": TOML}


def given_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@encodings
@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_read_without_its_byte_order_mark(encoding: str, text: str):
    assert charset.decode(WITH_A_MARK[encoding] + text.encode(encoding), "x") == text


@settings(max_examples=example_count(200), deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: text[:1] != "\ufeff"),
    name=st.sampled_from(list(WITH_A_MARK)),
)
def test_any_text_with_a_byte_order_mark_is_read_back(text: str, name: str):
    if name == "utf-16-le" and text.startswith("\x00"):
        return  # then its first bytes are those of UTF-32, see below
    assert charset.decode(WITH_A_MARK[name] + text.encode(name), "x") == text


def test_utf_16_that_begins_with_a_nul_is_not_mistaken_for_utf_32():
    assert charset.decode(codecs.BOM_UTF16_LE + "\x00ab".encode("utf-16-le"), "x") == "\x00ab"


@settings(max_examples=example_count(200), deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff", min_codepoint=9)))
def test_any_text_in_utf_8_is_read_unchanged(text: str):
    assert charset.decode(text.encode(), "x") == text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("café au lait".encode("latin-1"), "byte 4 (0xE9), after “caf”, belongs to no character"),
        ("one\nzwei: schön".encode("cp1252"), "byte 14 (0xF6), in line 2, after “zwei: sch”, belongs to no character"),
        ("\xe9t\xe9".encode("latin-1"), "byte 1 (0xE9) belongs to no character"),
        ("中文".encode("gb18030"), "byte 1 (0xD6) belongs to no character"),
        (b"\xed\xa0\x80", "byte 1 (0xED) belongs to no character"),  # half a surrogate pair
        (b"caf\xc3", "byte 4 (0xC3), after “caf”, belongs to no character"),  # cut short
    ],
)
def test_bytes_that_are_not_utf_8_are_refused_with_position_and_remedy(content: bytes, says: str):
    with pytest.raises(BadTextError) as caught:
        charset.decode(content, "Standard input")
    assert str(caught.value).startswith(
        f"Standard input must be text in UTF-8, and {says}. Save it as UTF-8, or convert it: iconv"
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["It was tired.", "привет, мир", "café", "שלום עולם, hello", "a\nb"])
def test_utf_16_and_32_without_a_mark_are_recognised(encoding: str, text: str):
    with pytest.raises(BadTextError) as caught:
        charset.decode(text.encode(encoding), "x")
    if "שלום" not in text:
        name = encoding.replace("-le", "le").replace("-be", "be")
        assert f"seems to be {name.upper()} without a byte order mark" in str(caught.value)
        assert f"iconv -f {name} -t utf-8" in str(caught.value)


@pytest.mark.parametrize(
    "content", [codecs.BOM_UTF16_LE + b"a", codecs.BOM_UTF16_LE + b"a\x00b", codecs.BOM_UTF16_BE + b"\xd8\x00\x00a"]
)
def test_truncated_bytes_with_a_mark_are_refused_as_truncated(content: bytes):
    with pytest.raises(BadTextError, match=r"is marked as UTF-16, and at byte [0-9]+ is no whole character"):
        charset.decode(content, "x")


@encodings
def test_a_pipe_is_read_in_any_marked_encoding_without_its_last_line_end(monkeypatch, encoding: str):
    for end in ("", "\n", "\r\n", "\r"):
        given_input(monkeypatch, WITH_A_MARK[encoding] + f"the café{end}".encode(encoding))
        assert terminal.standard_input(200_000) == "the café"


def test_a_pipe_without_an_end_is_refused(monkeypatch):
    given_input(monkeypatch, b"x" * 401)
    with pytest.raises(TooLongError, match="A text may be 90 bytes long; standard input has more"):
        terminal.standard_input(90)


@pytest.mark.parametrize("command", ["attend", "rank", "roles"])
def test_a_pipe_that_is_no_text_is_refused_and_writes_no_file(monkeypatch, capsys, tmp_path: Path, command: str):
    given_input(monkeypatch, "the caf\xe9".encode("latin-1"))
    file = tmp_path / "out.json"
    more = ["--link", "the:caf"] if command == "rank" else ["-o", str(file)]
    assert cli.main([command, "-", *more]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert (
        "attnviz: Standard input must be text in UTF-8, and byte 8 (0xE9), after “the caf”, belongs to no character."
        in output.err
    )
    assert not file.exists()


def run(*arguments: str | bytes, **options) -> subprocess.CompletedProcess[bytes]:
    """The command line in a process of its own, as a shell starts it."""
    command = [sys.executable, "-m", "attnviz", *arguments]
    return subprocess.run(
        command, capture_output=True, timeout=120, env={**os.environ, "LC_ALL": "C.UTF-8"}, check=False, **options
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["attend", b"the caf\xe9"],
        ["attend", "the", "--text-b", b"caf\xe9"],
        ["roles", "the", "--text-b", b"caf\xe9"],
        ["rank", "the cat", "--link", b"the:caf\xe9"],
        ["rank", b"the caf\xe9", "--link", "the:caf"],
    ],
)
def test_arguments_that_are_no_text_are_refused(arguments: list):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr
    assert b"must be text in UTF-8" in done.stderr
    assert b"0xE9" in done.stderr


@pytest.mark.parametrize("way", ["closed", "unreadable"])
def test_unreadable_standard_input_is_refused(tmp_path: Path, way: str):
    shell = {"closed": "<&-", "unreadable": '0> "$0/new"'}[way]
    command = ["bash", "-c", f"{sys.executable} -m attnviz attend - {shell}", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert done.stderr.startswith(b"attnviz: ")


def test_a_byte_order_mark_in_an_argument_is_removed():
    assert charset.decode_argument("\ufeffIt slept.", "x") == "It slept."


@encodings
@pytest.mark.parametrize("kind", list(CORPORA))
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_corpora_are_read_in_any_marked_encoding_with_any_line_ends(tmp_path: Path, encoding: str, kind: str, end: str):
    file, plain = tmp_path / "made", tmp_path / "plain"
    plain.write_bytes(CORPORA[kind].encode())
    file.write_bytes(WITH_A_MARK[encoding] + CORPORA[kind].replace("\n", end).encode(encoding))
    read = getattr(corpora, kind)
    found, wanted = list(read(file, corpora.strict)), list(read(plain, corpora.strict))
    assert found == wanted
    assert len(found) == 1


@pytest.mark.parametrize("kind", list(CORPORA))
def test_a_corpus_in_utf_16_without_a_mark_is_one_error(tmp_path: Path, kind: str):
    (tmp_path / "made").write_bytes(CORPORA[kind].encode("utf-16-le"))
    broken: list = []
    assert list(getattr(corpora, kind)(tmp_path / "made", broken.append)) == []
    assert len(broken) == 1
    assert "UTF-16LE without a byte order mark" in broken[0].reason


def test_a_truncated_corpus_is_reported_and_its_complete_sentences_are_kept(tmp_path: Path):
    (tmp_path / "made").write_bytes(codecs.BOM_UTF16_LE + "one\ntwo\n".encode("utf-16-le") + b"\x00\xd8")
    *whole, last = lines(tmp_path / "made")
    assert whole == [CorpusLine(1, "one"), CorpusLine(2, "two")]
    assert (last.number, last.text) == (3, "")
    assert "cut short or altered" in last.fault


def test_a_too_long_line_of_a_corpus_with_a_mark_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("attnviz.linguistics.corpora.lines.LONGEST", 10)
    (tmp_path / "made").write_bytes("\ufeff123456789\n1234567890\nlast\n".encode("utf-16-le") + ("y" * 25).encode("utf-16-le"))
    found = list(lines(tmp_path / "made"))
    assert [(line.number, line.text) for line in found] == [(1, "123456789"), (2, ""), (3, "last"), (4, "")]
    assert [bool(line.fault) for line in found] == [False, True, False, True]


def test_an_atlas_of_a_latin_1_file_is_refused_and_writes_nothing(tmp_path: Path, capsys):
    file = tmp_path / "made.conllu"
    file.write_bytes(CONLLU.replace("Anna", "Zo\xeb").encode("latin-1"))
    assert cli.main(["atlas", "build", "--conllu", str(file), "-o", str(tmp_path / "out.npz")]) == 2
    assert "0xEB, belongs to no character. Save the file as UTF-8, or convert it: iconv" in capsys.readouterr().err
    assert sorted(one.name for one in tmp_path.iterdir()) == ["made.conllu"]


def test_a_corpus_from_a_pipe_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInputError, match=r"is a pipe\. Write it to a file first"):
        CorpusFiles.of("conllu", [tmp_path / "pipe"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_in_the_files_of_a_model_change_nothing(tmp_path: Path, encoding: str):
    folder = saved(tmp_path / "model", "t5")
    plain = load.load(load.local_card(folder), Settings())
    for file in folder.glob("*.json"):
        file.write_text(file.read_text("utf-8"), encoding)
    found = load.load(load.local_card(folder), Settings())
    assert found.card == plain.card
    assert found.tokenizer("the animal").input_ids == plain.tokenizer("the animal").input_ids
    assert found.model.generation_config.decoder_start_token_id == 0
    assert found.model.config.to_dict() | {"_name_or_path": ""} == plain.model.config.to_dict() | {"_name_or_path": ""}


def test_the_first_word_of_a_vocabulary_has_no_byte_order_mark(tmp_path: Path):
    folder = saved(tmp_path / "model")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "animal"]), "utf-8-sig")
    found = load.load(load.local_card(folder), Settings())
    assert found.tokenizer.get_vocab()["[PAD]"] == 0
    assert "\ufeff[PAD]" not in found.tokenizer.get_vocab()


def test_a_configuration_in_latin_1_names_its_byte(tmp_path: Path):
    folder = saved(tmp_path / "model")
    (folder / "config.json").write_bytes(b'{"model_type": "bert", "author": "Zo\xeb"}')
    with pytest.raises(DamagedWeightsError, match=r"config\.json must be text in UTF-8, and byte 37 \(0xEB\)"):
        load.local_card(folder)


def test_a_folder_whose_name_is_not_utf_8_is_read_and_named(tmp_path: Path, capfd, monkeypatch):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xe9rt"))
    saved(tmp_path / "plain").rename(folder)
    assert cli.main(["attend", "the animal", "--model", str(folder), "--layer", "0", "--head", "0"]) == 0
    assert json.loads(capfd.readouterr().out)["model"] == "local:b\udce9rt"
    monkeypatch.setenv("ATTNVIZ_MODELS_DIR", str(folder))
    saved(tmp_path / "own").rename(folder / "bert-base-uncased")
    assert cli.main(["models", "--format", "json"]) == 0
    listed = json.loads(capfd.readouterr().out)["models"]
    own = next(model for model in listed if model["id"] == "bert-base-uncased")
    assert own["weights"]["path"] == str(folder / "bert-base-uncased")
