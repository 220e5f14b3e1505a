"""The cost page: a run that ends, is stopped or fails is reported, other readers watch, and every number is computed."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

import attnviz
from attnviz.pages.cost import current_run, growth
from attnviz.pages.cost.bench import process
from attnviz.pages.cost.bench.report import BenchmarkReport
from attnviz.pages.cost.bench.runner import BenchmarkRunner
from attnviz.selection import TEXT
from tests.app.conftest import say, written

PAGE = "pages/learn/cost.py"
WAIT = 30.0
# Reports made-up measurements: n² for the whole matrix and the fused kernel, n for the others.
QUICK = """
import json, sys, time
plan = json.loads(sys.argv[1])
def say(**line):
    print(json.dumps(line), flush=True)
for algorithm, n in plan["cells"][:COUNT]:
    power = 2 if algorithm in ("matrix", "fused") else 1
    say(now=[algorithm, n])
    say(algorithm=algorithm, tokens=n, seconds=1e-6 * n**power, peak_bytes=100 * n**power)
"""


def program(then: str, count: int = 1000) -> tuple[str, ...]:
    """A process that measures `count` things and then does something else."""
    return sys.executable, "-c", QUICK.replace("COUNT", str(count)) + then


@pytest.fixture
def shown(opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    """Opens the page on a runner whose processes run this program."""
    runners: list[BenchmarkRunner] = []

    def opener(command: tuple[str, ...] = program("say(done=True)"), **params: str) -> AppTest:
        if not runners:
            runners.append(BenchmarkRunner(command))
            monkeypatch.setattr(current_run, "runner", lambda: runners[0])
        return opened(**params, page=PAGE)

    yield opener
    for runner in runners:
        runner.stop(runner.owner)


def ended(app: AppTest) -> BenchmarkReport:
    """The report as soon as nothing runs any more; the page has shown it."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        app.run()
        report = app.session_state["cost-report"]
        if not report.running:
            return report
        time.sleep(0.1)
    raise AssertionError("still running")


