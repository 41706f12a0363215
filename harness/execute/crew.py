"""Workers as the main process sees them, and the processors and GPUs that they are given."""

from __future__ import annotations

import fcntl
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.execute.blame import Reason
from harness.execute.guard import Guard
from harness.execute.jobs import Job, WorkerKind
from harness.execute.slot import Mark
from harness.execute.system import anonymous_bytes, descendants, is_running
from harness.execute.wire import Frames, Kind, encode_json

__all__ = ["Crew", "Hand", "Shares"]

_READ_BYTES = 1 << 18
_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ; Python names it from 3.10 on Linux only


@dataclass(slots=True, eq=False)
class Hand:
    """One worker process, from the request for it to its burial.

    ``jobs`` are those sent and not yet over: the first is being run, a second waits in the
    pipe. ``verdict`` is the slot when the worker was sentenced, ``reason`` why.
    """

    index: int
    kind: WorkerKind
    processors: tuple[int, ...]
    gpus: tuple[str, ...]
    commands: int
    outcomes: int
    log: Path | None
    log_fd: int
    pid: int | None = None
    base_bytes: int = 0
    frames: Frames = field(default_factory=Frames)
    jobs: deque[Job] = field(default_factory=deque)
    told: set[int] = field(default_factory=set)
    pieces: list[bytes] = field(default_factory=list)
    outbox: bytearray = field(default_factory=bytearray)
    head_since: float = 0.0
    last: Job | None = None
    verdict: Mark | None = None
    reason: Reason = Reason.CRASHED
    kill_at: float = float("inf")
    seen_bytes: int = 0
    seen_processes: int = 0
    is_retiring: bool = False
    retired_at: float = float("inf")
    is_ended: bool = False
    is_dead: bool = False

    @property
    def takes_jobs(self) -> bool:
        """Whether it lives, and is to live on."""
        doomed = self.is_dead or self.is_retiring or self.verdict is not None
        return self.pid is not None and not doomed

    @property
    def is_coming(self) -> bool:
        """Whether it will take a job once it is born."""
        return self.pid is None and not self.is_dead and not self.is_retiring

    @property
    def is_idle(self) -> bool:
        """Whether it could be given a job at once."""
        return self.takes_jobs and not self.jobs

    @property
    def log_name(self) -> str:
        """How a cell's row names the log."""
        return "" if self.log is None else f"{self.log.parent.name}/{self.log.name}"

    def send(self, frame: bytes) -> bool:
        """Send a frame; whether all of it went. Main never blocks: the rest waits."""
        self.outbox += frame
        return self.push()

    def push(self) -> bool:
        """Write what waits, as much as the pipe takes; whether nothing is left."""
        try:
            while self.outbox:
                written = os.write(self.commands, self.outbox)
                del self.outbox[:written]
        except BlockingIOError:
            return False
        except OSError:
            self.outbox.clear()  # it is dead; the guardian will say so
        return True

    def drain(self) -> Iterator[tuple[int, bytes]]:
        """The frames that came in, until the pipe is empty or ends.

        Its end is not waited for: a child that the worker forked may hold it open.
        """
        while not self.is_ended:
            try:
                data = os.read(self.outcomes, _READ_BYTES)
            except BlockingIOError:
                return
            self.is_ended = not data
            yield from self.frames.feed(data)
            if len(data) < _READ_BYTES:
                return

    def memory_bytes(self) -> int:
        """Anonymous memory of the worker and its descendants, above that at its fork."""
        if self.pid is None:
            return 0
        total = sum(map(anonymous_bytes, (self.pid, *descendants(self.pid)))) - self.base_bytes
        self.seen_bytes = max(self.seen_bytes, total)
        return total

    def count_processes(self) -> int:
        """Descendants of the worker that run; those that ended and wait for it do not."""
        if self.pid is not None:
            self.seen_processes = sum(map(is_running, descendants(self.pid)))
        return self.seen_processes

    def retire(self) -> None:
        """Let the worker end by itself."""
        if not self.is_retiring:
            self.is_retiring = True
            self.retired_at = time.monotonic()
            os.close(self.commands)
            # The number may be another worker's before this one is buried.
            self.commands = -1

    def close(self) -> None:
        """Give all descriptors back."""
        for fd in (self.outcomes, self.log_fd):
            os.close(fd)
        if not self.is_retiring:
            os.close(self.commands)


