"""What is on disk, and what a crash can and cannot cost.

A run is a folder ``results/<suite>/<run-id>/``. While it goes on, finished cells are appended
to its journal; at its end the journal becomes Parquet, which is all that readers need.

=============  =============================================================================
module         the one thing it owns
=============  =============================================================================
``rows``       what travels from a worker to the journal
``schemas``    every column once: type, unit, meaning, since which version
``disk``       the few calls that touch the disk, and whole files replaced at once
``lock``       who may write: a lock that goes with its process
``chain``      the chained checksum of a stream's batches
``batches``    a group of outcomes as Arrow batches
``stream``     one append-only file of the journal
``syncer``     the thread that syncs, and what has been synced
``journal``    append-only, one writer, pair or nothing
``recover``    reads a journal back: whole batches only, and the rest is cut
``claimed``    which rows belong to a cell's last row
``ids``        16-byte ids as arrays, and matching them
``planned``    what the store asks of a plan
``results``    plan, journal and reused rows joined to the tables of a run
``parquet``    tables to files and back
``record``     ``run.json``
``folder``     runs: choose, create, list, find
``reuse``      rows of earlier runs that a plan need not compute again
=============  =============================================================================

What a crash costs: ``kill -9`` costs nothing that was appended; a power cut costs at most what
was appended after the last sync (50 ms, unless :meth:`~harness.store.journal.Journal.sync`
was waited for). Damage is cut at the first batch that it touches, and told.

Nothing is imported here: ``harness.store.rows`` is used by workers, which do without pyarrow.
"""
