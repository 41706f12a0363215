"""A batch of chains under way: the compiled driver, its state, and the counts of oracle calls."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from harness.kernels import coerce, specialise
from harness_sampling.arrays import FloatArray, IntArray
from harness_sampling.problem import Body, Target, facts_of, no_calls
from harness_sampling.sampler import ORACLES, Facts, Sampler, advance

__all__ = ["Chains", "Nothing", "observe_nothing"]


class Nothing(NamedTuple):
    """What is recorded of a chain that nobody looks at."""

    nothing: FloatArray  # (1,)


def observe_nothing(record: Nothing, body: Any, x: FloatArray, k: int) -> None:
    """Look away."""
    return


class Chains:
    """``chains`` chains of one method on one target; :meth:`run` moves them on.

    Parameters
    ----------
    start
        (n,) for all chains, or (chains, n).
    observe, record
        Called as ``observe(record, body, x, k)`` in compiled code after each ``every``-th step;
        ``record`` is a NamedTuple of arrays that it writes into.
    key
        Of the chains' draws.

    Attributes
    ----------
    x
        (chains, n) the present points.
    steps
        How many steps were taken.
    seconds
        CPU seconds spent in the driver, compilation left out.
    """

    def __init__(
        self,
        method: Sampler,
        body: Body,
        target: Target,
        *,
        chains: int,
        key: int,
        start: FloatArray,
        observe: Callable[..., None] = observe_nothing,
        record: Any = None,
        every: int = 1,
    ) -> None:
        self.method, self.body, self.key, self.every = method, body, key, every
        self.calls: IntArray = no_calls()
        shape = (chains, body.dimension)
        self.x = np.array(np.broadcast_to(start, shape), dtype=np.float64, order="C")
        self.record = Nothing(np.zeros(1)) if record is None else coerce(record)
        self.steps, self.seconds = 0, 0.0
        self._body = coerce(body.record(chains, self.calls))
        self._kernel = specialise(
            advance,
            step=method.step,
            observe=observe,
            **target.oracles._asdict(),
            **body.oracles._asdict(),
        )
        self.aim(target)
        self.state = coerce(method.state(self.facts))
        self._drive(1, 0)  # a kernel compiles at its first call

    def aim(self, target: Target) -> None:
        """Go on with another target of the same class: the points stay, parameters follow it."""
        chains = self.x.shape[0]
        self.facts: Facts = coerce(facts_of(self.body, target, chains))
        self.parameters = coerce(self.method.parameters(self.facts))
        self._target = coerce(target.record(chains, self.calls))

    def run(self, steps: int) -> None:
        """Take ``steps`` steps.

        Raises
        ------
        ValueError
            When a gradient or a potential is NaN or infinite, with the step's number.
        """
        began = process_time()
        failed = self._drive(self.steps + 1, self.steps + steps)
        self.seconds += process_time() - began
        if failed:
            self.steps = failed
            raise ValueError(
                f"the gradient or potential is not finite in iteration {failed}, after "
                f"{', '.join(f'{n} {name}' for name, n in self.counts().items() if n)} calls"
            )
        self.steps += steps

    def counts(self) -> dict[str, int]:
        """Calls of each oracle so far, over all chains."""
        return dict(zip(ORACLES, self.calls.tolist(), strict=True))

    def _drive(self, first: int, last: int) -> int:
        return int(
            self._kernel(
                self.parameters,
                self.facts,
                self._target,
                self._body,
                self.record,
                self.state,
                self.x,
                self.key,
                first,
                last,
                self.every,
            )
        )
