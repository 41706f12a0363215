"""One run in which everything goes wrong, shared by the tests that look at it."""

import pytest
from commands import HEAD, Folder

FAULTS = (
    "none, raise, nan, undeclared, nothing, few, many, loop, power, regex, blocked, segfault, "
    "exit, print, children"
)
SUITE = f"""{HEAD}
hardware:
  box: {{cpus: 1, memory: 300MiB}}
defaults: {{hardware: box, seeds: 5, timeout: 700ms}}
entries:
  - task: trouble/one
    grid: {{fault: [{FAULTS}]}}
    methods: [trouble/plain]
  - task: trouble/one
    params: {{fault: eat}}
    timeout: 1min
    methods: [trouble/plain]
  - task: trouble/trained
    grid: {{broken: [false, true]}}
    methods: [trouble/plain, trouble/other]
claims:
  - name: the first cell is small
    metric: loss
    where: {{fault: none}}
    at_most: 100
    statistic: every
  - {{name: one is lost, metric: loss, where: {{fault: raise}}, at_most: 100}}
"""


@pytest.fixture(scope="session")
def troubled(tmp_path_factory):
    """The folder of a run with sixteen kinds of fault, and what the command printed."""
    folder = Folder.at(tmp_path_factory.mktemp("troubled"), SUITE)
    done = folder.run("run", "toy.yaml")
    return folder, done


@pytest.fixture
def folder(tmp_path):
    """A working folder with the plugin in it."""
    return Folder.at(tmp_path)
