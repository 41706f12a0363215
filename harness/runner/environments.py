"""An environment in which a commit's own code is installed, and nothing of it from here.

A commit's environment is kept under its *tree*, so a wheel of the same version with other
code is never taken for it. Where the commit asks for the same libraries as the code at hand
(``[project]`` dependencies and ``constraints.txt`` are equal), the environment holds links to
the libraries that are installed here and only the first-party wheel is built: seconds, and no
network. Otherwise everything is installed anew, by the commit's own constraints.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path

from harness.data import cache_folder
from harness.errors import UsageError
from harness.runner.revisions import Repository, Revision
from harness.store.disk import storing
from harness.store.lock import waited_for

__all__ = ["ASIDE", "Environment", "environment_of"]

ASIDE = "HARNESS_ASIDE"  # set where a run is made at a commit that is not at hand

_READY = "ready"
_TIMEOUT_S = 1800
_LOG_LINES = 25
_LIBRARY_FILES = ("pyproject.toml", "constraints.txt")
_CLEARED = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True, slots=True)
class Environment:
    """A commit's code, ready to run.

    Parameters
    ----------
    source
        A worktree of the commit.
    python
        The interpreter whose first-party packages are the commit's.
    shares_libraries
        Whether the libraries are those that are installed here.
    """

    revision: Revision
    source: Path
    python: Path
    shares_libraries: bool

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """``harness ARGUMENTS`` with the commit's code; output is captured, errors are shown."""
        program = "import sys; from harness.cli.main import main; sys.argv[0] = 'harness'; main()"
        return subprocess.run(
            [str(self.python), "-P", "-c", program, *arguments],
            cwd=cwd or self.source,
            env=_surroundings() | {ASIDE: "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )


def environment_of(repository: Repository, revision: Revision) -> Environment:
    """The environment of a commit, made if it is not there yet.

    Raises
    ------
    UsageError
        When the commit cannot be built or installed; the end of the log is in the message.
    StoreError
        When the cache cannot be written.
    """
    shares = _shares_libraries(repository, revision)
    place = cache_folder() / "commits" / _key(repository, revision, shares)
    with storing(place):
        place.mkdir(parents=True, exist_ok=True)
    with waited_for(place / ".lock"):
        source = place / "source"
        if not repository.is_at(revision, source):
            shutil.rmtree(source, ignore_errors=True)
            repository.check_out(revision, source)
        python = place / "venv" / "bin" / "python"
        if not (place / _READY).exists():
            _make(place, repository, revision, shares=shares)
            (place / _READY).touch()
    return Environment(revision, source, python, shares)


def _key(repository: Repository, revision: Revision, shares: bool) -> str:
    """The tree's hash, and a digest of what else the environment rests on."""
    libraries = sorted(f"{each.name}={each.version}" for each in distributions()) if shares else []
    told = [str(repository.root), sys.executable, sys.version, *libraries]
    return f"{revision.tree}-{hashlib.sha256(chr(0).join(told).encode()).hexdigest()[:12]}"


def _shares_libraries(repository: Repository, revision: Revision) -> bool:
    here = {name: _text(repository.root / name) for name in _LIBRARY_FILES}
    there = {name: repository.text_at(revision, name) for name in _LIBRARY_FILES}
    return _asked(here) == _asked(there)


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _asked(files: Mapping[str, str | None]) -> tuple[object, ...]:
    """What a commit asks of its libraries."""
    try:
        project = tomllib.loads(files["pyproject.toml"] or "")
    except tomllib.TOMLDecodeError:
        return (files["pyproject.toml"], files["constraints.txt"])
    table = project.get("project", {})
    asked = [table.get(name) for name in ("dependencies", "optional-dependencies")]
    return (*asked, files["constraints.txt"])


def _make(place: Path, repository: Repository, revision: Revision, *, shares: bool) -> None:
    """A virtual environment with the commit's wheel."""
    source, log = place / "source", place / "build.log"
    if not (source / "pyproject.toml").is_file():
        raise UsageError(f"{revision.short} has no pyproject.toml, so no wheel of it can be built")
    log.unlink(missing_ok=True)
    venv, wheels = place / "venv", place / "wheel"
    for folder in (venv, wheels):
        shutil.rmtree(folder, ignore_errors=True)
    step = _Steps(log, revision)
    step("make a virtual environment", [sys.executable, "-m", "venv", "--without-pip", str(venv)])
    wheel = _built(source, wheels, step)
    python = str(venv / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-cache-dir"]
    if shares:
        _link_libraries(venv, _first_party(source), repository.root)
        step("install the wheel", [*pip, "--no-deps", "--no-index", str(wheel)])
        return
    constraints = source / "constraints.txt"
    given = ["-c", str(constraints)] if constraints.is_file() else []
    step("install the wheel and its libraries", [*pip, *given, f"{wheel}{_extras(source)}"])


def _built(source: Path, wheels: Path, step: _Steps) -> Path:
    """The commit's wheel, built from its worktree and from nothing that pip remembers."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-cache-dir"]
    if _has_backend(source):
        command.append("--no-build-isolation")
    step("build its wheel", [*command, "-w", str(wheels), str(source)])
    found = sorted(wheels.glob("*.whl"))
    if len(found) != 1:
        raise UsageError(f"{step.revision.short}: the build gave {len(found)} wheels, not one")
    return found[0]


def _has_backend(source: Path) -> bool:
    """Whether what builds the wheel is installed here: then the build needs no network."""
    system = tomllib.loads(_text(source / "pyproject.toml") or "").get("build-system", {})
    backend = str(system.get("build-backend", "setuptools")).partition(":")[0]
    try:
        return find_spec(backend.partition(".")[0]) is not None
    except ValueError:
        return False


def _extras(source: Path) -> str:
    table = tomllib.loads(_text(source / "pyproject.toml") or "").get("project", {})
    return "[all]" if "all" in table.get("optional-dependencies", {}) else ""


def _first_party(source: Path) -> str:
    """Name of the distribution that the commit builds, as files of its metadata begin."""
    table = tomllib.loads(_text(source / "pyproject.toml") or "").get("project", {})
    return _plain_name(table.get("name"))


def _link_libraries(venv: Path, first_party: str, root: Path) -> None:
    """Links to everything that is installed here, but for the first-party distribution.

    Links, since code that lies in the environment's own folder is told apart from first-party
    code by where it lies. ``.pth`` files are left out: one of them is how an editable install
    gets the code at hand onto the path. Folders that other editable installs put there are
    named anew.
    """
    target = _site_packages(venv)
    own = [each for each in distributions() if _plain_name(each.metadata["Name"]) == first_party]
    left_out = {"pip", "__pycache__"}
    for each in own:
        left_out |= {path.parts[0] for path in each.files or () if path.parts[0] != ".."}
    for folder in _installed_folders():
        for entry in sorted(folder.iterdir()):
            link = target / entry.name
            if entry.name not in left_out and entry.suffix != ".pth" and not link.exists():
                link.symlink_to(entry)
    editable = _other_folders([root, *filter(None, map(_editable_folder, own))])
    lines = "".join(f"{each}\n" for each in editable)
    (target / "other-editable.pth").write_text(lines, encoding="utf-8")


def _plain_name(name: str | None) -> str:
    return (name or "").replace("-", "_").replace(".", "_").lower()


def _installed_folders() -> list[Path]:
    names = ("purelib", "platlib")
    return [Path(each) for each in dict.fromkeys(sysconfig.get_path(name) for name in names)]


def _editable_folder(distribution: Distribution) -> Path | None:
    """Where an editable install has its code."""
    direct = distribution.read_text("direct_url.json")
    url = str(json.loads(direct).get("url", "")) if direct else ""
    return Path(url.removeprefix("file://")) if url.startswith("file://") else None


def _other_folders(own: Sequence[Path]) -> list[Path]:
    """Folders on the path that are neither installed, nor Python's, nor the first party's."""
    known = [Path(sys.prefix), Path(sys.base_prefix), *own]
    folders = [Path(entry).resolve() for entry in dict.fromkeys(sys.path) if entry]
    return [
        folder
        for folder in folders
        if folder.is_dir() and not any(folder.is_relative_to(each.resolve()) for each in known)
    ]


def _site_packages(venv: Path) -> Path:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return venv / "lib" / version / "site-packages"


def _surroundings() -> dict[str, str]:
    """The environment variables, without those that would put code at hand onto the path."""
    return {name: value for name, value in os.environ.items() if name not in _CLEARED}


@dataclass(frozen=True, slots=True)
class _Steps:
    """Runs commands into one log, and tells its end when one fails."""

    log: Path
    revision: Revision

    def __call__(self, what: str, command: list[str]) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n")
            log.flush()
            try:
                done = subprocess.run(
                    command,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=_surroundings(),
                    timeout=_TIMEOUT_S,
                    check=False,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise UsageError(f"{self.revision.short}: cannot {what}: {error}") from error
        if done.returncode:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            end = "\n".join(lines[-_LOG_LINES:])
            raise UsageError(f"{self.revision.short}: cannot {what} (log: {self.log})\n{end}")
