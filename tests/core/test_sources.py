"""The five cases of identity: what an edit changes, and what it must not change."""

import subprocess
import sys
import textwrap

import pytest

from harness.plan import sources

READ = """
import sys
sys.path.insert(0, {folder!r})
from harness.plan.sources import CodeReader
reader = CodeReader(["plug"])
for module in {modules!r}:
    print(reader.digest([module], {{"clicks": {sha!r}}}).hex())
"""


METHODS = ("plug.one", "plug.two", "plug.three")


def digests(folder, sha="a", modules=METHODS):
    """The digests of the three methods, or of others, read in a fresh process."""
    answer = subprocess.run(
        [sys.executable, "-c", READ.format(folder=str(folder), sha=sha, modules=modules)],
        capture_output=True,
        check=True,
        text=True,
    )
    names = (each.removeprefix("plug.") for each in modules)
    return dict(zip(names, answer.stdout.split(), strict=True))


@pytest.fixture
def plugin(tmp_path):
    """A plugin of three methods: one and two reach a helper, two through another module."""
    package = tmp_path / "plug"
    package.mkdir()
    files = {
        "__init__.py": """
            from harness import hookimpl

            @hookimpl
            def harness_methods():
                return {"plug/one": "plug.one:One"}
        """,
        "helper.py": "def scale(x):\n    return 2 * x\n",
        "middle.py": "from plug.helper import scale\n",
        "one.py": "import plug.helper\nprior = 1.0\n",
        "two.py": "def f():\n    from plug import middle\n    return middle\n",
        "three.py": "import math\nDATA = 'table.bin'\nSET = 'clicks'\n",
    }
    for name, text in files.items():
        (package / name).write_text(textwrap.dedent(text))
    (package / "table.bin").write_bytes(b"1 2 3")
    return package


def changed_by(plugin, edit, modules=METHODS):
    before = digests(plugin.parent, modules=modules)
    edit()
    after = digests(plugin.parent, modules=modules)
    return {name for name in before if before[name] != after[name]}


def append(path, text):
    path.write_text(path.read_text() + text)


def test_a_comment_a_docstring_a_touch_and_a_new_name_change_nothing(plugin):
    def edit():
        append(plugin / "one.py", "# a comment\n")
        helper = plugin / "helper.py"
        helper.write_text('"""Now with a docstring."""\n\n\n' + helper.read_text())
        init = plugin / "__init__.py"
        init.write_text(init.read_text().replace('"plug.one:One"', '"plug.one:One", "plug/x": "y"'))

    assert changed_by(plugin, edit) == set()


def test_an_edited_method_changes_itself_alone(plugin):
    assert changed_by(plugin, lambda: append(plugin / "one.py", "prior = 2.0\n")) == {"one"}


def test_an_edited_helper_changes_all_that_reach_it_and_no_other(plugin):
    def edit():
        (plugin / "helper.py").write_text("def scale(x):\n    return 3 * x\n")

    assert changed_by(plugin, edit) == {"one", "two"}


def test_an_edited_data_file_changes_what_names_it(plugin):
    assert changed_by(plugin, lambda: (plugin / "table.bin").write_bytes(b"1 2 4")) == {"three"}


def test_an_edited_data_file_in_a_folder_of_its_own_changes_what_names_both(plugin):
    (plugin / "data").mkdir()
    (plugin / "data" / "weights.txt").write_text("1")
    append(plugin / "three.py", "WHERE = Path(__file__).parent / 'data' / 'weights.txt'\n")
    edit = (plugin / "data" / "weights.txt").write_text
    assert changed_by(plugin, lambda: edit("2")) == {"three"}


def test_another_hash_of_a_declared_data_set_changes_what_names_it(plugin):
    before, after = digests(plugin.parent, "a"), digests(plugin.parent, "b")
    assert {name for name in before if before[name] != after[name]} == {"three"}


def test_a_module_that_imports_by_name_rests_on_its_whole_package(plugin):
    append(plugin / "three.py", "import importlib\nx = importlib.import_module('plug.' + 'one')\n")
    assert changed_by(plugin, lambda: append(plugin / "two.py", "y = 1\n")) == {"two", "three"}


@pytest.mark.parametrize(
    ("one", "other", "counts"),
    [
        ("2.13.0+cpu", "2.13.0+cu130", False),
        ("2.13.0", "2.13.0+rocm6.4", False),
        ("2.12.0+cpu", "2.13.0+cpu", True),
        ("2.13.0+g1a2b3c4", "2.13.0+g5d6e7f8", True),
        ("2.13.0+cpu.local", "2.13.0", True),
    ],
)
def test_the_processor_that_a_library_was_built_for_does_not_count(monkeypatch, one, other, counts):
    found = []
    for told in (one, other):
        sources._version.cache_clear()
        monkeypatch.setattr(sources, "version", lambda name, told=told: told)
        found.append(sources._version("torch"))
    sources._version.cache_clear()
    assert (found[0] != found[1]) is counts


def test_a_module_below_a_package_that_cannot_be_imported_is_no_module(plugin):
    broken = plugin / "broken"
    broken.mkdir()
    (broken / "__init__.py").write_text("import no_such_library_anywhere\n")
    (broken / "below.py").write_text("")
    append(plugin / "three.py", "def f():\n    from plug.broken import below\n")
    assert digests(plugin.parent)["three"]


ROOT = """
from collections.abc import Mapping
from typing import TYPE_CHECKING
from harness import hookimpl
from plug.helper import scale
if TYPE_CHECKING:
    from nowhere import Nothing
STEP = 0.5
_METHODS = {"plug/one": "plug:One"}
_OFFSETS = [1, 2]
if STEP > 0.1:
    FACTOR = 2.0
class One:
    def value(self):
        return FACTOR * scale(STEP)
@hookimpl
def harness_methods():
    return _METHODS
"""


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("STEP = 0.5", "STEP = 7.5", True),
        ("FACTOR = 2.0", "FACTOR = 3.0", True),
        ("[1, 2]", "[1, 3]", True),
        ("scale(STEP)", "scale(STEP + 1)", True),
        ("import scale", "import scale as scale", True),
        ('"plug/one": "plug:One"', '"plug/one": "plug:One", "plug/x": "plug.x:X"', False),
        ("return _METHODS", "return dict(_METHODS)", False),
        ("import Nothing", "import Something", False),
    ],
)
def test_a_plugin_in_one_file_counts_like_any_module_but_for_its_hooks(plugin, old, new, counts):
    root = plugin / "__init__.py"
    root.write_text(ROOT)

    def edit():
        root.write_text(ROOT.replace(old, new))

    assert bool(changed_by(plugin, edit, ["plug"])) is counts


def test_what_a_plugins_root_imports_is_followed(plugin):
    (plugin / "__init__.py").write_text(ROOT)

    def edit():
        (plugin / "helper.py").write_text("def scale(x):\n    return 50 * x\n")

    assert changed_by(plugin, edit, ["plug", "plug.three"]) == {"plug"}
