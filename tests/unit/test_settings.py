"""Settings from the environment: defaults, and messages that name an invalid variable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from attnviz.errors import BadInputError
from attnviz.settings import Settings
from tests.conftest import ROOT
from tests.unit.test_outputs import loaded

VARIABLES = sorted(set(re.findall(r"ATTNVIZ_[A-Z_]+[A-Z]", (ROOT / "attnviz/settings.py").read_text())))
NOT_NUMBERS = {f"ATTNVIZ_{name}" for name in ("BACKEND", "CACHE_DIR", "KEY", "MODELS_DIR", "OFFLINE")}
NUMBERS = sorted({*VARIABLES} - NOT_NUMBERS)


def test_an_empty_environment_gives_the_defaults():
    assert Settings.from_env({}) == Settings()


def test_a_variable_that_is_set_to_nothing_counts_as_unset():
    names = ["BACKEND", "MODELS_DIR", "CACHE_DIR", "CACHE_MB", "LOADED_MODELS", "OFFLINE"]
    assert Settings.from_env({f"ATTNVIZ_{name}": "" for name in names}) == Settings()


def test_every_variable_is_read():
    settings = Settings.from_env(
        {
            "ATTNVIZ_BACKEND": "http://127.0.0.1:8600",
            "ATTNVIZ_MODELS_DIR": "/srv/models",
            "ATTNVIZ_CACHE_DIR": "/srv/cache",
            "ATTNVIZ_CACHE_MB": "3",
            "ATTNVIZ_TEXT_MB": "6",
            "ATTNVIZ_LOADED_MODELS": "5",
            "ATTNVIZ_OFFLINE": "1",
            "ATTNVIZ_AT_ONCE": "4",
            "ATTNVIZ_WAITING": "9",
            "ATTNVIZ_SECONDS": "7",
            "ATTNVIZ_RATE": "60",
            "ATTNVIZ_UPLOAD_KB": "0",
            "ATTNVIZ_KEY": "0123456789abcdef",
        }
    )
    assert settings == Settings(
        backend="http://127.0.0.1:8600",
        models_dir=Path("/srv/models"),
        cache_dir=Path("/srv/cache"),
        cache_bytes=3_145_728,
        text_bytes=6_291_456,
        loaded_models=5,
        offline=True,
        at_once=4,
        waiting=9,
        seconds=7,
        rate=60,
        upload_bytes=0,
        key="0123456789abcdef",
    )


def test_a_tilde_in_a_path_is_the_home_folder():
    settings = Settings.from_env({"ATTNVIZ_MODELS_DIR": "~/models", "ATTNVIZ_CACHE_DIR": "~/cache"})
    assert settings.models_dir == Path.home() / "models"
    assert settings.cache_dir == Path.home() / "cache"


def test_a_tilde_of_an_unknown_user_is_unchanged():
    assert Settings.from_env({"ATTNVIZ_MODELS_DIR": "~no-such-user-here/x"}).models_dir == Path("~no-such-user-here/x")


def test_the_cache_folder_of_the_desktop_is_the_default():
    assert Settings.from_env({"XDG_CACHE_HOME": "/x"}).cache_dir == Path("/x/attnviz")
    assert Settings.from_env({"XDG_CACHE_HOME": "/x", "ATTNVIZ_CACHE_DIR": "/y"}).cache_dir == Path("/y")


@pytest.mark.parametrize(
    ("env", "offline"),
    [
        ({"HF_HUB_OFFLINE": "1"}, True),
        ({"HF_HUB_OFFLINE": "0"}, False),
        ({"ATTNVIZ_OFFLINE": "0", "HF_HUB_OFFLINE": "1"}, False),
        ({"ATTNVIZ_OFFLINE": "1", "HF_HUB_OFFLINE": "0"}, True),
    ],
)
def test_attnviz_offline_overrides_hf_hub_offline(env: dict[str, str], offline: bool):
    assert Settings.from_env(env).offline is offline


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("raw", ["0", "-1", "1.5", "many", "99999999", "²", " 4"])
def test_an_invalid_number_is_refused_with_its_variable_and_value(name: str, raw: str):
    if (name, raw) == ("ATTNVIZ_UPLOAD_KB", "0"):  # no uploads
        return
    with pytest.raises(BadInputError, match=name) as error:
        Settings.from_env({name: raw})
    assert repr(raw) in str(error.value)


def test_every_variable_stands_in_the_table_of_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert [name for name in VARIABLES if not re.search(rf"^\| `{name}[`=].* \| .+ \|", readme, re.MULTILINE)] == []


def test_every_variable_that_can_be_refused_is_refused_in_the_record_of_outputs():
    assert {*NUMBERS, "ATTNVIZ_KEY", "ATTNVIZ_BACKEND"} == set(loaded("recording.cases").SETTINGS)


@pytest.mark.parametrize("raw", ["short", "with a blank in it", "0123456789abcde\n", "ключключключключ", "x" * 257])
def test_an_invalid_key_is_refused_and_not_repeated(raw: str):
    with pytest.raises(BadInputError, match="ATTNVIZ_KEY has 16 to 256") as error:
        Settings.from_env({"ATTNVIZ_KEY": raw})
    assert raw not in str(error.value)


def test_the_key_is_not_in_the_repr_of_settings():
    assert "0123456789abcdef" not in repr(Settings(key="0123456789abcdef"))


@pytest.mark.parametrize(("raw", "size"), [("1", 2**20), ("1048576", 2**40)])
def test_the_ends_of_the_range_of_the_cache_are_allowed(raw: str, size: int):
    assert Settings.from_env({"ATTNVIZ_CACHE_MB": raw}).cache_bytes == size
