"""Data sets are found in HARNESS_DATA or the cache, and only when they are the declared file."""

import hashlib
import sys
from types import ModuleType

import pytest

from harness.data import DataSet, describe, locate, verify
from harness.data.fetch import fetch
from harness.errors import DataDamaged, DataMissing

CONTENT = b"clicks"


@pytest.fixture
def declared(tmp_path, monkeypatch):
    """A declared data set, an empty HARNESS_DATA and an empty cache."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    module = ModuleType("data_of_a_test")
    module.SET = DataSet(
        name="log",
        path="log/clicks.csv",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        bytes=len(CONTENT),
        licence="CC0",
        source="here",
    )
    monkeypatch.setitem(sys.modules, "data_of_a_test", module)
    describe({"log": "data_of_a_test:SET"})
    return module.SET


@pytest.mark.parametrize("root", ["data", "cache/data"])
def test_a_file_is_found_in_either_place(tmp_path, declared, root):
    place = tmp_path / root / declared.path
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    assert locate("log") == place
    assert verify(declared) == (place, True)


def test_another_file_in_its_place_is_refused(tmp_path, declared):
    place = tmp_path / "data" / declared.path
    place.parent.mkdir(parents=True)
    place.write_bytes(b"tampered")
    with pytest.raises(DataDamaged) as refused:
        locate("log")
    told = str(refused.value)
    assert told.startswith(f'{place} is damaged or another file than the data set "log" (8 of 6 ')
    assert f"sha256 is {hashlib.sha256(b'tampered').hexdigest()}, declared is " in told
    assert told.endswith(f"declared is {declared.sha256}. Remove it, then get it from here")
    assert verify(declared) == (place, False)


def test_an_absent_file_says_which_command_brings_it(declared):
    with pytest.raises(DataMissing, match="harness data fetch log"):
        locate("log")


def test_a_file_changed_after_it_was_verified_is_noticed(tmp_path, declared):
    place = tmp_path / "data" / declared.path
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    locate("log")
    place.write_bytes(b"another content")
    describe({})
    with pytest.raises(DataDamaged, match="sha256 is"):
        locate("log")


def test_what_has_no_address_says_where_to_put_it(declared):
    with pytest.raises(DataMissing, match="put it at"):
        fetch(declared)


def test_a_name_that_nobody_declares_is_told(declared):
    with pytest.raises(DataMissing, match="no plugin declares"):
        locate("nothing")
