"""Bayesian logistic regression on real rows, the coefficients confined to a ball.

==============  =====  ================================================================
data            M × n  rows, with a column of ones
==============  =====  ================================================================
breast-cancer   569 × 31   scikit-learn's, standardised: separable, so the ball is active
a1a             1,605 × 124  LIBSVM's, binary features, below ``HARNESS_DATA``
heart           270 × 14   LIBSVM's, scaled to [−1, 1], below ``HARNESS_DATA``
==============  =====  ================================================================

No closed form is known. Single coefficients mix slowly; |w|, the boundary's share and f do not,
and they show the bias of a projected chain.

Source: scikit-learn's and LIBSVM's copies of UCI data sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt
from sklearn import datasets

from harness import Cell, Method, Metric, Outcome, Task
from harness_sampling.arrays import FloatArray
from harness_sampling.ball import Ball
from harness_sampling.chains import Chains
from harness_sampling.diagnostics import multivariate_ess, split_rhat
from harness_sampling.projected_sgld import ProjectedSGLD
from harness_sampling.regression import Regression
from harness_sampling.sampler import Sampler
from harness_sampling.serving import check_served

__all__ = ["Logistic", "load_rows"]

_WIDTHS = {"breast-cancer": 31, "a1a": 124, "heart": 14}
_SVMLIGHT = {"a1a": "libsvm-a1a", "heart": "libsvm-heart"}
_NEAR = 0.999  # of the radius: what counts as near the sphere
_ON_BOUNDARY = 1 - 1e-9

_METRICS = (
    Metric(name="norm", direction="none", description="E |w|"),
    Metric(name="potential", direction="none", description="E f(w)"),
    Metric(name="near_sphere", direction="none", description="P(|w| > 0.999 R)"),
    Metric(name="boundary_share", direction="none", description="Share of draws on the sphere"),
    Metric(name="ess", direction="higher", description="Multivariate effective sample size of w"),
    Metric(name="r_hat", description="Split R̂ of |w| and f, the larger"),
    Metric(name="ess_per_second", unit="1/s", direction="higher", is_cost=True),
    Metric(name="ess_per_row", direction="higher", description="Per row's gradient or loss"),
    Metric(name="row_gradients", description="Gradients of single rows"),
    Metric(name="chords", description="Calls of the chord"),
    Metric(name="seconds", unit="s", is_cost=True, description="CPU time in the chains' driver"),
)


def load_rows(data: str, path: Callable[[str], Path]) -> tuple[FloatArray, FloatArray]:
    """Rows with a column of ones, and labels ±1; ``path`` finds a data set by name."""
    if data in _SVMLIGHT:
        file = str(path(_SVMLIGHT[data]))
        sparse, target = datasets.load_svmlight_file(file, n_features=_WIDTHS[data] - 1)
        rows = sparse.toarray()
    else:
        rows, target = datasets.load_breast_cancer(return_X_y=True)
        rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    labels = np.where(target > 0, 1.0, -1.0)
    return np.hstack([rows, np.ones((len(rows), 1))]), labels


@cache
def _embedded() -> tuple[FloatArray, FloatArray]:
    return load_rows("breast-cancer", Path)


@dataclass(frozen=True, kw_only=True)
class Logistic(Task):
    """Sample the posterior of a logistic regression, uniform prior on {|w| ≤ radius}.

    Parameters
    ----------
    chains
        All start at 0.
    burn, steps, every
        Steps discarded, steps that follow, and how many of them lie between two draws kept.
    """

    accepts: ClassVar[type[Method]] = Sampler
    metrics: ClassVar[tuple[Metric, ...]] = _METRICS

    data: Literal["breast-cancer", "a1a", "heart"] = "breast-cancer"
    radius: Annotated[float, Gt(0)] = 3.0
    chains: Annotated[int, Ge(1)] = 4
    burn: Annotated[int, Ge(0)] = 5_000
    steps: Annotated[int, Ge(1)] = 20_000
    every: Annotated[int, Ge(1)] = 10

    def __post_init__(self) -> None:
        Ball(self.width, self.radius)  # says what is wrong with a radius
        if self.steps < 4 * self.every:
            raise ValueError(f"steps {self.steps} keep fewer than 4 draws at every {self.every}")

    @property
    def width(self) -> int:
        """Columns of the rows, that of ones included: known before a data set is fetched."""
        return _WIDTHS[self.data]

    def check(self, method: Sampler) -> None:
        """Refuse what cannot serve a ball or the regression."""
        if not method.has_draws:
            raise ValueError("it gives expectations, no draws: take sampling/volume or a box")
        stand_in = Regression(np.ones((1, self.width)), np.ones(1))
        check_served(method, Ball(self.width, self.radius), stand_in, wants_draws=True)

    def evaluate(self, method: Sampler, cells: Sequence[Cell]) -> Iterator[Outcome]:
        """A batch of chains a cell."""
        for cell in cells:
            rows, labels = self._rows(cell)
            body = Ball(rows.shape[1], self.radius)
            target = Regression(rows, labels)
            if isinstance(method, ProjectedSGLD):
                target = target.with_batch(method.batch, method.control_variate, body)
            chains = Chains(
                method,
                body,
                target,
                chains=self.chains,
                key=cell.method_stream.key,
                start=np.zeros(body.dimension),
            )
            yield Outcome(cell=cell, final=self._final(chains, target, cell))

    def _rows(self, cell: Cell) -> tuple[FloatArray, FloatArray]:
        return load_rows(self.data, cell.data) if self.data in _SVMLIGHT else _embedded()

    def _final(self, chains: Chains, target: Regression, cell: Cell) -> dict[str, float]:
        chains.run(self.burn)
        draws = np.empty((self.chains, self.steps // self.every, chains.x.shape[1]))
        before, seconds = np.array(chains.calls), chains.seconds
        for place in range(draws.shape[1]):
            chains.run(self.every)
            draws[:, place] = chains.x
            if place % 100 == 0:
                cell.progress(place / draws.shape[1])
        after = dict(zip(chains.counts(), chains.calls - before, strict=True))
        return self._summary(draws, target, after, chains.seconds - seconds)

    def _summary(
        self, draws: FloatArray, target: Regression, calls: dict[str, Any], seconds: float
    ) -> dict[str, float]:
        norms = np.linalg.norm(draws, axis=2)
        potentials = np.array(
            [np.logaddexp(0, each @ target.signed.T).sum(axis=1) for each in draws]
        )
        work = float(calls["gradient"] + calls["potential"] * len(target.rows))
        final = {
            "norm": float(norms.mean()),
            "potential": float(potentials.mean()),
            "near_sphere": float((norms > _NEAR * self.radius).mean()),
            "boundary_share": float((norms >= _ON_BOUNDARY * self.radius).mean()),
            "row_gradients": float(calls["gradient"]),
            "chords": float(calls["chord"]),
            "seconds": seconds,
        }
        ess = multivariate_ess(draws)
        if ess is not None:
            final |= {"ess": ess, "ess_per_second": ess / seconds, "ess_per_row": ess / work}
        mixing = [split_rhat(norms), split_rhat(potentials)]
        if None not in mixing:
            final["r_hat"] = max(each for each in mixing if each is not None)
        return final
