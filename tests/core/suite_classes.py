"""A tiny world for tests of the suite loader: two kinds, two tasks, a few methods, a registry."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Interval, MinLen

from harness.api.cell import Cell
from harness.api.claim import Claim, ClaimGroup, Judgement
from harness.api.contracts import Method, Task
from harness.api.metric import Metric
from harness.api.outcome import Outcome
from harness.errors import PluginError


@dataclass(frozen=True, kw_only=True)
class Policy(Method):
    """A kind."""


@dataclass(frozen=True, kw_only=True)
class Agent(Method):
    """Another kind."""


@dataclass(frozen=True, kw_only=True)
class Thompson(Policy):
    """A method whose parameter is a word."""

    prior: Literal["uniform", "task"] = "uniform"


@dataclass(frozen=True, kw_only=True)
class Greedy(Policy):
    """A method with a range."""

    epsilon: Annotated[float, Interval(ge=0, le=1)] = 0.1


@dataclass(frozen=True, kw_only=True)
class KlUcb(Policy):
    """A method whose number may be nothing."""

    c: float = 3.0
    warm: bool = False
    rounds: int | None = None


@dataclass(frozen=True, kw_only=True)
class Weighted(Policy):
    """A method with structured parameters and a rule over several of them."""

    weights: Annotated[tuple[Annotated[float, Gt(0)], ...], MinLen(1)] = (1.0,)
    mode: Annotated[int, Ge(1)] | Literal["auto"] = "auto"
    title: str = ""
    limits: dict[str, int] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.mode, int) and self.mode > len(self.weights):
            raise ValueError(f"mode {self.mode} is beyond the {len(self.weights)} weights")


@dataclass(frozen=True, kw_only=True)
class Broken(Policy):
    """A method that cannot be made."""

    def __post_init__(self) -> None:
        raise RuntimeError("no licence found")


@dataclass(frozen=True, kw_only=True)
class Ucbvi(Agent):
    """A method of the other kind."""


@dataclass(frozen=True, kw_only=True)
class Bandit(Task):
    """A task without opinions of its own."""

    accepts = Policy
    metrics = (
        Metric(name="regret", axis="round"),
        Metric(name="best_arm", type="share", direction="higher"),
    )

    arms: Annotated[int, Ge(2)] = 10
    horizon: Annotated[int, Ge(1)]
    prior: Literal["uniform", "arcsine"] = "uniform"
    noise: float = 0.0

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class KnownGap(Bandit):
    """A task that refuses combinations and methods."""

    gap: Annotated[float, Interval(gt=0, lt=1)] = 0.1

    def __post_init__(self) -> None:
        if self.gap * self.arms > 1:
            raise ValueError("gap times arms must be at most 1")

    def check(self, method: Method) -> None:
        if isinstance(method, KlUcb):
            raise ValueError("it needs rewards of 0 and 1")
        if isinstance(method, Weighted):
            raise ImportError("no module named solver")


@dataclass(frozen=True, kw_only=True)
class Lock(Task):
    """A task of the other kind, with a metric of its own."""

    accepts = Agent
    metrics = (Metric(name="first_reward"),)

    states: Annotated[int, Ge(1)] = 4

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Monotone(Claim):
    """A claim plugin."""

    slack: Annotated[float, Ge(0)] = 0.0

    def judge(self, groups: Sequence[ClaimGroup], level: float) -> Judgement:
        return Judgement(verdict="undecided", estimate=math.pi)


class FakeRegistry:
    """Names to the classes above; ``bandits/absent`` fails at import."""

    methods: ClassVar = {
        "bandits/thompson": Thompson,
        "bandits/ucb1": Policy,
        "bandits/uniform": Policy,
        "bandits/epsilon-greedy": Greedy,
        "bandits/kl-ucb": KlUcb,
        "bandits/weighted": Weighted,
        "bandits/broken": Broken,
        "mdp/ucbvi": Ucbvi,
    }
    tasks: ClassVar = {"bandits/bernoulli": Bandit, "bandits/known-gap": KnownGap, "mdp/lock": Lock}
    claims: ClassVar = {"acme/monotone": Monotone}

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.said: list[tuple[str, Any]] = []  # what plugins publish

    def method_names(self) -> list[str]:
        return sorted(self.methods)

    def task_names(self) -> list[str]:
        return sorted(self.tasks)

    def claim_names(self) -> list[str]:
        return sorted(self.claims)

    def method(self, name: str) -> type[Any]:
        if name == "bandits/absent":
            raise PluginError('plugin "absent": ZeroDivisionError: division by zero')
        return self.methods[name]

    def task(self, name: str) -> type[Any]:
        return self.tasks[name]

    def claim(self, name: str) -> type[Any]:
        return self.claims[name]

    def published(self) -> list[tuple[str, Any]]:
        return self.said

    def missing(self, name: str) -> str:
        return "pip install 'algo-harness[vision]'" if name.startswith("vision/") else ""

    def add_paths(self, paths: Sequence[Path]) -> None:
        for path in paths:
            if not path.exists():
                raise PluginError(f"no plugin at {path.name}")
            self.paths.append(path)
