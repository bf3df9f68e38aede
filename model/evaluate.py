"""Any methods of repair on the same samples, several samples at a time.

`quant.evaluate` is the command; this part knows float networks only.
"""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor

from model import baselines
from model.baselines import Map
from model.checkpoint import fill, load
from model.generator import Generator, GeneratorConfig
from model.metrics import alarms, quality, rates
from model.photos import Photo
from model.samples import Sample, Samples
from pixelmend import config
from pixelmend.errors import UserError

Repair = Callable[[Photo, Map], Photo]
"""A defective frame (H, W, 3) uint8 and its map of broken pixels (H, W) -> the repaired frame."""

Figures = dict[str, float]

BASELINES: dict[str, Repair] = {
    "defective": baselines.defective,
    "median3": baselines.median3_everywhere,
    "median5": baselines.median5_everywhere,
    "median3_in_map": baselines.median3_in_map,
    "inpaint": baselines.biharmonic_in_map,
}


def load_generator(checkpoint: Path) -> Generator:
    """The float network of a checkpoint that `model.train` wrote, in evaluation mode."""
    stored = load(checkpoint, "generator")
    shape = config.parse(stored.config, GeneratorConfig, f"{checkpoint}: configuration")
    check_size(shape, stored.state, checkpoint)
    network = Generator(shape).eval()
    fill(network, stored.state, checkpoint)
    return network


def check_size(shape: GeneratorConfig, state: dict[str, Tensor], checkpoint: Path) -> None:
    """`UserError` where the network described is larger than its tensors, before memory is taken for it."""
    largest = max((max(tensor.shape, default=0) for tensor in state.values()), default=0)
    asked = max(*shape.widths, shape.kernel)
    if asked > largest:
        raise UserError(
            f"{checkpoint}: widths {shape.widths} and a kernel of {shape.kernel}, but no tensor of it has a "
            f"side over {largest}"
        )


def measure(
    samples: Samples,
    count: int,
    methods: dict[str, Repair],
    jobs: int = 1,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, list[Figures]]:
    """`quality` and `rates` of each method on samples 0..count-1, in their order, by `jobs` processes.

    `tick` is called after each sample. The figures do not depend on `jobs`.
    """
    run = _in_processes if jobs > 1 else _in_this_process
    rows: list[dict[str, Figures]] = [{} for _ in range(count)]
    with _one_thread():
        for index, figures in run(samples, count, methods, jobs):
            rows[index] = figures
            tick()
    return {name: [row[name] for row in rows] for name in methods}


def judge(sample: Sample, methods: dict[str, Repair]) -> dict[str, Figures]:
    """`quality` and `rates` of each method on one sample."""
    return {
        name: figures_of(sample, method(sample.defective, sample.broken)) for name, method in methods.items()
    }


def figures_of(sample: Sample, result: Photo) -> Figures:
    """`quality` and `rates` of a repaired sample."""
    counts = alarms(sample.clean, sample.defective, result, sample.broken)
    return quality(sample.clean, result, sample.mask) | rates(counts)


Judged = Iterator[tuple[int, dict[str, Figures]]]
"""Number of a sample and its figures, in any order."""


def _in_this_process(samples: Samples, count: int, methods: dict[str, Repair], jobs: int) -> Judged:
    for index in range(count):
        yield index, judge(samples[index], methods)


def _in_processes(samples: Samples, count: int, methods: dict[str, Repair], jobs: int) -> Judged:
    """Samples are drawn here, a few ahead of the processes.

    Those are forked, as torch's own data loaders are, so they have the methods without loading them again.
    """
    forked = get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=forked, initializer=_start, initargs=(methods,)) as pool:
        waiting: dict[Future[dict[str, Figures]], int] = {}
        left = iter(range(count))
        try:
            while True:
                for index in islice(left, 2 * jobs - len(waiting)):
                    waiting[pool.submit(_judge, samples[index])] = index
                if not waiting:
                    return
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(future), future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_METHODS: dict[str, Repair] = {}  # of a forked process


def _start(methods: dict[str, Repair]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its processes
    torch.set_num_threads(1)
    _METHODS.clear()
    _METHODS.update(methods)


def _judge(sample: Sample) -> dict[str, Figures]:
    return judge(sample, _METHODS)


@contextmanager
def _one_thread() -> Iterator[None]:
    """The processes share the cores; and torch's sums depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
