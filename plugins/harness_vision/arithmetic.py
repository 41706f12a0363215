"""How torch computes meanwhile: its threads, and kernels whose results can be relied on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
    """Float32 that is float32, and kernels not chosen by what was faster just now.

    Parameters
    ----------
    repeat
        Only convolutions that give the same bits each time on one GPU, which are slower.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.benchmark, cudnn.deterministic
    cudnn.benchmark, cudnn.deterministic = False, repeat or cudnn.deterministic
    try:
        with _whole_float32():
            yield
    finally:
        cudnn.benchmark, cudnn.deterministic = before


@contextmanager
def _whole_float32() -> Iterator[None]:
    """No product of float32 in fewer bits, whichever of torch's two ways asked for it."""
    cudnn, cuda, cpu = torch.backends.cudnn, torch.backends.cuda, torch.backends.mkldnn
    if not hasattr(cudnn, "conv"):  # torch before 2.9
        before = cudnn.allow_tf32, cuda.matmul.allow_tf32
        cudnn.allow_tf32 = cuda.matmul.allow_tf32 = False
        try:
            yield
        finally:
            cudnn.allow_tf32, cuda.matmul.allow_tf32 = before
        return
    # To ask the old flags once the new ones are set is an error.
    parts: list[Any] = [cudnn.conv, cudnn.rnn, cuda.matmul, cpu.conv, cpu.rnn, cpu.matmul]
    kept = [part.fp32_precision for part in parts]
    for part in parts:
        part.fp32_precision = "ieee"
    try:
        yield
    finally:
        for part, precision in zip(parts, kept, strict=True):
            part.fp32_precision = precision
