"""What the quick commands import: nothing that takes long, in a process of their own."""

from __future__ import annotations

import json
import subprocess

import pytest
from commands import COMMAND, Folder

HEAVY = ["numpy", "torch", "pandas", "numba", "scipy", "pyarrow", "pydantic", "rich", "yaml"]
REPORT = """
import atexit, json, sys
def tell():
    print(json.dumps([name for name in {heavy} if name in sys.modules]), file=sys.stderr)
atexit.register(tell)
sys.argv = ["harness", *{arguments}]
"""


def imported(folder: Folder, *arguments: str) -> list[str]:
    """The heavy modules that a command has imported when it ends."""
    program, option, code = COMMAND
    told = REPORT.format(heavy=HEAVY, arguments=list(arguments))
    command = [program, option, told + code]
    options = {"capture_output": True, "text": True, "check": False, **folder._options}
    done = subprocess.run(command, **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["list"], ["list", "plugins"], ["run", "--help"]]
)
def test_help_and_list_import_nothing_heavy(folder, arguments):
    assert imported(folder, *arguments) == []


def test_what_is_read_from_tables_needs_no_pandas(folder):
    folder.write(
        "toy.yaml",
        "suite: toy\nplugins: [trouble.py]\ndefaults: {seeds: 3}\n"
        "entries: [{task: trouble/one, methods: [trouble/plain]}]\n",
    )
    assert not set(imported(folder, "run", "toy.yaml", "--json")) & {"pandas", "scipy", "rich"}
    read = imported(folder, "leaderboard")
    assert not set(read) & {"pandas", "scipy", "numba", "pydantic", "rich"}
