"""Training in several processes, as `python -m torch.distributed.run` starts them.

Every process draws the same batch and takes its share of the frames; gradients are averaged over the
processes after the backward pass. A loss is made so that its mean over the processes is the loss of the whole
batch: a mean over frames is by itself, shares being equal, and a mean over a mask divides by `mean_count`.

torch's `DistributedDataParallel` is not used: it wants one forward pass of one module before each backward
pass, while the losses call the generator by halves, and a gradient penalty differentiates a gradient.

With one process all of this does nothing.

`torch.distributed.nn.functional` is imported here, though nothing of it is used: its functions have the group
that is there at import as a default argument. The first optimizer would import it in the midst of training,
and that group, with gloo's threads, would then live until the interpreter ends, which can abort on them.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
import torch.distributed.nn.functional  # before there is a group, see below
from torch import Tensor

from pixelmend.console import console
from pixelmend.errors import UserError

Value = TypeVar("Value")


@contextmanager
def processes(device: str) -> Iterator[None]:
    """Join the processes that were started together, where there are several, and part at the end.

    Each takes the GPU of its number on this machine where `device` is "cuda". Only the first talks.
    """
    if _started() == 1:
        yield
        return
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("gloo" if device == "cpu" else None)
    before, console.quiet = console.quiet, rank() > 0
    try:
        yield
    finally:
        console.quiet = before
        dist.destroy_process_group()


def check_joined() -> None:
    """`UserError` where several processes were started for a stage that is made for one."""
    if _started() > 1 and not dist.is_initialized():
        raise UserError(f"expected one process, only model.train runs in several; got {_started()}")


def rank() -> int:
    """The number of this process, from 0; the first is the one that writes files."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def share(n: int) -> slice:
    """Those of `n` things that this process takes; `n` is divisible by the number of processes."""
    each = n // world()
    return slice(rank() * each, (rank() + 1) * each)


def mean_count(count: Tensor) -> Tensor:
    """A count of this process's share -> its mean over the processes, from (one in all of them) up.

    A sum over a mask divided by it has the mask's mean over the whole batch as its mean over the processes.
    """
    if world() == 1:
        return count.clamp(min=1)
    total = count.detach().clone()
    dist.all_reduce(total)
    return total.clamp(min=1) / world()


def averaged(value: Tensor) -> Tensor:
    """The mean of a number over the processes; it has no gradient."""
    result = value.detach()
    if world() > 1:
        result = result.clone()
        dist.all_reduce(result)
        result /= world()
    return result


def average_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Put the mean over the processes in the place of every gradient: one message, the same bits for all."""
    if world() == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= world()
    for gradient, part in zip(gradients, flat.split([one.numel() for one in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def anywhere(flag: bool) -> bool:
    """Whether the flag is set in one of the processes."""
    if world() == 1:
        return flag
    count = torch.tensor(int(flag))
    dist.all_reduce(count)
    return bool(count)


def gathered(rows: list[Value]) -> list[Value]:
    """What every process made of the things number `rank`, `rank + world`, ..., in the order of these."""
    if world() == 1:
        return rows
    parts: list[list[Value]] = [[] for _ in range(world())]
    dist.all_gather_object(parts, rows)
    longest = max(len(part) for part in parts)
    return [part[i] for i in range(longest) for part in parts if i < len(part)]


def of_the_first(make: Callable[[], Value]) -> Value:
    """What `make` gives in the first process, for all; the others need not have its files.

    An error there ends the first process, and with it all that were started together.
    """
    if world() == 1:
        return make()
    box: list[Any] = [make() if rank() == 0 else None]
    dist.broadcast_object_list(box, src=0)
    value: Value = box[0]
    return value


def _started() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))
