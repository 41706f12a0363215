"""Plugins that are well, missing, broken at import, at registration, or lie about themselves."""

from importlib.metadata import EntryPoint

import pytest

from harness.errors import PluginError
from harness.registry import Registry

GOOD = """
from harness import Method, hookimpl

class Walk(Method):
    '''Goes on foot.'''

@hookimpl
def harness_methods():
    return {
        "%(name)s/walk": "%(name)s:Walk",
        "%(name)s/lost": "%(name)s:Lost",
        "%(name)s/int": "builtins:int",
    }
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Writes a plugin module and gives its entry point."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text % {"name": name} if "%(" in text else text)
        return EntryPoint(name, name, "harness")

    return write


def test_a_method_is_found_by_its_name(plugin):
    registry = Registry([plugin("reg_good", GOOD)])
    assert registry.method("reg_good/walk").__name__ == "Walk"
    assert registry.name_of(registry.method("reg_good/walk")) == "reg_good/walk"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nothing_of_that_name\n", 'module "nothing_of_that_name" is not installed'),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("def broken(:\n", "SyntaxError"),
        (
            "from harness import hookimpl\n\n"
            "@hookimpl\ndef harness_methods(surplus):\n    return {}\n",
            "cannot be registered",
        ),
    ],
    ids=["import of a missing module", "exit at import", "syntax", "wrong signature"],
)
def test_a_broken_plugin_is_told_and_breaks_no_other(plugin, text, told):
    name = f"reg_{abs(hash(text))}"
    registry = Registry([plugin(name, text), plugin("reg_beside", GOOD)])
    faults = {each.name: each.fault for each in registry.plugins}
    assert told in faults[name]
    assert "reg_beside/walk" in registry.method_names()


def test_a_hook_that_raises_names_its_plugin(plugin):
    text = "from harness import hookimpl\n\n@hookimpl\ndef harness_methods():\n    return 1 / 0\n"
    registry = Registry([plugin("reg_raises", text)])
    assert registry.method_names() == []
    assert "ZeroDivisionError" in {each.name: each.fault for each in registry.plugins}["reg_raises"]


@pytest.mark.parametrize(
    ("name", "told"), [("lost", "has no Lost"), ("int", "not a subclass of harness.Method")]
)
def test_a_name_that_stands_for_no_method_is_a_plugin_error(plugin, name, told):
    registry = Registry([plugin(f"reg_lies_{name}", GOOD)])
    with pytest.raises(PluginError, match=told):
        registry.method(f"reg_lies_{name}/{name}")


def test_an_unknown_name_is_a_key_error():
    with pytest.raises(KeyError):
        Registry([]).method("nobody/knows")


def test_two_plugins_cannot_share_a_name(plugin):
    first = plugin("reg_first", GOOD.replace("%(name)s/walk", "shared/walk"))
    second = plugin("reg_second", GOOD.replace("%(name)s/walk", "shared/walk"))
    registry = Registry([first, second])
    assert registry.things("method")["shared/walk"].plugin in ("reg_first", "reg_second")
    assert sum("already taken" in each.fault for each in registry.plugins) == 1


def test_a_single_class_needs_no_hooks(plugin):
    plugin("reg_lucky", "from harness import Method\n\nclass Lucky(Method):\n    '''Is.'''\n")
    registry = Registry([EntryPoint("games/lucky", "reg_lucky:Lucky", "harness")])
    assert registry.method("games/lucky").__name__ == "Lucky"
    assert registry.task_names() == []


def test_a_path_registers_a_file_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    path = tmp_path / "reg_path.py"
    path.write_text(GOOD % {"name": "reg_path"})
    registry = Registry([])
    registry.add_paths([path])
    assert "reg_path/walk" in registry.method_names()
    assert registry.paths == (tmp_path,)


def test_a_path_without_hooks_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    path = tmp_path / "reg_empty.py"
    path.write_text("x = 1\n")
    with pytest.raises(PluginError, match="registers nothing"):
        Registry([]).add_paths([path])


def test_a_class_in_place_of_its_name_is_told(tmp_path):
    (tmp_path / "given.py").write_text(
        "from harness import hookimpl\n\n\nclass Mine:\n    pass\n\n\n"
        '@hookimpl\ndef harness_methods():\n    return {"mine/one": Mine}\n'
    )
    with pytest.raises(PluginError, match='mine/one: a text "module:Class" is wanted'):
        Registry().add_paths([tmp_path / "given.py"])


@pytest.mark.parametrize("importing", [0, 1])
def test_helpers_of_one_name_beside_two_plugins_are_refused(tmp_path, importing):
    hooks = (
        "from harness import hookimpl\n"
        "@hookimpl\n"
        "def harness_methods():\n"
        "    return {{'{0}/m': '{0}:M'}}\n"
        "class M: pass\n"
    )
    paths = []
    for place, name in enumerate(("first_of_two", "second_of_two")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "one_helper_for_two.py").write_text(f"WHO = {name!r}\n")
        wants = "from one_helper_for_two import WHO\n" if place == importing else ""
        (folder / f"{name}.py").write_text(wants + hooks.format(name))
        paths.append(folder / f"{name}.py")
    with pytest.raises(PluginError, match=r'a module "one_helper_for_two" each'):
        Registry([]).add_paths(paths)
