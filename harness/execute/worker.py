"""A worker: a fork of the guardian that reads jobs and writes outcomes, one after the other."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from harness.data.locate import describe
from harness.execute.artifacts import BuildOrder, LoadedArtifacts, build_artifact
from harness.execute.context import Context
from harness.execute.evaluate import JobRun
from harness.execute.objects import Bench, SpecMessage, add_paths, load_bench, prepare_kernels
from harness.execute.recorder import Recorder
from harness.execute.slot import HANDED, JOB, SINCE, STAGE, YIELDED, Stage
from harness.execute.system import (
    PeakMemory,
    become_subreaper,
    die_with_parent,
    spare_others_from_oom,
)
from harness.execute.wire import Frames, JobMessage, Kind, Parcel, encode_json, encode_parcel

__all__ = ["detach", "serve"]

_READ_BYTES = 1 << 16
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def detach(guardian: int, log: int) -> None:
    """Make a fresh fork a process of its own that cannot outlive the guardian.

    Orphans among its children become its own, so that memory is counted to it and the
    guardian knows whose they were.
    """
    die_with_parent(signal.SIGKILL)
    if os.getppid() != guardian:
        os._exit(1)  # it died before the line above
    os.setsid()
    become_subreaper()
    spare_others_from_oom()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # text files here
    faulthandler.enable()  # a segfault's Python lines go to the log


def serve(commands: int, outcomes: int, marks: memoryview) -> None:
    """Run jobs until main closes ``commands``."""
    worker = _Worker(outcomes, marks)
    frames = Frames()
    while data := os.read(commands, _READ_BYTES):
        for kind, payload in frames.feed(data):
            worker.obey(kind, payload)


class _Worker:
    """What a worker knows: specs it was told, objects it made of them."""

    def __init__(self, outcomes: int, marks: memoryview) -> None:
        self._outcomes = outcomes
        self._marks = marks
        self._specs: dict[int, SpecMessage] = {}
        self._benches: dict[int, Bench] = {}
        self._loaded = LoadedArtifacts()
        self._peak = PeakMemory()

    def obey(self, kind: int, payload: bytes) -> None:
        """Do what one frame says."""
        if kind == Kind.JOB:
            self._run(JobMessage.decode(payload))
            return
        content = json.loads(payload)
        if kind == Kind.SETUP:
            _set_up(content)
        elif kind == Kind.SPEC:
            self._specs[content["spec"]] = SpecMessage(**content)
        else:
            self._build(content)

    def _run(self, job: JobMessage) -> None:
        spec = self._specs[job.spec]
        context = Context(spec, job, self._loaded, self._marks)
        recorder = Recorder(job.job, job.attempt, self._send, self._peak)
        JobRun(job, context, recorder, self._marks, is_worker=True).run(lambda: self._bench(spec))

    def _bench(self, spec: SpecMessage) -> Bench:
        """The spec's objects; loaded here, under the mark of the spec's first job."""
        if spec.spec not in self._benches:
            self._benches[spec.spec] = load_bench(spec)
        prepare_kernels(spec.kernel_cache)
        return self._benches[spec.spec]

    def _build(self, content: Mapping[str, Any]) -> None:
        job, order = content["job"], BuildOrder(**content["order"])
        marks = self._marks
        marks[YIELDED], marks[HANDED], marks[STAGE] = 0, 1, Stage.EVALUATING
        self._touch()
        marks[JOB] = job
        add_paths(content["plugins"])
        built = build_artifact(order, self._loaded, self._touch, is_worker=True)
        marks[YIELDED] = 1
        answer = {"job": job, **built._asdict(), "status": int(built.status)}
        self._write(encode_json(Kind.BUILT, answer))
        marks[JOB] = 0

    def _touch(self) -> None:
        """Start the clock of the deadline anew."""
        self._marks[SINCE] = time.monotonic_ns()

    def _send(self, parcel: Parcel) -> None:
        for frame in encode_parcel(parcel):
            self._write(frame)

    def _write(self, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            rest = rest[os.write(self._outcomes, rest) :]


def _set_up(content: Mapping[str, Any]) -> None:
    """Bind the process to its share of the machine, before a plugin imports anything."""
    describe(content["data_sets"])
    if content["processors"]:
        os.sched_setaffinity(0, content["processors"])
    cpus = content["cpus"]
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(cpus)))
    if "numba" in sys.modules and cpus != 1:  # preloaded, and told another number of threads
        sys.modules["numba"].config.reload_config()
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(content["gpus"])
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # the driver's, and nvidia-smi's
    if cpus > 1:
        _raise_blas_threads(cpus)


def _raise_blas_threads(cpus: int) -> None:
    """Give numpy's BLAS its threads: it was loaded by the guardian, which allows itself one."""
    try:
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has none
    except ImportError:
        return  # it then keeps to one thread: slower, never more than its share
    threadpool_limits(cpus)
