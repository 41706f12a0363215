"""Executors: they take rows of a plan, run them, and hand outcomes to a sink.

=============  =============================================================================
module         the one thing it owns
=============  =============================================================================
``records``    what executors and their callers exchange: Sink, Control, options, views
``inline``     ``InlineExecutor``: one process, no isolation; the debugger's home
``local``      ``LocalExecutor``: workers of our own, outcomes streamed, faults contained
``jobs``       cutting rows into jobs: which cells go next to which kind of worker
``builds``     which artifacts wait, are built, or failed, and the cells that need them
``blame``      who is charged for a worker's death: a pure function
``crew``       workers as the main process sees them, and the processors they are given
``burial``     what becomes of a dead worker's jobs
``watch``      time, memory and logs of workers, looked at from outside
``guard``      the main process's side of the guardian
``guardian``   the guardian: fork server, waiter and killer of workers, one thread
``worker``     a worker: jobs in, outcomes out
``evaluate``   drives ``Task.evaluate``; the same in a worker and inline
``reading``    what a task yielded, checked and turned into rows
``recorder``   rows of finished cells until they are sent
``context``    what a cell may ask of the harness (artifacts, data, checkpoints)
``objects``    from what a spec says to the task and the method that it means
``artifacts``  where artifacts lie, building and loading one
``slot``       64 bytes of shared memory a worker: where it is
``wire``       frames and messages between the processes
``system``     the few system calls that Python does not wrap
=============  =============================================================================

Main execs one guardian and never forks; workers are the guardian's forks. Nothing heavy is
imported by what the guardian and the workers import: numpy, and no pyarrow.
"""

from harness.execute.records import (
    ArtifactDone,
    Control,
    Execution,
    Executor,
    LocalOptions,
    Sink,
    WorkerView,
)

__all__ = ["ArtifactDone", "Control", "Execution", "Executor", "LocalOptions", "Sink", "WorkerView"]
