"""Where a run comes from: commit, uncommitted changes, versions."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from hashlib import blake2b, sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.suite.model import Suite

__all__ = ["Commit", "commit_of", "suite_hash", "versions"]

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


def versions() -> dict[str, str]:
    """Versions of harness, Python and the numerical libraries that are installed."""
    import platform

    from harness import __version__

    found = {"harness": __version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found
