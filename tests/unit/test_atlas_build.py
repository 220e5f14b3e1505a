"""An atlas built from small corpora by a small random model: whole, resumed, restarted, and what its file says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from attnviz import cli
from attnviz.errors import BadInputError, OutputError
from attnviz.linguistics.atlas import chunks as sources
from attnviz.linguistics.atlas import reader, workers
from attnviz.linguistics.atlas.build import BuildResult, build
from attnviz.linguistics.atlas.chunks import CorpusFiles
from attnviz.linguistics.atlas.measure import SIZE, Measurer
from attnviz.linguistics.atlas.shards import Chunk
from attnviz.linguistics.atlas.workers import FinishedPart, InProcessPool
from attnviz.linguistics.corpora.types import BrokenLine
from attnviz.linguistics.probes import coreference, dependencies
from attnviz.models import load, untrained
from attnviz.progress import ProgressEvent
from attnviz.settings import Settings
from tests.small_models import saved


def sentence(*rows: str) -> str:
    """A sentence in CoNLL-U; each row is a word, its head and its relation."""
    lines = [
        "\t".join([str(at), word, *"____", head, relation, "_", "_"])
        for at, (word, head, relation) in enumerate((row.split() for row in rows), 1)
    ]
    return "\n".join(lines) + "\n\n"


TIRED = sentence("the 2 det", "animal 4 nsubj:pass", "was 4 cop", "tired 0 root")
WIDE = sentence("it 4 nsubj", "was 4 cop", "not 4 advmod", "wide 0 root", "because 7 mark", "street 7 nsubj", "tired 4 advcl")
SHORT = sentence("it 2 nsubj", "was 0 root")
BROKEN = "1\tone column is missing\n\n"
OWN = """
[[example]]
text = "the animal did not cross the street because it was tired"
pronoun = "it"
candidates = ["animal", "street"]
answer = 0

[[example]]
text = "it was wide because the street was not the animal"
pronoun = "it"
candidates = ["animal", "street"]
answer = 1

[[example]]
text = "the animal was tired because it was not wide"
pronoun = "it"
candidates = ["animal", "wide"]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of 3 layers with 2 heads."""
    return saved(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def measurer(folder: Path) -> Measurer:
    return workers.load_measurer(load.local_card(folder), Settings())


def written(folder: Path) -> list[CorpusFiles]:
    """Two corpora: nine sentences, of which three are too short, with a broken line among them; three questions."""
    (folder / "made.conllu").write_text((TIRED + SHORT + WIDE) * 2 + BROKEN + TIRED + SHORT + WIDE)
    (folder / "own.toml").write_text(OWN)
    return [CorpusFiles.of("conllu", [folder / "made.conllu"]), CorpusFiles.of("toml", [folder / "own.toml"])]


@pytest.fixture
def files(tmp_path: Path) -> list[CorpusFiles]:
    """The two corpora, in a folder of this test."""
    return written(tmp_path)


class Counting(InProcessPool):
    """A pool that notes which chunks it measured, and gives up after some."""

    def __init__(self, measurer: Measurer, most: int = 999) -> None:
        super().__init__(measurer)
        self.__dict__.update(seen=[], most=most)

    def parts(self, chunks: Iterable[Chunk], on_done: Callable[[int], None]) -> Iterator[FinishedPart]:
        for found in super().parts(chunks, on_done):
            if len(self.seen) == self.most:
                raise KeyboardInterrupt
            self.seen.append((found.corpus, found.number))
            yield found


def built(
    pool: InProcessPool, files: list[CorpusFiles], path: Path, say=lambda line: None, broken=lambda line: None
) -> BuildResult:
    return build(pool.measurer.loaded.card, pool, files, path, say, broken)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two texts a chunk."""
    plain = sources.chunks
    monkeypatch.setattr("attnviz.linguistics.atlas.build.chunks", lambda found, broken: plain(found, broken, 2))


@dataclass(frozen=True)
class Whole:
    """An uninterrupted build of both corpora: its file, the corpora, and the lines that could not be read."""

    path: Path
    files: list[CorpusFiles]
    broken: list[BrokenLine]


