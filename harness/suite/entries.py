"""``entries:`` into blocks: every setting of a task with every label that it evaluates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness.api.contracts import Method, Task
from harness.api.metric import Metric
from harness.api.parameters import build
from harness.suite.catalogue import Catalogue, Refusal, attempt
from harness.suite.document import (
    BrokenNode,
    Faults,
    ListNode,
    MapNode,
    Node,
    Place,
    ScalarNode,
    plain,
)
from harness.suite.keys import ENTRY, METHOD_OPTIONS, check_keys
from harness.suite.limits import Limits
from harness.suite.model import Entry, MethodUse
from harness.suite.parameters import ParameterTable
from harness.suite.quantities import text
from harness.suite.settings import Refusals, Setting, Settings, named, read_settings, shown
from harness.suite.wording import tell

__all__ = ["Block", "EntryReader", "Use"]


class Use(NamedTuple):
    """One label in a block, with what identifies its method and where it stands."""

    method: MethodUse
    cls: type[Any]
    key: tuple[str, ...]
    place: Place
    item: int


class Block(NamedTuple):
    """One item of ``entries:``; ``number`` is its index there."""

    number: int
    table: ParameterTable
    settings: list[Setting]
    uses: list[Use]

    def entries(self) -> list[Entry]:
        """One entry a setting; they share their methods."""
        methods = tuple(use.method for use in self.uses)
        task = self.table.owner
        return [Entry(task=task, params=each.params, methods=methods) for each in self.settings]


class _Item(NamedTuple):
    """A method item taken apart: its name, parameters and options."""

    name: str
    place: Place
    params: Node | None
    options: Mapping[str, Node]


@dataclass
class EntryReader:
    """Reads entries one by one and remembers what labels stand for.

    ``knows_tasks`` and ``knows_labels`` are false once a task or a method could not be read:
    names in claims are then not held against what is left.
    """

    catalogue: Catalogue
    limits: Limits
    faults: Faults
    blocks: list[Block] = field(default_factory=list)
    tasks: list[ParameterTable] = field(default_factory=list)
    knows_tasks: bool = True
    knows_labels: bool = True
    _labels: dict[str, tuple[str, tuple[str, ...], Place]] = field(default_factory=dict)

    def read(self, number: int, node: Node, defaults: tuple[MapNode, ...]) -> None:
        """Read one entry; what is wrong is told, what is right is kept for the claims."""
        if isinstance(node, BrokenNode):
            self.knows_tasks = self.knows_labels = False
            return
        if not isinstance(node, MapNode):
            hint = "{task: NAME, methods: [NAME]}"
            self.faults.add(
                node.place, f"an entry must be a mapping, got {tell(plain(node))}", hint
            )
            self.knows_tasks = self.knows_labels = False
            return
        before = len(self.faults)
        check_keys(node, ENTRY, "an entry", self.faults)
        task = self._task(node)
        uses = self._uses(node, task, (node, *defaults))
        if len(self.faults) > before or uses is None:  # a fault of the defaults is told once
            self.knows_labels = False
        if task is not None and uses is not None:
            block = Block(number, task.table, task.combinations, uses)
            _ask_task(block, self.faults)
            self.blocks.append(block)

    def _task(self, node: MapNode) -> Settings | None:
        name_node = node.items.get("task")
        name = text(name_node, "task", self.faults) if name_node is not None else None
        if name is None or name_node is None:
            self.knows_tasks = False
            return None
        table = self.catalogue.find("task", name, name_node.place, self.faults)
        if table is None or not _is_whole(table, name_node.place, self.faults):
            self.knows_tasks = False
            return None
        self.tasks.append(table)
        params, grid = node.items.get("params"), node.items.get("grid")
        found = read_settings(table, params, grid, name_node.place, self.faults)
        return found or Settings(table, [], ())

    def _uses(
        self, node: MapNode, task: Settings | None, layers: tuple[MapNode, ...]
    ) -> list[Use] | None:
        methods = node.items.get("methods")
        if methods is None or isinstance(methods, BrokenNode):
            return None
        items = methods.items if isinstance(methods, ListNode) else None
        if items is None:
            message = f"methods must be a list, got {tell(plain(methods))}"
            self.faults.add(methods.place, message, "methods: [NAME]")
            return None
        if not items:
            self.faults.add(methods.place, "the list of methods is empty")
        found: list[Use] = []
        for number, item in enumerate(items):
            if (taken := self._item(item)) is not None:
                found += self._uses_of(number, taken, task, layers)
        return found

    def _item(self, node: Node) -> _Item | None:
        """A method item: a name, or a mapping of the name and options."""
        if isinstance(node, BrokenNode):
            return None
        if isinstance(node, ScalarNode):
            name = text(node, "a method", self.faults)
            return None if name is None else _Item(name, node.place, None, {})
        if not isinstance(node, MapNode):
            message = f"a method is a name or a mapping, got {tell(plain(node))}"
            self.faults.add(node.place, message)
            return None
        names = [key for key in node.items if key not in METHOD_OPTIONS]
        if not names:
            self.faults.add(node.place, "this method has no name", "- NAME: {PARAMETER: VALUE}")
            return None
        known = self.catalogue.names("method") if len(names) > 1 else names
        name = next((each for each in names if each in known), names[0])
        for other in names:
            if other != name:
                options = list(METHOD_OPTIONS)
                message = f'a method has no option "{other}"'
                more = f"options: {', '.join(options)}; parameters stand after the name"
                self.faults.unknown(node.keys[other], message, other, options, more)
        options_given = {key: item for key, item in node.items.items() if key in METHOD_OPTIONS}
        return _Item(name, node.keys[name], node.items[name], options_given)

    def _uses_of(
        self, number: int, item: _Item, task: Settings | None, layers: tuple[MapNode, ...]
    ) -> list[Use]:
        """The labels of one item, one for each combination of its grid."""
        table = self.catalogue.find("method", item.name, item.place, self.faults)
        label = item.options.get("as")
        given = text(label, "a label", self.faults) if label is not None else None
        own = MapNode(item.place, dict(item.options), {})
        chosen = self.limits.chosen((own, *layers), item.place, self.faults)
        if table is None:
            return []
        if task is not None and not _is_accepted(task.table, table, item.place, self.faults):
            return []
        grid = item.options.get("grid")
        settings = read_settings(table, item.params, grid, item.place, self.faults)
        if settings is None or chosen is None:
            return []
        uses = []
        for each in settings.combinations:
            name = _label(settings, each, given)
            self._claim_label(name, table, each, label.place if label else item.place)
            method = MethodUse(name=item.name, params=each.params, label=name, **chosen)
            uses.append(Use(method, table.cls, each.key, item.place, number))
        return uses

    def _claim_label(
        self, label: str, table: ParameterTable, setting: Setting, place: Place
    ) -> None:
        """A label stands for one method with one set of parameters in the whole suite."""
        mine = (table.owner, setting.key, place)
        owner, key, first = self._labels.setdefault(label, mine)
        if (owner, key) != mine[:2]:
            other = f"{named(table, setting.params)} here, {owner} {first.beside(place)}"
            message = f'the label "{label}" stands for two things: {other}'
            self.faults.add(place, message, 'tell them apart with "as: LABEL"')

    @property
    def labels(self) -> frozenset[str]:
        """All labels of the suite."""
        return frozenset(self._labels)


def _label(settings: Settings, setting: Setting, given: str | None) -> str:
    if given is None:
        return named(settings.table, setting.params)
    axes = [f"{name}={shown(setting.params[name])}" for name in settings.axes]
    return " ".join([given, *axes])


def _is_whole(table: ParameterTable, place: Place, faults: Faults) -> bool:
    """Whether a task's class says what it measures and which kind it evaluates."""
    for name in ("accepts", "metrics"):
        if not hasattr(table.cls, name):
            message = f"the class of {table.owner} does not say what it {_SAYS[name]}"
            faults.add(place, message, f"its plugin must set {name}")
            return False
    metrics = table.cls.metrics
    if isinstance(metrics, (tuple, list)) and all(isinstance(each, Metric) for each in metrics):
        return True
    message = f"metrics of {table.owner} must be a tuple of Metric, got {metrics!r:.60}"
    faults.add(place, message, "its plugin must mend that")
    return False


