"""A repository's commits: names to hashes, what lies between two, a worktree of one."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.errors import StoreError, UsageError, nearest

__all__ = ["Repository", "Revision"]

_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit, and the tree that it has: two commits of one tree have one code."""

    commit: str
    tree: str

    @property
    def short(self) -> str:
        """Seven digits."""
        return self.commit[:7]


@dataclass(frozen=True, slots=True)
class Repository:
    """The git repository at ``root``."""

    root: Path

    @classmethod
    def around(cls, path: Path) -> Repository:
        """The repository that a file or folder lies in; ``UsageError`` where there is none."""
        folder = path.resolve() if path.is_dir() else path.resolve().parent
        answer = _git(folder, "rev-parse", "--show-toplevel")
        if answer.returncode:
            raise UsageError(f"{path} is in no git repository, so there is no other commit of it")
        return cls(Path(answer.stdout.strip()))

    def revision(self, name: str) -> Revision:
        """What ``name`` (a branch, a tag, ``HEAD~3``, a short hash) means.

        Raises
        ------
        UsageError
            When it means no commit; the message tells near names.
        """
        answer = self._run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if answer.returncode or name.startswith("-"):
            raise UsageError(self._unknown(name))
        commit = answer.stdout.strip()
        return Revision(commit, self._said("rev-parse", f"{commit}^{{tree}}"))

    def between(self, good: Revision, bad: Revision) -> list[Revision]:
        """Commits after ``good`` up to ``bad``, the oldest first, along first parents.

        Raises
        ------
        UsageError
            When ``good`` is not before ``bad``.
        """
        if self._run("merge-base", "--is-ancestor", good.commit, bad.commit).returncode:
            raise UsageError(f"{good.short} is not before {bad.short}: no commit leads there")
        span = f"{good.commit}..{bad.commit}"
        listed = self._said("log", "--reverse", "--first-parent", "--format=%H %T", span)
        return [Revision(*line.split()) for line in listed.splitlines()]

    def subject(self, revision: Revision) -> str:
        """The first line of a commit's message."""
        return self._said("log", "-1", "--format=%s", revision.commit)

    def text_at(self, revision: Revision, path: str) -> str | None:
        """A file's text at a commit; ``None`` where it has no such file."""
        answer = self._run("show", f"{revision.commit}:{path}")
        return None if answer.returncode else answer.stdout

    def has(self, revision: Revision, path: str) -> bool:
        """Whether the commit has a file or a folder there, as seen from the repository's root."""
        return self._run("cat-file", "-e", f"{revision.commit}:{path}").returncode == 0

    def check_out(self, revision: Revision, folder: Path) -> None:
        """A worktree of the commit at ``folder``, whatever the index and the files here are.

        Raises
        ------
        StoreError
            When git cannot write it.
        """
        self._run("worktree", "prune")  # a cache that was emptied leaves names behind
        answer = self._run(
            "worktree", "add", "--detach", "--force", "--quiet", str(folder), revision.commit
        )
        if answer.returncode:
            raise StoreError(f"git cannot check out {revision.short}: {answer.stderr.strip()}")

    def is_at(self, revision: Revision, folder: Path) -> bool:
        """Whether ``folder`` is an unchanged worktree of the commit."""
        head = _git(folder, "rev-parse", "HEAD")
        top = _git(folder, "rev-parse", "--show-toplevel")
        if head.returncode or Path(top.stdout.strip()).resolve() != folder.resolve():
            return False
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
        return head.stdout.strip() == revision.commit and not changed.stdout.strip()

    def _unknown(self, name: str) -> str:
        known = self._said("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags")
        near = nearest(name, known.split())
        hint = f"nearest: {near}" if near else "git log --oneline --all lists commits"
        return f'"{name}" is no revision of {self.root} ({hint})'

    def _said(self, *arguments: str) -> str:
        answer = self._run(*arguments)
        if answer.returncode:
            raise UsageError(f"git {arguments[0]} failed: {answer.stderr.strip()}")
        return answer.stdout.strip()

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _git(self.root, *arguments)


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"git cannot be run in {folder}: {error}") from error
