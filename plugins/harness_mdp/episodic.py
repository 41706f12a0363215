"""What the episodic tasks share: parameters, metrics, and the evaluation of one cell.

Two regrets are told apart by name. ``regret_exact`` sums V*(x_1) − V^{π_k}(x_1), each policy
evaluated exactly. ``regret_gaps`` sums V*_h(x_h) − Q*_h(x_h, a_h) along the path: by the
performance-difference lemma it is unbiased for the exact one and costs nothing, so long runs use
it alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from time import process_time
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Interval

from harness import Cell, Method, Metric, Outcome, Task
from harness.kernels import coerce, specialise
from harness.random.stream import Stream
from harness_mdp import evaluation
from harness_mdp.agent import Agent, Facts
from harness_mdp.curves import growth_exponent, report_grid
from harness_mdp.driver import Curves, Played, World, explore, play
from harness_mdp.metrics import METRICS
from harness_mdp.model import Model, Optimum, Range, optimum_of, refuse_wrong_model
from harness_mdp.theory import log_term

__all__ = ["EpisodicTask", "refuse_below"]

_CLOCK_TICK_S = 1e-9  # of process_time
_VIOLATION = 1e-9  # an estimate less than this below Q* is rounding
_RATIO_P = 0.05  # p of the ι in the ratios, whatever the method's
_MOST_EPISODES = 2**31 - 1  # agents count visits in 32 bits
_AUDITS = {
    "none": evaluation.AUDIT_NONE,
    "forward": evaluation.AUDIT_FORWARD,
    "backward": evaluation.AUDIT_BACKWARD,
}


@dataclass(frozen=True, kw_only=True)
class EpisodicTask(Task):
    """A finite-horizon MDP that the task knows and the agent doesn't.

    Parameters
    ----------
    episodes
        K.
    regret
        ``exact`` evaluates every episode's policy and gives both regrets; ``gaps`` gives the
        sum of gaps only.
    points
        How many episodes of the curve are kept.
    audit
        With ``regret: exact``: hold each incremental evaluation against the full one, summed in
        the same order (``forward``) or in the opposite one (``backward``).
    warm
        Episodes of uniform play for each (state, action) that the agent watches before its
        first own: a short run on a large MDP leaves most rows unvisited, and a planner that
        skips them looks cheaper than it is.
    """

    accepts: ClassVar[type[Method]] = Agent
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    # Whether every seed has the same MDP, so that a job makes and solves it once.
    is_fixed: ClassVar[bool] = True

    episodes: Annotated[int, Interval(ge=1, le=_MOST_EPISODES)] = 10_000
    regret: Literal["exact", "gaps"] = "exact"
    points: Annotated[int, Ge(1)] = 200
    audit: Literal["none", "forward", "backward"] = "none"
    warm: Annotated[int, Ge(0)] = 0

    @abstractmethod
    def facts(self) -> Facts:
        """What an agent may know before the first episode."""

    @abstractmethod
    def instance(self, stream: Stream) -> Model:
        """One MDP with rewards in [0, 1], drawn from ``stream`` alone."""

    def reward_range(self) -> Range:
        """The range of the raw rewards."""
        return Range()

    def extra(self, final: Mapping[str, float]) -> Mapping[str, float]:
        """Metrics of the task's own."""
        return {}

    def check(self, method: Method) -> None:
        """Refuse an agent that cannot serve this task."""
        agent = _agent(method, self.facts())
        self.inspect()
        if self.audit != "none" and (self.regret == "gaps" or agent.is_random()):
            raise ValueError("audit needs regret: exact and an agent whose policy is deterministic")

    def inspect(self) -> None:
        """Refuse an MDP whose rows are wrong, where every seed has the same."""
        if self.is_fixed:
            refuse_wrong_model(self.instance(Stream("inspect")))

    def evaluate(self, method: Method, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """Play one agent a cell; it is compiled once for all of them."""
        facts = coerce(self.facts())
        game = _game(self, _agent(method, facts), facts)
        known: _Instance | None = None
        for cell in cells:
            if known is None or not self.is_fixed:
                model = coerce(self.instance(cell.task_stream.sub("instance")))
                _refuse_wide(model, facts)
                if known is None:
                    refuse_wrong_model(model)
                first, known = known is None, _Instance(model, optimum_of(model))
                if first:
                    game.warm_up(known)
            yield self._outcome(cell, game, known)

    def _outcome(self, cell: Cell, game: _Game, known: _Instance) -> Outcome:
        noise, key = cell.task_stream.sub("noise").key, cell.method_stream.key
        state = game.new_state(key)
        if self.warm:
            watched = self.warm * game.facts.states * game.facts.actions
            game.explore(state, known.model, noise, watched)
        grid = report_grid(game.facts.episodes, self.points)
        curves = Curves(grid, np.zeros(grid.size), np.zeros(grid.size))
        ledger = game.new_ledger(known.model)
        began = process_time()
        played = game.play(state, known, ledger, noise, key, curves)
        seconds = max(process_time() - began, _CLOCK_TICK_S)
        _stop_at_a_fault(played, game.facts)
        steps = game.facts.episodes * game.facts.horizon
        final: dict[str, float] = {
            "regret_gaps": float(curves.gaps[-1]),
            "first_reward": float(played.first_reward or game.facts.episodes),
            "steps_per_second": steps / seconds,
            "seconds_per_step": seconds / steps,
            "state_bytes": float(_bytes_of(state)),
        }
        shown = {"regret_gaps": (grid, curves.gaps)}
        if self.regret == "exact":
            final["regret_exact"] = float(curves.exact[-1])
            final["gaps_minus_exact"] = final["regret_gaps"] - final["regret_exact"]
            shown["regret_exact"] = (grid, curves.exact)
        if self.audit != "none":
            final["mismatches"] = float(ledger.marks.counts[evaluation.MISMATCHES])
        if game.agent.has_estimate():
            final["optimism_violated"] = float(played.deepest_violation > _VIOLATION)
            final["deepest_violation"] = max(0.0, played.deepest_violation)
        final |= self._ratios(game.facts, played, curves)
        final |= self.extra(final)
        censored = frozenset() if played.first_reward else self._censored()
        return Outcome(cell=cell, final=final, curves=shown, censored=censored)

    def _censored(self) -> frozenset[str]:
        """Metrics that are lower bounds where no episode had a reward."""
        return frozenset({"first_reward"})

    def _ratios(self, facts: Facts, played: Played, curves: Curves) -> Mapping[str, float]:
        """What follows from the regret: exact where it is known, else the sum of gaps."""
        curve = curves.exact if self.regret == "exact" else curves.gaps
        regret, horizon = float(curve[-1]), float(facts.horizon)
        pairs = float(facts.states * facts.actions)
        steps, iota = horizon * facts.episodes, log_term(facts, _RATIO_P)
        found = {
            "regret_raw": regret * self.reward_range().span,
            "regret_over_h4": regret / sqrt(horizon**4 * pairs * steps * iota),
            "regret_over_h3": regret / sqrt(horizon**3 * pairs * steps * iota),
            "regret_over_lower": regret / sqrt(horizon**2 * pairs * steps),
        }
        if played.best_possible > 0.0:
            found["regret_share"] = regret / played.best_possible
        exponent = growth_exponent(curves.grid, curve)
        return found if exponent is None else found | {"growth_exponent": exponent}


class _Instance(NamedTuple):
    """An MDP with its optimum."""

    model: Model
    optimum: Optimum


class _Game(NamedTuple):
    """What the cells of one job have in common."""

    agent: Agent
    kernel: Callable[..., Played]
    watch: Callable[..., None]
    parameters: Any
    facts: Facts
    least_return: float
    audit: int

    def new_state(self, key: int) -> Any:
        """The agent's state before its first episode."""
        return coerce(self.agent.init(self.parameters, self.facts, key))

    def new_ledger(self, model: Model) -> evaluation.Ledger:
        """What exact evaluation writes to."""
        is_mixture = self.agent.is_random()
        return evaluation.open_ledger(self.facts, model, is_mixture=is_mixture, audit=self.audit)

    def explore(self, state: Any, model: Model, noise: int, episodes: int) -> None:
        """Uniform play that the agent watches."""
        self.watch(self.parameters, state, self.facts, model, noise, episodes)

    def play(
        self,
        state: Any,
        known: _Instance,
        ledger: evaluation.Ledger,
        noise: int,
        key: int,
        curves: Curves,
    ) -> Played:
        """All episodes."""
        world = World(known.model, known.optimum, self.least_return, noise)
        return self.kernel(self.parameters, state, self.facts, world, ledger, key, curves)

    def warm_up(self, known: _Instance) -> None:
        """Play one episode for nothing: a kernel compiles at its first call.

        Without it the speed of the first cell would be missing or wrong, depending on the
        worker that gets it.
        """
        once = self._replace(facts=self.facts._replace(episodes=1))
        curves = Curves(np.ones(1, np.int64), np.zeros(1), np.zeros(1))
        once.play(once.new_state(0), known, once.new_ledger(known.model), 0, 0, curves)


def _game(task: EpisodicTask, agent: Agent, facts: Facts) -> _Game:
    describe = agent.mixture if agent.is_random() else agent.policy
    note, settle = _evaluators(agent, is_exact=task.regret == "exact")
    kernel = specialise(
        play,
        begin=agent.begin,
        act=agent.act,
        update=agent.update,
        estimate=agent.estimate,
        describe=describe,
        note=note,
        settle=settle,
    )
    raw = task.reward_range()
    # In raw units a return above 0, with room for rounding.
    least = (1e-9 - raw.low / raw.span) * facts.horizon
    return _Game(
        agent,
        kernel,
        specialise(explore, update=agent.update),
        coerce(agent.parameters(facts)),
        facts,
        least,
        _AUDITS[task.audit],
    )


def _evaluators(
    agent: Agent, *, is_exact: bool
) -> tuple[Callable[..., None], Callable[..., float]]:
    """How the agent's policy is evaluated: ``note`` and ``settle`` of the driver."""
    if not is_exact:
        return evaluation.note_nothing, evaluation.settle_nothing
    if agent.is_random():
        return evaluation.note_mixture, evaluation.settle_mixture
    if agent.changes == "everywhere":
        return evaluation.note_played, evaluation.settle_plan
    return evaluation.note_policy, evaluation.settle_policy


def _agent(method: Method, facts: Facts) -> Agent:
    """The method, if it can serve ``facts``; else ``ValueError``."""
    if not isinstance(method, Agent):
        raise ValueError(f"{type(method).__name__} is no agent")
    method.check(facts)
    return method


def _stop_at_a_fault(played: Played, facts: Facts) -> None:
    """Raise ``ValueError`` with the place, if the loop stopped at a wrong action."""
    if not played.fault_episode:
        return
    where = f"at step {played.fault_step} of episode {played.fault_episode}"
    if played.fault_value == evaluation.NOT_THE_POLICY:
        raise ValueError(f"the agent played an action that is not its policy's {where}")
    raise ValueError(
        f"the agent chose action {played.fault_value:g} {where}; actions are"
        f" 0 … {facts.actions - 1}"
    )


def _refuse_wide(model: Model, facts: Facts) -> None:
    """A model wider than its facts say would overrun the lists that agents made by them."""
    width = model.successor.shape[3]
    if facts.branching and width > facts.branching:
        raise ValueError(f"a row has {width} successors, the task's facts say {facts.branching}")


def _bytes_of(state: Any) -> int:
    """Bytes of all arrays of a state."""
    if isinstance(state, tuple):
        return sum(_bytes_of(each) for each in state)
    return int(getattr(state, "nbytes", 0))


def refuse_below(limit: float, **values: float) -> None:
    """Raise ``ValueError`` naming the first of ``values`` that is below ``limit``."""
    for name, value in values.items():
        if not value >= limit:
            raise ValueError(f"{name} must be at least {limit:g}, got {value!r}")
