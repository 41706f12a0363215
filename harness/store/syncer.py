"""The thread that syncs, and how far it is.

Writing waits for nothing: a sync takes 4 ms and more, and a write beside one stays at 8 us.
What must be on the medium (the end of a run, a finished artifact) waits for the thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Syncer"]


class Syncer:
    """Calls ``sync_all`` after something was written, at most every ``hold_s`` seconds.

    A failed sync is final: a second one may succeed without the data. ``failure`` is then
    the error, and nothing is synced any more.
    """

    def __init__(self, sync_all: Callable[[], None], hold_s: float) -> None:
        self.failure: OSError | None = None
        self._sync_all = sync_all
        self._hold_s = hold_s
        self._written = 0
        self._synced = 0
        self._is_closing = False
        self._work = threading.Event()
        # An event, not a sleep: whoever waits for the sync must not wait for the hold too.
        self._hurry = threading.Event()
        self._progress = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="journal-sync", daemon=True)
        self._thread.start()

    def wrote(self) -> None:
        """Something was written that is to be synced."""
        self._written += 1
        if not self._work.is_set():
            self._work.set()

    def wait(self) -> None:
        """Until all that was written is synced, or syncing has failed."""
        target = self._written
        self._work.set()
        self._hurry.set()
        with self._progress:
            self._progress.wait_for(lambda: self._synced >= target or self.failure is not None)

    def close(self) -> None:
        """End the thread; what was written and not waited for may stay unsynced."""
        self._is_closing = True
        self._work.set()
        self._hurry.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            self._work.wait()
            if self._is_closing:
                return
            self._work.clear()
            target = self._written  # before the sync: what comes during it may not be in it
            try:
                if target > self._synced:
                    self._sync_all()
            except OSError as error:
                self.failure = error
            with self._progress:
                self._synced = target if self.failure is None else self._synced
                self._progress.notify_all()
            if self.failure is not None:
                return
            self._hurry.wait(self._hold_s)
            self._hurry.clear()
