"""Find a declared data set on this machine and make sure that it is the right file.

A file's hash is remembered beside its size and time stamp, so that a worker that asks again
reads nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from importlib import import_module
from pathlib import Path

from harness.data.declare import DataSet
from harness.errors import DataDamaged, DataMissing

__all__ = ["cache_folder", "describe", "locate", "resolve", "verify"]

_READ_BYTES = 1 << 20
_declared: dict[str, str] = {}
_verified: dict[str, Path] = {}


def cache_folder() -> Path:
    """``HARNESS_CACHE``, else the user's cache folder for ``harness``."""
    named = os.environ.get("HARNESS_CACHE")
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("harness")


def describe(declared: dict[str, str]) -> None:
    """Tell this process which data sets exist: name → ``"module:OBJECT"``."""
    _declared.update(declared)
    _verified.clear()


def resolve(name: str) -> DataSet:
    """The declaration of data set ``name``; ``DataMissing`` when no plugin declares it."""
    if name not in _declared:
        raise DataMissing(f'no plugin declares a data set "{name}" (harness data list)')
    module, _, attribute = _declared[name].partition(":")
    declared = getattr(import_module(module), attribute)
    assert isinstance(declared, DataSet), f"{_declared[name]} is no DataSet"
    return declared


def locate(name: str) -> Path:
    """Where data set ``name`` lies, its hash checked.

    Raises
    ------
    DataMissing
        When it is in neither place; the message names the command.
    DataDamaged
        When another file is in its place.
    """
    if name in _verified:
        return _verified[name]
    data_set = resolve(name)
    for place in places(data_set):
        if data_set.is_folder and place.is_dir():
            return place
        if place.is_file():
            if (found := sha256_of(place)) != data_set.sha256:
                raise DataDamaged(_damage(data_set, place, found))
            _verified[name] = place
            return place
    raise DataMissing(
        f'data set "{name}" is not on this machine; harness data fetch {name}, '
        "or set HARNESS_DATA to the folder that holds it"
    )


def _damage(data_set: DataSet, place: Path, found: str) -> str:
    size = place.stat().st_size
    cut = f" ({size:,} of {data_set.bytes:,} bytes)" if size != data_set.bytes else ""
    anew = (
        f"harness data fetch {data_set.name}" if data_set.url else f"get it from {data_set.source}"
    )
    return (
        f'{place} is damaged or another file than the data set "{data_set.name}"{cut}: its sha256 '
        f"is {found}, declared is {data_set.sha256}. Remove it, then {anew}"
    )


def places(data_set: DataSet) -> list[Path]:
    """Where the file may lie, in the order in which it is looked for."""
    named = os.environ.get("HARNESS_DATA")
    roots = [Path(named)] if named else []
    return [root / data_set.path for root in [*roots, cache_folder() / "data"]]


def verify(data_set: DataSet) -> tuple[Path | None, bool]:
    """Where the file lies (``None``: nowhere) and whether it is the declared one."""
    for place in places(data_set):
        if data_set.is_folder and place.is_dir():
            return place, True
        if place.is_file():
            return place, _hash_file(place) == data_set.sha256
    return None, False


def sha256_of(path: Path) -> str:
    """The file's hash, from the cache when size and time stamp are as they were."""
    stat = path.stat()
    key = f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
    remembered = cache_folder() / "hashes" / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
    try:
        return str(json.loads(remembered.read_text())["sha256"])
    except (OSError, ValueError, KeyError):
        pass
    digest = _hash_file(path)
    try:
        remembered.parent.mkdir(parents=True, exist_ok=True)
        temporary = remembered.with_name(f"{remembered.name}.{os.getpid()}")
        temporary.write_text(json.dumps({"path": str(path), "sha256": digest}))
        temporary.replace(remembered)
    except OSError:
        pass  # a cache that cannot be written costs time, nothing else
    return digest


def _hash_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
