"""The ground of the tests holds: nothing leaves the machine, and a wrong shape is caught where it is passed."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import numpy as np
import pytest
from jaxtyping import Float, TypeCheckError

from attnviz.analysis.row_stats import entropy
from attnviz.text import words
from attnviz.types import HeadRef, HeadScores
from tests.signatures import checked


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1", "2001:db8::1"])
def test_no_test_reaches_another_machine(host: str):
    with pytest.raises(OSError, match="Tests have no network"):
        socket.create_connection((host, 80), timeout=1)


def test_a_library_sees_the_same_error_as_without_a_network():
    with pytest.raises(urllib.error.URLError, match="Tests have no network"):
        urllib.request.urlopen("http://example.org", timeout=1)


def test_a_server_on_this_machine_is_reached():
    class Hello(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

    with HTTPServer(("localhost", 0), Hello) as server:
        Thread(target=server.handle_request).start()
        with urllib.request.urlopen(f"http://localhost:{server.server_port}", timeout=5) as answer:
            assert answer.status == 204


def test_a_value_of_the_wrong_type_is_caught_in_a_dataclass():
    with pytest.raises(TypeCheckError):
        HeadRef(layer="3", head=1)


def test_an_array_of_the_wrong_rank_is_caught_in_a_dataclass():
    with pytest.raises(TypeCheckError):
        HeadScores("entropy", np.zeros((2, 3, 4), np.float32), "bits", 0.0, 2.0)


def test_every_function_is_behind_the_checks_with_or_without_a_shape():
    with pytest.raises(TypeCheckError):
        words(5)
    with pytest.raises(TypeCheckError):
        entropy(np.zeros(3))


@checked
def total(weights: Float[np.ndarray, "query key"], values: Float[np.ndarray, "key"], wrong: bool) -> Float[np.ndarray, "query"]:
    return values if wrong else weights @ values


@checked
def later(wrong: bool) -> Later:
    return wrong if wrong else Later()


class Later:
    """A class that is defined after a signature names it."""


def test_an_axis_has_one_size_in_all_arguments_and_in_what_is_returned():
    assert total(np.ones((2, 3)), np.ones(3), False).tolist() == [3, 3]
    with pytest.raises(TypeCheckError):
        total(np.ones((2, 3)), np.ones(4), False)
    with pytest.raises(TypeCheckError):
        total(np.ones((2, 3)), np.ones(3), True)


def test_a_class_that_is_defined_after_its_name_in_a_signature_counts():
    assert isinstance(later(False), Later)
    with pytest.raises(TypeCheckError):
        later(True)
