"""How torch computes meanwhile: its threads, and kernels whose results can be relied on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["exact_kernels", "threads"]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def exact_kernels(*, repeat: bool = False) -> Iterator[None]:
    """On a GPU, float32 that is float32, and kernels not chosen by what was faster just now.

    Parameters
    ----------
    repeat
        Only kernels that give the same bits each time, which are slower.
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic, matmul.allow_tf32
    cudnn.allow_tf32 = cudnn.benchmark = matmul.allow_tf32 = False
    cudnn.deterministic = repeat or cudnn.deterministic
    try:
        yield
    finally:
        cudnn.allow_tf32, cudnn.benchmark, cudnn.deterministic, matmul.allow_tf32 = before
