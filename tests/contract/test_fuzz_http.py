"""The HTTP server under requests that its own description allows, and under those that it does not."""

from __future__ import annotations

import pytest
import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from attnviz.backends.local import LocalBackend
from attnviz.settings import Settings
from tests.fuzz import amounts, check_promise, no_faults
from tests.servers import CLIENT, running_server

CHECKS = [
    checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance,
    checks.response_headers_conformance,
]  # fmt: skip
LIMITS = Settings(max_bytes=300, rate=1_000_000)  # short texts, so that many are read in little time
DELIBERATE = 503


@pytest.fixture(scope="module")
def url():
    with no_faults(), running_server(LocalBackend(Settings.from_env()), LIMITS) as found:
        yield found


@pytest.fixture(scope="module")
def described(url: str):
    """What the server says of itself, with the models that there are by name: most cases would ask for no model otherwise."""
    document = CLIENT.get(f"{url}/openapi.json").json()
    document["components"]["schemas"]["Question"]["properties"]["model"]["enum"] = ["minilm", "smollm2"]
    return schemathesis.openapi.from_dict(document)


@pytest.fixture(scope="module")
def session():
    with requests.Session() as made:
        made.trust_env = False
        yield made


def answered(case: schemathesis.Case, url: str, session: requests.Session) -> requests.Response:
    """The answer, which is as the description says."""
    answer = case.call(base_url=url, session=session, timeout=60)
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code != DELIBERATE:
        case.validate_response(answer, checks=[not_a_server_error])
    return answer


@pytest.mark.slow
@amounts(120, 3000)
def test_requests_that_the_description_allows_are_answered_as_described(url, described, session, examples: int):
    seen = set()

    def promise(case: schemathesis.Case) -> None:
        answer = answered(case, url, session)
        seen.add(answer.status_code)
        assert answer.status_code in (200, 404, 413, 422)

    check_promise(examples, described.as_strategy(), promise)
    assert {200, 422} <= seen  # a text of blanks alone is a string as described


@pytest.mark.slow
@amounts(120, 3000)
def test_requests_that_the_description_forbids_are_refused_as_described(url, described, session, examples: int):
    seen = set()

    def promise(case: schemathesis.Case) -> None:
        answer = answered(case, url, session)
        if answer.status_code == 200:  # its serialization may have made a right question of a wrong one
            case.validate_response(answer, checks=[checks.negative_data_rejection])
        seen.add(answer.status_code)

    check_promise(examples, described["/v1/attention"]["POST"].as_strategy(schemathesis.GenerationMode.NEGATIVE), promise)
    assert {413, 422} <= seen
