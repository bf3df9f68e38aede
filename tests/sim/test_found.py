"""What the fuzzer found in general networks, made small: each was once refused, wrong or a deadlock."""

from pathlib import Path

import pytest

from sim.fuzz.net import Net, Step
from sim.fuzz.trial import Trial, attempt

FOUND = {
    # a negative gain turns the sign of weights, and the lowest of a type that is no narrow range had no room
    "turned weights": Net(
        (Step("conv", (0,), channels=6, kernel=(3, 3), weight_bits=3, norm=True, bits=4, signed=True),),
        (1,), 4, 5,
    ),
    # a row in two of a kernel of one row: FINN's window goes ahead by more than its buffer held
    "stride beyond the kernel": Net(
        (
            Step("conv", (0,), channels=2, kernel=(1, 3), stride=(2, 1), bits=4),
            Step("avgpool", (1,), kernel=(1, 2), stride=(3, 4)),
        ),
        (2,), 9, 9,
    ),
    # one window: its stride reaches beyond the input
    "stride of one window": Net(
        (
            Step("conv", (0,), channels=2, kernel=(2, 2), stride=(1, 3), bits=4),
            Step("maxpool", (1,), kernel=(2, 1), stride=(3, 2)),
        ),
        (2,), 4, 4,
    ),
    # nothing that multiplies: there was nothing to choose foldings for
    "no matrix unit": Net(
        (Step("maxpool", (0,), kernel=(2, 2), stride=(2, 2)), Step("requant", (1,), bits=4, activation="tanh")), (2,),
        8, 8,
    ),
    # the skip waits for a whole pixel of the convolution's, beat by beat, and had no FIFO as it is in the same pixel
    "a pixel gathered beside a skip": Net(
        (
            Step("conv", (0,), channels=7, kernel=(1, 1), bits=5, signed=True, like=0),
            Step("sub", (1, 0)),
            Step("requant", (2,), bits=4, activation="relu6"),
        ),
        (3,), 3, 4, channels=7, bits=4, signed=True, pixels=False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("net", FOUND.values(), ids=FOUND)
def test_what_was_found_stays_mended(net: Net, simulations: Path) -> None:
    outcome = attempt(Trial(net), simulations)
    assert outcome.stage is None, outcome
    assert outcome.distinct > 3
