"""asv on a scratch clone: a planted slow-down and a planted loss of quality both fail it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PLANTS = {
    "slow-down": (
        "harness/stats/ranks.py",
        "    table = np.asarray(values, dtype=np.float64)\n",
        '    __import__("time").sleep(1)\n    table = np.asarray(values, dtype=np.float64)\n',
        "Ranks.time",
    ),
    "loss of quality": (
        "plugins/harness_bandits/ucb1.py",
        "math.sqrt(2.0 * math.log(t))",
        "math.sqrt(20.0 * math.log(t))",
        "Quality",
    ),
    "nothing": ("README.md", "\n", "\n\n", "Quality"),
}


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone of the last commit, with the benchmarks as they are here."""
    pytest.importorskip("asv")
    folder = tmp_path_factory.mktemp("asv") / "clone"
    run("git", "clone", "-q", str(ROOT), str(folder), cwd=ROOT)
    shutil.copy(ROOT / "asv.conf.json", folder)
    shutil.copytree(ROOT / "benchmarks", folder / "benchmarks", dirs_exist_ok=True)
    run("git", "checkout", "-q", "-B", "main", cwd=folder)
    commit(folder, "benchmarks as they are here")
    run(sys.executable, "-m", "asv", "machine", "--yes", cwd=folder)
    return folder


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, text=True, capture_output=True, check=True)


def commit(folder: Path, subject: str) -> None:
    identity = ("-c", "user.name=scratch", "-c", "user.email=scratch@example.org")
    run("git", "add", "-A", cwd=folder)
    run("git", *identity, "commit", "-q", "--allow-empty", "-m", subject, cwd=folder)


@pytest.mark.parametrize(("planted", "code"), [*((name, name != "nothing") for name in PLANTS)])
def test_asv_continuous_fails_on_what_is_planted_and_on_nothing_else(clone, planted, code):
    name, old, new, benchmark = PLANTS[planted]
    run("git", "checkout", "-q", "-B", "planted", "main", cwd=clone)
    text = (clone / name).read_text(encoding="utf-8")
    (clone / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    commit(clone, planted)
    command = [sys.executable, "-m", "asv", "continuous", "-f", "1.5", "--bench", benchmark]
    command += ["-a", "rounds=1", "-a", "repeat=8", "-a", "number=1", "main", "planted"]
    done = subprocess.run(command, cwd=clone, text=True, capture_output=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert ("PERFORMANCE DECREASED" in done.stdout) == bool(code)
