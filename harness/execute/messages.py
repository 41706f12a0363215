"""What a worker is told of specs, jobs and artifacts: records of the plan as frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.api.parameters import plain
from harness.execute.builds import Builds, build_order
from harness.execute.jobs import Job
from harness.execute.objects import SpecMessage
from harness.execute.wire import JobMessage, Kind, encode_job, encode_json

if TYPE_CHECKING:
    from harness.plan.records import Plan, Spec

__all__ = ["build_frame", "job_frame", "job_message", "spec_frame", "spec_message"]


def spec_message(spec: Spec) -> SpecMessage:
    """What running a spec's cells takes."""
    return SpecMessage(
        spec=spec.index,
        task=spec.task,
        task_params=plain(spec.task_params),
        task_at=spec.task_at,
        method=spec.method,
        method_params=plain(spec.method_params),
        method_at=spec.method_at,
        suite_seed=spec.suite_seed,
        device=spec.device,
        cpus=spec.cpus,
        code_id=spec.code_id.hex(),
        plugins=spec.plugins,
        kernel_cache=spec.kernel_cache,
    )


def spec_frame(spec: Spec) -> bytes:
    """A spec for a worker that runs it for the first time."""
    return encode_json(Kind.SPEC, spec_message(spec)._asdict())


def job_frame(job: Job, plan: Plan, builds: Builds) -> bytes:
    """A job of cells."""
    keys = {builds.spec(each).key: each for each in job.needs}
    rows = job.rows
    head = (job.number, job.spec, job.attempt)
    return encode_job(head, rows, plan.seed[rows], plan.cell_ids[rows], keys)


def job_message(job: Job, plan: Plan, builds: Builds) -> JobMessage:
    """The same for use within this process."""
    rows = job.rows
    return JobMessage(
        job.number,
        job.spec,
        job.attempt,
        tuple(rows.tolist()),
        tuple(plan.seed[rows].tolist()),
        plan.cell_ids[rows].tobytes(),
        {builds.spec(each).key: each for each in job.needs},
    )


def build_frame(job: Job, builds: Builds) -> bytes:
    """A job that builds an artifact."""
    assert job.artifact is not None
    order = build_order(job.artifact, builds)._asdict()
    content = {"job": job.number, "order": order, "plugins": job.artifact.plugins}
    return encode_json(Kind.BUILD, content)