@pytest.fixture(scope="module")
def whole(measurer: Measurer, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """The build that the tests of one finished file share."""
    folder = tmp_path_factory.mktemp("whole")
    files, plain = written(folder), sources.chunks
    broken: list[BrokenLine] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("attnviz.linguistics.atlas.build.chunks", lambda found, broken: plain(found, broken, 2))
        built(InProcessPool(measurer), files, folder / "a.npz", broken=broken.append)
    return Whole(folder / "a.npz", files, broken)


def test_the_file_holds_every_scorable_link_and_question_of_the_corpora(whole: Whole):
    found = reader.read(whole.path)
    assert (found.header.layers, found.header.heads, found.header.causal) == (3, 2, False)
    assert {pair: n for pair, n in found.relations.items() if pair[1] == "dh"} == {
        ("advcl", "dh"): 3, ("advmod", "dh"): 3, ("cop", "dh"): 6, ("det", "dh"): 3, ("mark", "dh"): 3, ("nsubj", "dh"): 9,
        ("nsubj:", "dh"): 6, ("nsubj:pass", "dh"): 3,
    }  # fmt: skip
    nsubj = found.links("nsubj", "hd")
    assert nsubj.text.tolist() == [0, 2, 2, 3, 5, 5, 6, 8, 8]
    assert nsubj.offset is not None
    assert nsubj.offset.tolist() == [-2, -3, -1] * 3
    assert nsubj.others is not None
    assert nsubj.others.tolist() == [3, 6, 6] * 3
    questions = found.questions("toml")
    assert questions.nearest is not None
    assert (questions.text.tolist(), questions.nearest.tolist()) == ([0, 1], [False, True])
    assert questions.answer is not None
    assert questions.mentioned is not None
    assert (questions.answer.tolist(), questions.mentioned.tolist()) == ([0, 0], [0.5, 0.5])
    assert found.header.control is None
    made, own = found.header.corpora
    assert (made.texts, made.used, dict(made.left_out)) == (9, 6, {SIZE: 3, "lines that cannot be read": len(whole.broken)})
    assert (own.texts, own.used, dict(own.left_out)) == (3, 2, {coreference.NO_ANSWER: 1})
    assert (made.name, made.licence) == ("made.conllu", "not stated")
    assert len(whole.broken) == 1
    assert list(whole.path.parent.glob("a.npz.*")) == []
    assert str(whole.path.parent) not in whole.path.read_bytes().decode("latin-1")


def test_hits_are_those_of_each_text_by_itself(measurer: Measurer, whole: Whole):
    found = reader.read(whole.path)
    for ordinal, text in enumerate(whole.files[0].texts(lambda line: None)):
        alone = measurer.measure(Chunk(0, 0, ordinal, (text,)))
        for at, (relation, direction) in enumerate(zip(alone.links["relation"], alone.links["direction"], strict=True)):
            mine = found.links(
                found.name(f"{relation}:" if ":" not in relation else relation), dependencies.DIRECTIONS[direction]
            )
            row = (mine.text == ordinal) & (mine.offset == alone.links["offset"][at])
            wanted = np.unpackbits(alone.links["hits"][at], count=6).reshape(3, 2)
            assert (mine.hits[row] == wanted).all()


def test_habits_are_means_over_all_tokens_and_meaning_over_all_words(measurer: Measurer, whole: Whole):
    texts = tuple(whole.files[0].texts(lambda line: None))
    part = measurer.measure(Chunk(0, 0, 0, texts))
    found = reader.read(whole.path)
    previous = part.rows.tolist()[0]
    assert previous == 3 * (3 + 6)
    np.testing.assert_allclose(found.habit("previous").values, part.habits[0] / previous, atol=1e-6)
    # Of the sentences long enough, those of 4 words have no word with 4 others; those of 7 are texts 2, 5 and 8.
    assert part.tally.tolist() == [[2, 14, 98], [1, 7, 49]]
    assert found.header.likened == ((2, 1), (14, 7))
    np.testing.assert_allclose(found.meaning_by_half[0, 0], part.meaning[0, 0] / 14, atol=1e-6)
    np.testing.assert_allclose(found.meaning_by_half[0, 1], part.meaning[1, 0] / 7, atol=1e-6)
    assert np.isfinite(found.meaning_by_half[1, 0]).all()
    assert np.isnan(found.meaning_by_half[1, 1]).all()  # one text has no error
    assert np.isnan(found.habit("separator").values).all()  # this tokenizer adds no special tokens


def test_the_file_holds_the_probes_of_the_model(measurer: Measurer, whole: Whole):
    found, alone = reader.read(whole.path), measurer.probe()
    assert found.header.probes is not None
    assert (found.header.probes.length, found.header.probes.drawn_from) == (11, 11)  # all words of the small vocabulary
    np.testing.assert_array_equal(found.probes, alone.scores)


def test_a_build_that_was_interrupted_continues_and_gives_the_same_bytes(
    measurer: Measurer, files: list[CorpusFiles], whole: Whole, tmp_path: Path
):
    first, second = Counting(measurer, most=3), Counting(measurer)
    with pytest.raises(KeyboardInterrupt):
        built(first, files, tmp_path / "a.npz")
    assert not (tmp_path / "a.npz").exists()
    events: list[ProgressEvent] = []
    again = built(second, files, tmp_path / "a.npz", events.append)
    assert (again.chunks, again.found) == (7, 3)
    assert first.seen == [(0, 0), (0, 1), (0, 2)]
    assert second.seen == [(0, 3), (0, 4), (1, 0), (1, 1)]
    assert ProgressEvent("Going on from what was finished before.", "notice") in events
    assert (tmp_path / "a.npz").read_bytes() == whole.path.read_bytes()


def test_parts_of_other_texts_are_not_mixed_in(measurer: Measurer, files: list[CorpusFiles], tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        built(Counting(measurer, most=3), files, tmp_path / "a.npz")
    (tmp_path / "made.conllu").write_text(TIRED * 4)
    changed = [CorpusFiles.of("conllu", [tmp_path / "made.conllu"])]
    events: list[ProgressEvent] = []
    pool = Counting(measurer)
    assert built(pool, changed, tmp_path / "a.npz", events.append).found == 0
    assert pool.seen == [(0, 0), (0, 1)]
    assert "starting again" in events[0].message
    assert reader.read(tmp_path / "a.npz").relations["det", "dh"] == 4


def test_parts_of_other_habits_are_not_mixed_in(measurer: Measurer, files: list[CorpusFiles], tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        built(Counting(measurer, most=2), files, tmp_path / "a.npz")
    header = tmp_path / "a.npz.parts" / "header.json"
    earlier = json.loads(header.read_text())
    earlier["habits"].remove("sink")  # as a version without this habit left it
    header.write_text(json.dumps(earlier, indent=1, sort_keys=True))
    events: list[ProgressEvent] = []
    assert built(InProcessPool(measurer), files, tmp_path / "a.npz", events.append).found == 0
    assert "starting again" in events[0].message


def test_a_part_that_was_half_written_counts_for_nothing(measurer: Measurer, files: list[CorpusFiles], tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        built(Counting(measurer, most=2), files, tmp_path / "a.npz")
    (tmp_path / "a.npz.parts" / "0-0000002.npz.unfinished").write_bytes(b"half")
    again = Counting(measurer)
    built(again, files, tmp_path / "a.npz")
    assert again.seen[0] == (0, 2)


def test_the_members_of_the_file_have_one_date_and_no_path(whole: Whole):
    with zipfile.ZipFile(whole.path) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        header = json.loads(archive.read("header.json"))
    assert header["model"] == "local:tiny"
    assert [file["name"] for file in header["corpora"][0]["files"]] == ["made.conllu"]


def test_without_texts_there_is_no_atlas(measurer: Measurer, tmp_path: Path):
    (tmp_path / "empty.conllu").write_text("")
    for found in ([], [CorpusFiles.of("conllu", [tmp_path / "empty.conllu"])]):
        with pytest.raises(BadInputError, match="needs texts"):
            built(InProcessPool(measurer), found, tmp_path / "a.npz")
    assert list(tmp_path.glob("a.npz*")) == []


def test_a_file_that_cannot_be_written_is_reported_before_anything_is_measured(
    measurer: Measurer, files: list[CorpusFiles], tmp_path: Path
):
    pool = Counting(measurer)
    with pytest.raises(OutputError, match="folder does not exist"):
        built(pool, files, tmp_path / "nowhere" / "a.npz")
    assert pool.seen == []


def test_a_folder_of_the_readers_own_is_never_emptied(measurer: Measurer, files: list[CorpusFiles], tmp_path: Path):
    (tmp_path / "a.npz.parts").mkdir()
    (tmp_path / "a.npz.parts" / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="other files"):
        built(InProcessPool(measurer), files, tmp_path / "a.npz")
    assert (tmp_path / "a.npz.parts" / "letter.txt").read_text() == "mine"
    with pytest.raises(OutputError, match="it is a folder"):
        built(InProcessPool(measurer), files, tmp_path)


def test_the_command_prints_the_best_heads(
    folder: Path, files: list[CorpusFiles], tmp_path: Path, capfd: pytest.CaptureFixture
):
    options = ["atlas", "build", "--model", str(folder), "--conllu", str(files[0].paths[0]), "--toml", str(files[1].paths[0])]
    assert cli.main([*options, "-o", str(tmp_path / "a.npz"), "--format", "json"]) == 0
    printed = json.loads(capfd.readouterr().out)
    assert printed["model"] == "local:tiny"
    one = next(one for one in printed["relations"] if (one["relation"], one["direction"]) == ("cop", "dh"))
    assert one["n"] == 2  # of texts 0, 2, 3, 5, 6, 8 the odd ones
    assert 0 <= one["interval"][0] <= one["rate"] <= one["interval"][1] <= 1
    assert (tmp_path / "a.npz").is_file()
    previous = reader.read(tmp_path / "a.npz").habit("previous").values
    layer, head = printed["habits"]["previous"]["head"]
    assert printed["habits"]["previous"]["value"] == previous[layer, head] == previous.max()
    assert printed["habits"]["previous"]["mean"] == pytest.approx(previous.mean())
    assert "separator" not in printed["habits"]
    assert "meaning" not in printed["habits"]  # of the odd half one sentence is long enough, and one tells nothing
    assert cli.main([*options, "-o", str(tmp_path / "b.npz")]) == 0
    output = capfd.readouterr()
    assert "cop dh" in output.out
    assert f"previous token             L{layer}·H{head}" in output.out
    assert "made.conllu:" in output.err


def test_strict_stops_at_the_first_broken_line_with_exit_code_2(
    folder: Path, files: list[CorpusFiles], tmp_path: Path, capfd: pytest.CaptureFixture
):
    options = ["atlas", "build", "--model", str(folder), "--conllu", str(files[0].paths[0]), "-o", str(tmp_path / "a.npz")]
    assert cli.main([*options, "--strict"]) == 2
    assert "made.conllu:" in capfd.readouterr().err
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--workers", "0"], "--workers is a whole number"),
        (["--conllu", "/nowhere.conllu"], "No such file"),
        ([], "needs texts"),
        (["--model", "unheard-of"], "unheard-of"),
    ],
)
def test_bad_input_ends_with_a_message_and_exit_code_2(
    more: list[str], message: str, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture
):
    assert cli.main(["atlas", "build", "--model", str(folder), "-o", str(tmp_path / "a.npz"), *more]) == 2
    assert message in capfd.readouterr().err


def test_a_missing_ray_is_reported(
    folder: Path, files: list[CorpusFiles], tmp_path: Path, capfd: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("attnviz.linguistics.atlas.ray_workers.find_spec", lambda name: None)
    options = ["atlas", "build", "--model", str(folder), "--conllu", str(files[0].paths[0]), "-o", str(tmp_path / "a.npz")]
    assert cli.main([*options, "--ray"]) == 2
    assert "requirements-ray.txt" in capfd.readouterr().err


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "attnviz", "atlas", "build", *map(str, arguments)]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,536 sentences: 6 chunks."""
    path = tmp_path_factory.mktemp("long") / "long.conllu"
    path.write_text((TIRED + WIDE) * 3 * sources.TEXTS)
    return path


ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def children(process: int) -> list[int]:
    """The processes that a process started."""
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def runs(process: int) -> bool:
    """Whether a process runs, and is not only an entry that its parent has yet to collect."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_processes_killed_halfway_and_one_that_continues_give_the_bytes_of_one_and_measure_nothing_twice(
    folder: Path, long: Path, tmp_path: Path
):
    environment, options = os.environ | ONE_THREAD, ["--model", folder, "--conllu", long]
    subprocess.run(command(*options, "-o", tmp_path / "whole.npz"), check=True, capture_output=True, env=environment)
    killed = subprocess.Popen(
        command(*options, "-o", tmp_path / "a.npz", "--workers", "2"), stderr=subprocess.DEVNULL, env=environment
    )
    kept = tmp_path / "a.npz.parts"
    while len(list(kept.glob("0-*.npz"))) < 2:
        assert killed.poll() is None, "the build ended before it could be killed"
        time.sleep(0.002)
    workers = children(killed.pid)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(workers) >= 2
    while any(runs(worker) for worker in workers):  # they end with the one that started them
        time.sleep(0.05)
    assert not (tmp_path / "a.npz").exists()
    before = len(list(kept.glob("0-*.npz")))
    again = subprocess.run(
        command(*options, "-o", tmp_path / "a.npz"), check=True, capture_output=True, text=True, env=environment
    )
    assert f"6 batches, {before} of them found finished" in again.stderr
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install -r requirements-ray.txt")
def test_ray_with_two_processes_gives_the_bytes_of_one_with_one_thread(folder: Path, tmp_path: Path):
    environment, short = os.environ | ONE_THREAD, tmp_path / "short.conllu"
    short.write_text((TIRED + WIDE) * (sources.TEXTS - 10))  # two chunks
    for name, more in (("one", ()), ("ray", ("--workers", "2", "--ray"))):
        options = ["--model", folder, "--conllu", short, "-o", tmp_path / f"{name}.npz", *more]
        subprocess.run(command(*options), check=True, capture_output=True, env=environment)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "ray.npz").read_bytes()


