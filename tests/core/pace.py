"""Limits on time that a shared machine does not break and a wrong order of growth does."""

import time
from contextlib import contextmanager

# What a busy core, a full heap and a cold cache were seen to cost together is a factor of 2;
# quadratic work where linear was meant costs hundreds.
ROOM = 6


@contextmanager
def work_of(*, seconds: float):
    """The block takes these CPU seconds on an idle machine: fails at ``ROOM`` times as many."""
    started = time.process_time()
    yield
    spent = time.process_time() - started
    assert spent < ROOM * seconds, f"{spent:.2f} s of work where {seconds} s are known"
