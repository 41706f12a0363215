"""What asv measures at every commit: ``asv run``, ``asv continuous main HEAD``."""