def test_instances_that_look_the_same_share_a_context_and_set_a_ceiling(measurer: Measurer, tmp_path: Path):
    # "the" hangs on "animal" and "wide" does too: from "animal" there are two amod, of which a head can choose one.
    (tmp_path / "two.conllu").write_text(sentence("wide 3 amod", "tired 3 amod", "animal 4 nsubj", "was 0 root") * 2)
    built(InProcessPool(measurer), [CorpusFiles.of("conllu", [tmp_path / "two.conllu"])], tmp_path / "a.npz")
    found = reader.read(tmp_path / "a.npz")
    assert found.links("amod", "dh").ceiling == 1.0
    back = found.links("amod", "hd")
    assert back.context is not None
    assert (back.context.tolist(), back.ceiling) == ([back.context[0]] * 4, 0.5)
    assert found.links("nsubj", "hd").ceiling == 1.0


def test_an_untrained_twin_is_counted_beside_the_model(folder: Path, files: list[CorpusFiles], tmp_path: Path):
    both = workers.load_measurer(load.local_card(folder), Settings(), control=True)
    again = workers.load_measurer(load.local_card(folder), Settings(), control=True)
    built(InProcessPool(both), files, tmp_path / "a.npz")
    built(InProcessPool(again), files, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()  # the same twin each time
    found = reader.read(tmp_path / "a.npz")
    assert found.header.control == untrained.CONTROL_SEED
    assert both.twin is not None
    texts = tuple(files[0].texts(lambda line: None))
    alone = both.twin.measure(Chunk(0, 0, 0, texts))
    hits = np.unpackbits(alone.links["hits"], axis=-1, count=6).reshape(-1, 3, 2)
    for at, label in enumerate(found.header.relations):
        for direction in (0, 1):
            for half in (0, 1):
                mine = (alone.links["relation"] == label) & (alone.links["direction"] == direction)
                mine &= alone.links["text"] % 2 == half
                np.testing.assert_array_equal(found.control_links[at, direction, half], hits[mine].sum(0))
    trained, twin = both.loaded.model.state_dict(), both.twin.loaded.model.state_dict()
    name = next(name for name in trained if name.endswith("query.weight"))
    assert trained.keys() == twin.keys()
    assert not np.allclose(trained[name], twin[name])
    assert found.control_questions.sum(0).max() <= 2


def test_without_a_control_the_file_has_none_and_the_command_says_how(
    folder: Path, files: list[CorpusFiles], tmp_path: Path, capfd: pytest.CaptureFixture
):
    options = ["atlas", "build", "--model", str(folder), "--conllu", str(files[0].paths[0]), "-o", str(tmp_path / "a.npz")]
    assert cli.main([*options, "--no-control"]) == 0
    assert reader.read(tmp_path / "a.npz").header.control is None
    assert cli.main(options) == 0
    assert reader.read(tmp_path / "a.npz").header.control == 0
