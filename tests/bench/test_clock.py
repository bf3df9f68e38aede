"""The timing model against routed modules, whose netlists are in bench/routed."""

import pytest

from bench import clock
from hls.clock.delays import Delays, delays
from pixelmend.errors import UserError


def test_the_model_is_as_good_as_it_says() -> None:
    rows = list(clock.compare())
    assert len(rows) >= 20
    clock.check(rows)


def test_a_model_that_is_off_is_an_error() -> None:
    values = delays()[clock.GRADE].values
    wrong = Delays("wrong", values | {"net": values["net"] | {"base": 0.1}})
    with pytest.raises(UserError, match=r"clock model: expected -25% to \+10% of the routed clock, got"):
        clock.check(list(clock.compare(wrong)))