class Shares:
    """The processors and GPUs that workers hold for life: never more than there are.

    Parameters
    ----------
    cpus
        Processors to share; ``None``: those that this process may use.
    workers
        May be more than processors, since the user said so; they then share some.
    gpus
        Names of the GPUs, as ``CUDA_VISIBLE_DEVICES`` takes them.
    """

    def __init__(self, cpus: int | None, workers: int, gpus: Sequence[str]) -> None:
        own = sorted(os.sched_getaffinity(0))
        self.cpus = cpus or len(own)
        # Two runs at once that both begin at the first processor would leave others idle.
        start = os.getpid() % len(own)
        total = max(self.cpus, workers)
        self._free = [own[(start + each) % len(own)] for each in range(total)]
        self._gpus = list(gpus)
        self.most = WorkerKind(self.cpus, len(self._gpus))

    def can_give(self, kind: WorkerKind) -> bool:
        """Whether a worker of the kind could start now."""
        return len(self._free) >= kind.cpus and len(self._gpus) >= kind.gpus

    def take(self, kind: WorkerKind) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """Processors, and names of GPUs."""
        chosen, self._free = tuple(self._free[: kind.cpus]), self._free[kind.cpus :]
        gpus, self._gpus = tuple(self._gpus[: kind.gpus]), self._gpus[kind.gpus :]
        return chosen, gpus

    def give_back(self, hand: Hand) -> None:
        """What a dead worker held."""
        self._free = [*hand.processors, *self._free]
        self._gpus = [*hand.gpus, *self._gpus]


class Crew:
    """Starts workers; keeps those that live, by index.

    Parameters
    ----------
    workers
        The most at one time.
    shares
        What they may hold.
    log_folder
        For their prints.
    setup
        What each is told first, beside its own processors.
    is_pinned
        Whether each keeps to its processors.
    """

    def __init__(
        self,
        workers: int,
        shares: Shares,
        log_folder: Path | None,
        setup: Mapping[str, Any],
        *,
        is_pinned: bool,
    ) -> None:
        self.shares = shares
        self.hands: dict[int, Hand] = {}
        self.most = workers
        self._log_folder = log_folder
        self._setup = dict(setup)
        self._is_pinned = is_pinned

    def can_start(self, kind: WorkerKind) -> bool:
        """Whether a worker of the kind could start now."""
        return len(self.hands) < self.most and self.shares.can_give(kind)

    def start(self, kind: WorkerKind, guard: Guard) -> Hand:
        """Ask the guardian for a worker; it is told its setup and may be given jobs once born."""
        index = next(each for each in range(self.most) if each not in self.hands)
        commands_read, commands = os.pipe2(os.O_CLOEXEC)
        outcomes, outcomes_write = os.pipe2(os.O_CLOEXEC)
        log, log_fd = self._open_log(index)
        try:
            guard.fork(index, commands_read, outcomes_write, log_fd)
        finally:
            os.close(commands_read)
            os.close(outcomes_write)
        os.set_blocking(commands, False)
        os.set_blocking(outcomes, False)
        _widen(outcomes)
        processors, gpus = self.shares.take(kind)
        hand = Hand(index, kind, processors, gpus, commands, outcomes, log, log_fd)
        self.hands[index] = hand
        pinned = processors if self._is_pinned else ()
        own = {"cpus": kind.cpus, "gpus": gpus, "processors": pinned}
        hand.send(encode_json(Kind.SETUP, self._setup | own))
        return hand

    def bury(self, hand: Hand) -> None:
        """Forget a dead worker."""
        del self.hands[hand.index]
        self.shares.give_back(hand)
        hand.close()

    def _open_log(self, index: int) -> tuple[Path | None, int]:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        if self._log_folder is None:
            return None, os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._log_folder.mkdir(parents=True, exist_ok=True)
        path = self._log_folder / f"worker-{index}.log"
        return path, os.open(path, flags, 0o644)


def _widen(pipe: int) -> None:
    """A wider pipe takes a quarter off large outcomes."""
    with suppress(OSError):  # the user's quota for pipes is used up: slower, nothing else
        fcntl.fcntl(pipe, _SET_PIPE_SIZE, _PIPE_BYTES)