def until_found(app: AppTest, count: int) -> None:
    """Look until so much is measured."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end and len(app.session_state["cost-report"].found) < count:
        time.sleep(0.05)
        app.run()
    assert len(app.session_state["cost-report"].found) == count


def test_nothing_is_measured_before_the_reader_starts_it(shown: Callable[..., AppTest]):
    app = shown()
    assert not app.exception
    assert not app.error
    assert current_run.runner().poll("") is None
    assert len(app.get("plotly_chart")) == 0
    assert "Measure above" in written(app)
    assert "12 heads of 32 numbers" in written(app)


def test_a_run_ends_in_pictures_slopes_and_a_time_drawn_on(shown: Callable[..., AppTest]):
    app = shown()
    app.button(key="cost-start").click().run()
    report = ended(app)
    assert not app.exception
    assert (report.state, len(report.found)) == ("done", 45)
    text = written(app)
    assert "45 measurements in" in text
    assert (
        "| **whole matrix** | 2.00 (2.00 to 2.00), quadratic | 2.00 (2.00 to 2.00), quadratic | n = 5, 512 to 2,048 tokens |"
        in text
    )
    assert "| **tiles** | 1.00 (1.00 to 1.00), linear |" in text
    # 1e-6 n² at 128,000 tokens is 16,384 s, 4.55 hours; 100 n bytes are 12.8 MB.
    assert re.search(r"\| \*\*whole matrix\*\* \| 4.6 hours \| 1.64\sTB \|", text)
    assert re.search(r"\| \*\*tiles\*\* \| 128\sms \| 12.8\sMB \|", text)
    assert "continued to a text 62 times as long" in text
    # Both take 1e-6 n² here; the recurrent network 1e-6 n for its 4 n 384² + 3 n 384 operations.
    assert "**1 times as fast, but not cheaper**" in text
    lines = [trace for trace in json.loads(app.get("plotly_chart")[0].proto.spec)["data"] if trace.get("name")]
    assert [line["name"] for line in lines] == ["whole matrix", "tiles", "fused kernel", "window", "recurrent"]
    assert len(app.dataframe[0].value) == 45


def test_a_stopped_run_keeps_what_it_has_and_its_process_is_gone(
    shown: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
):
    app = shown(program("time.sleep(600)", 12))
    monkeypatch.setattr(process, "overloaded", lambda: True)
    app.button(key="cost-start").click().run()
    until_found(app, 12)
    assert "This machine was busy when the run began" in written(app)
    assert current_run.runner().poll("").running
    app.button(key="cost-stop").click().run()
    report = ended(app)
    assert (report.state, len(report.found)) == ("stopped", 12)
    assert "The results so far stay: 12 of 45" in written(app)
    assert len(app.get("plotly_chart")) == 2
    assert "too few lengths" in written(app)
    assert not app.button(key="cost-start").disabled


def test_a_killed_process_is_reported(shown: Callable[..., AppTest]):
    app = shown(program("import os, signal; say(now=['window', 181]); os.kill(os.getpid(), signal.SIGKILL)", 8))
    app.button(key="cost-start").click().run()
    ended(app)
    text = written(app)
    assert (
        "The measurement failed at “window” on 181 tokens. The system killed it (signal 9), as it does when memory runs out"
        in text
    )
    assert "8 of 45" in text
    assert not app.exception


def test_another_reader_watches_waits_and_takes_the_result(shown: Callable[..., AppTest]):
    one = shown(program("time.sleep(600)", 7))
    one.button(key="cost-start").click().run()
    until_found(one, 7)
    two = shown()
    assert "Another reader is measuring on this machine" in written(two)
    assert two.button(key="cost-start").disabled
    assert len(two.session_state["cost-report"].found) == 7
    assert not any(button.key == "cost-stop" for button in two.button)

    one.button(key="cost-stop").click().run()

    assert "Another reader of this server made this run" in written(two.run())
    assert not two.button(key="cost-start").disabled
    two.button(key="cost-start").click().run()
    until_found(two, 7)
    kept = written(one.run())  # a reader with numbers keeps them while another one measures
    assert one.session_state["cost-report"].state == "stopped"
    assert "Another reader is measuring on this machine now (7 of 45)" in kept
    assert "Another reader of this server made this run" not in kept
    one.button(key="cost-watch").click().run()
    assert one.session_state["cost-report"].running


def test_other_sizes_are_called_so(shown: Callable[..., AppTest]):
    app = shown()
    app.button(key="cost-start").click().run()
    ended(app)
    app.selectbox(key="model").set_value("smollm2").run()
    assert not app.exception
    assert "These numbers are for 12 heads of 32 numbers" in written(app)
    assert "The measurements above are for other sizes" in written(app)


def test_the_arithmetic_is_of_the_chosen_model_and_length(shown: Callable[..., AppTest]):
    app = shown(model="smollm2")
    formulas = "\n".join(part.value for part in app.latex)
    assert "16{,}384{,}000{,}000" in formulas
    assert "1{,}179{,}648{,}000{,}000" in formulas  # 16,384,000,000 x 9 heads x 2 x 4 bytes
    assert "5{,}898{,}240{,}000" in formulas  # keys and values of 128,000 x 192 numbers, 4 bytes, 30 layers, twice
    assert "3 key/value heads serve 9 query heads, so this takes 3 times less memory" in written(app)
    app.number_input(key="cost-tokens").set_value(10_000).run()
    assert "The cost of 10,000 tokens" in written(app)
    assert "100{,}000{,}000" in "\n".join(part.value for part in app.latex)


def test_the_running_numbers_of_a_row_are_those_of_its_head(shown: Callable[..., AppTest]):
    app = shown(focus="43")  # “it”
    weights = attnviz.attend(TEXT).weights(3, 1)
    at = app.selectbox(key=f"cost-row-{len(weights)}").value
    seen = []
    for _ in range(40):
        seen.append(written(app) + "\n".join(part.value for part in app.latex))
        if "The row is finished" in seen[-1]:
            break
        app.button(key="cost-next").click().run()
        assert not app.exception
    assert len(seen) == 4
    best = int(weights[at].argmax())
    assert re.search(rf"gets {weights[at, best]:.3f}, the same as with the whole matrix", seen[-1])
    assert "Tile 9 of 16 contains row 10, “it”, and keys 0 to 3" in seen[0]
    assert len(set(seen)) == 4
    app.selectbox(key="cost-side-2-4-8-16").set_value(8).run()
    assert "of 4 contains row" in written(app)


def test_another_text_has_other_tiles_and_a_long_one_is_cut(shown: Callable[..., AppTest]):
    app = shown()
    before = app.latex[0].value
    say(app, "Rain fell on the roof all night long")
    assert app.latex[0].value != before
    say(app, "word " * 100)
    assert not app.exception
    assert "Here the first 64 of your 102 tokens attend to each other" in written(app)


def test_slopes_are_fitted_on_what_was_measured(shown: Callable[..., AppTest]):
    app = shown(program("say(done=True)", 24))
    app.button(key="cost-start").click().run()
    report = ended(app)
    fit = growth.fit_algorithm(report.found, "matrix", "seconds")
    assert fit is not None
    assert fit.lengths == (256, 362, 512)
    assert "n = 3, 256 to 512 tokens" in written(app)
    # On 362 tokens, the longest that all three ways were measured on, n < width: recurrence needs more operations.
    assert "On such a short text the recurrent network needs 1." in written(app)
