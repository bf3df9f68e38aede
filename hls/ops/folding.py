"""Choosing a folding by pace: the fewest lanes that take no more cycles than allowed."""

from typing import Any

from hls.cost import divisors


def narrowest(operator: Any, target_cycles: int) -> dict[str, int]:
    """The smallest value of an operator's one key of folding whose cycles, by its own model, meet the target.

    Where none does, the largest; nothing where it has no key.
    """
    limits: dict[str, int] = operator.limits()
    if not limits:
        return {}
    ((key, width),) = limits.items()
    before = operator.get_nodeattr(key)
    lanes = 1
    for lanes in divisors(width):
        operator.set_nodeattr(key, lanes)
        if operator.get_exp_cycles() <= target_cycles:
            break
    operator.set_nodeattr(key, before)
    return {key: lanes}
