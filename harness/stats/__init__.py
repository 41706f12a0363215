"""Intervals, verdicts, trends, ranks and corrections: pure functions on one number a seed.

A table and its verdict never disagree, because a p-value inverts the very interval that is
shown. numpy and the standard library only; nothing here reads files or draws from a clock:
the same values in the same order give the same answer everywhere.

====================  ================================================================
module                what
====================  ================================================================
``sample``            a sample, its interval and p-values; ratios and paired differences
``trend``             slopes and spreads over groups on common seeds
``decide``            from interval and threshold to held, failed, undecided
``corrections``       Holm; seeds that would decide; the least p that n seeds can reach
``ranks``             the ranks that a task's data leave open
``pairs``             paired tests of a whole table's pairs at once, for ``ranks``
``exact_tests``       second opinions: sign flips, signed ranks, McNemar
``looks``             planned looks at growing seeds, at a level that stays
``confidence``        confidence distributions behind samples
``resampling``        the fixed stream of resamples
``distributions``     normal, t and beta
====================  ================================================================
"""

from harness.stats.corrections import holm, seeds_needed, seeds_to_decide, smallest_p
from harness.stats.decide import (
    AGREEMENT_LEVEL,
    Decision,
    Verdict,
    agrees_with,
    at_least,
    at_most,
    between,
    combine,
    equals,
    nearest_to_failing,
)
from harness.stats.exact_tests import mcnemar_p, sign_flip_p, wilcoxon_p
from harness.stats.looks import MOST_LOOKS, looks
from harness.stats.ranks import Ranks, RankSpan, rank_intervals
from harness.stats.sample import (
    BOOTSTRAP_SEEDS,
    Interval,
    NotPositive,
    Sample,
    difference,
    ratio,
    sample,
    samples,
    share_of,
)
from harness.stats.trend import LEAST_POINTS, spread, trend

__all__ = [
    "AGREEMENT_LEVEL",
    "BOOTSTRAP_SEEDS",
    "Decision",
    "Interval",
    "LEAST_POINTS",
    "MOST_LOOKS",
    "NotPositive",
    "RankSpan",
    "Ranks",
    "Sample",
    "Verdict",
    "agrees_with",
    "at_least",
    "at_most",
    "between",
    "combine",
    "difference",
    "equals",
    "holm",
    "looks",
    "mcnemar_p",
    "nearest_to_failing",
    "rank_intervals",
    "ratio",
    "sample",
    "samples",
    "seeds_needed",
    "seeds_to_decide",
    "share_of",
    "sign_flip_p",
    "smallest_p",
    "spread",
    "trend",
    "wilcoxon_p",
]
