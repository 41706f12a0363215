"""``run.json``: what ran, where, from which code, how it ended, and what lies beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from harness.errors import StoreError
from harness.store.disk import Disk, storing, write_whole
from harness.store.schemas import SCHEMA_VERSION, refuse_later

__all__ = ["RunRecord", "RunState", "changed_files", "read_run_json", "write_run_json"]

RunState = Literal["running", "interrupted", "finished"]

RUN_JSON = "run.json"
LOCK = "lock"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run as ``run.json`` tells it.

    ``exit_code`` is the command's without ``--strict``; ``cells`` is how many the plan has,
    ``classes`` the hardware classes that they ran on, ``workers`` how many processes (0:
    inline); ``overrides`` and ``cuts`` what the command changed of the suite. ``running`` with
    nobody holding the run's lock means killed. ``versions`` are those of harness, Python and
    libraries, ``plugins`` those of plugins; ``hardware`` is the observed machine and
    ``machine`` its fingerprint; ``diff_hash`` is the hash of what was not committed, empty for
    a clean tree; ``files`` are sha256 sums by path in the folder, filled by
    :func:`write_run_json`. ``metrics`` is what each task declares of its metrics and
    ``exclusive`` the classes whose cells ran alone, without which readers could not tell
    costs, items and directions once the code has gone on. ``is_cut_short`` is a run that its
    budget ended before all that was planned had run; ``level`` is that of the board's
    intervals, which repeated looks at the seeds raise, ``claim_levels`` those of claims by name
    where the looks raised them above what the suite says. ``is_aside`` is a run that another
    command made at a commit that is not at hand: a suite's name does not mean it.
    ``published`` are the published figures that plugins brought, which the suite's text lacks.
    """

    run_id: str
    suite: str
    suite_hash: str
    state: RunState
    started: datetime
    finished: datetime | None = None
    exit_code: int | None = None
    suite_text: str = ""
    suite_path: str = ""
    command: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    cuts: tuple[str, ...] = ()
    cells: int = 0
    workers: int = 0
    classes: tuple[str, ...] = ()
    commit: str = ""
    branch: str = ""
    diff_hash: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)
    hardware: Mapping[str, Any] = field(default_factory=dict)
    machine: str = ""
    notes: tuple[str, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    exclusive: tuple[str, ...] = ()
    is_cut_short: bool = False
    level: float = 0.95
    claim_levels: Mapping[str, float] = field(default_factory=dict)
    is_aside: bool = False
    published: tuple[Mapping[str, Any], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    @property
    def is_whole(self) -> bool:
        """Whether it ran the whole suite: no part was left out by a cut or a budget."""
        return not self.cuts and not self.is_cut_short


def write_run_json(folder: Path, record: RunRecord, disk: Disk | None = None) -> RunRecord:
    """Write ``run.json`` into a run's folder; what was written.

    Unless the run is still going on, the sums of all files in the folder are taken.
    """
    sums = {} if record.state == "running" else _sums(folder)
    record = replace(record, files=sums)
    plain = {each.name: getattr(record, each.name) for each in fields(record)}
    text = json.dumps(plain, indent=2, ensure_ascii=False, default=_iso)
    write_whole(folder / RUN_JSON, memoryview(text.encode()), disk)
    return record


def read_run_json(folder: Path) -> RunRecord:
    """The record in a run's folder.

    Raises ``StoreError`` if it is not there, is damaged, or is of a later version.
    """
    path = folder / RUN_JSON
    with storing(path, doing="read"):
        data = path.read_bytes()
    try:
        said = json.loads(data)
        refuse_later(int(said["schema_version"]), str(path))
        known = {each.name for each in fields(RunRecord)}
        values = {name: value for name, value in said.items() if name in known}
        for name in ("command", "overrides", "cuts", "classes", "notes", "exclusive", "published"):
            values[name] = tuple(values.get(name, ()))
        values["started"] = datetime.fromisoformat(values["started"])
        if values.get("finished"):
            values["finished"] = datetime.fromisoformat(values["finished"])
        return RunRecord(**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged: {error} (its tables can still be read)") from error


def changed_files(folder: Path, record: RunRecord) -> list[str]:
    """Files of the record that are gone or differ from their sums."""
    return [
        name
        for name, told in record.files.items()
        if not (folder / name).is_file() or _sha256(folder / name) != told
    ]


def _sums(folder: Path) -> dict[str, str]:
    with storing(folder, doing="read"):
        return {
            str(path.relative_to(folder)): _sha256(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not _is_left_out(path)
        }


def _is_left_out(path: Path) -> bool:
    return path.name in (RUN_JSON, LOCK) or path.name.endswith(".tmp")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _iso(value: object) -> object:
    """What JSON has no type for."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot stand in {RUN_JSON}")
