"""Numbers of a page: as many digits as say something, the full value for whoever points at it.

:mod:`harness.numbers` writes what has an ordinary size. Here are the others: values that are
rounding errors of zero, intervals that are rounding errors of a constant, and floating-point
numbers inside names, which nobody wrote with seventeen digits.
"""

from __future__ import annotations

import re
from math import floor, isfinite, log10
from typing import NamedTuple

from harness import numbers
from harness.report.markup import Html, tag

__all__ = ["Estimate", "brief", "estimate", "named", "tick", "value"]

_SAME = 1e-9  # of the value: an interval that is only rounding
_LEAST, _MOST = 1e-4, 1e15  # sizes between which a number is written without an exponent
_DIGITS = 7  # of a value, however narrow its interval
_LONG = re.compile(r"(?<![\w.])-?\d+\.\d{6,}(?:e[+-]?\d+)?(?![\w.])")


class Estimate(NamedTuple):
    """A value and its interval, to one place; ``ends`` is empty where there is no interval."""

    value: str
    ends: str
    is_constant: bool  # an interval of no width: every seed the same
    full: str  # all digits, for a title


def estimate(
    mean: float, low: float | None, high: float | None, *, signed: bool = False
) -> Estimate:
    """A mean and its interval: two digits of the interval's half-width.

    Parameters
    ----------
    mean, low, high
        ``None`` where there is no end.
    signed
        Whether the value is a change, which carries its sign.
    """
    full = repr(float(mean))
    if low is None or high is None or not isfinite(high - low):
        return Estimate(value(mean, signed=signed), "", False, full)
    full = f"{full} ({float(low)!r} … {float(high)!r})"
    if not high - low > _SAME * max(abs(mean), abs(low), abs(high)):
        return Estimate(value(mean, signed=signed), "", True, full)
    places = numbers.decimals_for(low, high, mean)
    largest = max(abs(mean), abs(low), abs(high))
    if largest < _LEAST or largest >= _MOST:
        power = floor(log10(largest))
        texts = [_scaled(each, power, places + power, signed=signed) for each in (mean, low, high)]
    else:
        most = _DIGITS - 1 - floor(log10(largest))
        places = min(places, max(most, 0))
        texts = [numbers.fixed(each, places, signed=signed) for each in (mean, low, high)]
        texts[1:] = [text.removeprefix("+") for text in texts[1:]]
    return Estimate(texts[0], f"{texts[1]} … {texts[2]}", False, full)


def value(number: float, digits: int = 4, *, signed: bool = False) -> str:
    """A number of a known value: at most so many digits, none that only fill."""
    if not number or not isfinite(number):
        return numbers.fixed(number, 0) if isfinite(number) else str(number)
    if not _LEAST <= abs(number) < _MOST:
        text = f"{number:+.{digits - 1}e}" if signed else f"{number:.{digits - 1}e}"
        mantissa, _, power = text.partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(power)}".replace("-", "−")
    text = numbers.significant(number, digits, signed=signed)
    return text.rstrip("0").rstrip(".") if "." in text else text


def tick(number: float) -> str:
    """A round number on an axis."""
    if number and not _LEAST <= abs(number) < _MOST:
        return value(number)
    return numbers.trimmed(round(number, 12))


def brief(text: str) -> str:
    """A text with each long floating-point number in it to six digits."""
    return _LONG.sub(lambda found: f"{float(found[0]):.6g}", text)


def named(text: str) -> Html | str:
    """A name for a page: brief, with the whole name in its title where that is longer."""
    short = brief(text)
    return text if short == text else tag("span", short, title=text)


def _scaled(number: float, power: int, places: int, *, signed: bool) -> str:
    """``6.4e−16``, the power given, so that the ends of an interval compare at a glance."""
    text = numbers.fixed(number / 10.0**power, max(places, 0), signed=signed)
    return f"{text}e{power}".replace("-", "−")
