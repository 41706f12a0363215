"""A scratch repository with a plugin of its own: commits to run at and to bisect."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

PROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "scratch-plugin"
version = "1.0"
dependencies = ["algo-harness"]

[project.entry-points.harness]
scratch = "scratch_plugin"

[tool.hatch.build.targets.wheel]
packages = ["scratch_plugin"]
"""
HOOKS = '''"""Hooks of the scratch plugin."""

from harness.api.hooks import hookimpl


@hookimpl
def harness_methods():
    return {"scratch/a": "scratch_plugin.a:A", "scratch/b": "scratch_plugin.b:B"}


@hookimpl
def harness_tasks():
    return {"scratch/task": "scratch_plugin.task:Noisy"}
'''
TASK = '''"""A task that adds shared noise to a method's own loss."""

from dataclasses import dataclass

from harness import Metric, Outcome, Task
from scratch_plugin.kind import Kind


@dataclass(frozen=True, kw_only=True)
class Noisy(Task):
    accepts = Kind
    metrics = (Metric(name="loss"),)

    def evaluate(self, method, cells):
        for cell in cells:
            noise = float(cell.task_stream.numpy().standard_normal())
            own = float(cell.method_stream.numpy().standard_normal())
            yield Outcome(cell=cell, final={"loss": method.loss() + noise + 0.1 * own})
'''
KIND = '''"""The kind."""

from harness import Method


class Kind(Method):
    def loss(self):
        raise NotImplementedError
'''
SUITE = """suite: scratch
seed: 3
hardware: {any: {cpus: 1}}
defaults: {hardware: any, seeds: 12}
entries:
  - task: scratch/task
    methods: [scratch/a, scratch/b]
"""


@dataclass(frozen=True)
class Scratch:
    """The repository; ``commit`` writes files and commits them."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> Scratch:
        root.mkdir()
        made = cls(root)
        made.git("init", "-q", "-b", "main")
        files = {
            "pyproject.toml": PROJECT,
            "scratch_plugin/__init__.py": HOOKS,
            "scratch_plugin/task.py": TASK,
            "scratch_plugin/kind.py": KIND,
            "scratch_plugin/b.py": method("B", 2.0),
            "scratch_plugin/a.py": method("A", 1.0),
            "suite.yaml": SUITE,
        }
        made.commit("begin", files)
        return made

    @property
    def suite(self) -> Path:
        return self.root / "suite.yaml"

    def commit(self, subject: str, files: dict[str, str]) -> str:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=scratch", "-c", "user.email=scratch@example.org")
        command = ["git", "-C", str(self.root), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def method(name: str, loss: float) -> str:
    """The module of a method with this loss."""
    text = f'"""Method {name}."""\n\nfrom dataclasses import dataclass\n\n'
    text += "from scratch_plugin.kind import Kind\n\n\n@dataclass(frozen=True, kw_only=True)\n"
    return text + f"class {name}(Kind):\n    def loss(self):\n        return {loss}\n"