_SAYS = {"accepts": "evaluates", "metrics": "measures"}


def _is_accepted(
    task: ParameterTable, method: ParameterTable, place: Place, faults: Faults
) -> bool:
    kind: type[Any] = task.cls.accepts
    if issubclass(method.cls, kind):
        return True
    message = f"{task.owner} evaluates {kind.__name__}, {method.owner} is {_kind_of(method.cls)}"
    faults.add(place, message, f"what {task.owner} accepts: harness show {task.owner}")
    return False


def _kind_of(cls: type[Any]) -> str:
    """The kind of a method: the class in its line that derives from ``Method`` itself."""
    for each in cls.__mro__:
        if Method in each.__bases__:
            return f"{each.__name__}" if each is not cls else "of no kind"
    return "no method"


def _ask_task(block: Block, faults: Faults) -> None:
    """Let the task refuse methods; asked only where its class has an opinion."""
    task = block.table
    if task.cls.check is Task.check:
        return
    tasks = [attempt(build, task.cls, setting.params) for setting in block.settings]
    for use in block.uses:
        method = attempt(build, use.cls, use.method.params)
        if isinstance(method, Refusal):
            continue  # told when its settings were read
        refusals = Refusals(task)
        for setting, made in zip(block.settings, tasks, strict=True):
            answer = None if isinstance(made, Refusal) else attempt(made.check, method)
            if isinstance(answer, Refusal):
                refusals.add(answer, setting.params)
        for refusal, title, others in refusals:
            says = "refuses" if refusal.is_verdict else "fails to judge"
            message = f"{title} {says} {use.method.label}: {refusal.message}"
            faults.add(use.place, message, others)
