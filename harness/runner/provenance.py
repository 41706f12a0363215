"""Where a run comes from: commit, uncommitted changes, versions, machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b, sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.hardware import Machine
from harness.suite.model import Suite

__all__ = ["Commit", "commit_of", "provenance", "suite_hash"]

_LIBRARIES = ("numpy", "pandas", "pyarrow", "numba", "scipy", "scikit-learn", "torch")


@dataclass(frozen=True, kw_only=True)
class Commit:
    """The commit that a folder is at; empty texts outside of a repository."""

    hash: str = ""
    branch: str = ""
    dirty: str = ""  # digest of the uncommitted difference, empty when there is none

    @property
    def short(self) -> str:
        """Seven digits, with a plus sign when the folder differs from the commit."""
        return f"{self.hash[:7]}{'+' if self.dirty else ''}" if self.hash else ""


def commit_of(folder: Path) -> Commit:
    """The commit of the repository that ``folder`` lies in."""
    head = _git(folder, "rev-parse", "HEAD")
    if not head:
        return Commit()
    difference = _git(folder, "diff", "HEAD", "--binary")
    return Commit(
        hash=head,
        branch=_git(folder, "rev-parse", "--abbrev-ref", "HEAD"),
        dirty=blake2b(difference.encode(), digest_size=8).hexdigest() if difference else "",
    )


def _git(folder: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.decode(errors="replace").strip()


def suite_hash(suite: Suite) -> str:
    """What a resumed run must agree on: the text, the overrides, and what was cut away."""
    digest = sha256(suite.text.encode())
    for part in (*suite.overrides, "|", *suite.cuts):
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()


def provenance(
    suite: Suite, machine: Machine, commit: Commit, plugins: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """The part of ``run.json`` that is known when a run starts."""
    return {
        "suite": suite.name,
        "suite_path": suite.path,
        "suite_text": suite.text,
        "suite_hash": suite_hash(suite),
        "overrides": list(suite.overrides),
        "cuts": list(suite.cuts),
        "commit": commit.hash,
        "branch": commit.branch,
        "uncommitted": commit.dirty,
        "plugins": {name: origin for name, origin in plugins},
        "libraries": dict(_versions()),
        "machine": machine.as_dict(),
    }


def _versions() -> Iterable[tuple[str, str]]:
    from harness import __version__

    yield "harness", __version__
    for library in _LIBRARIES:
        try:
            yield library, version(library)
        except PackageNotFoundError:
            continue
