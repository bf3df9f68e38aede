"""Which function of the front end reads which ONNX operator; a user's own operators register here too."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from hls.ops.registry import load_users
from quant.qonnx_file import DOMAINS, STANDARD

if TYPE_CHECKING:
    from hls.frontend.reader import Reader

Handler = Callable[["Reader", Any], None]
Function = TypeVar("Function", bound=Handler)

HANDLERS: dict[tuple[str, str], Handler] = {}


def handles(*kinds: str, domain: str = "") -> Callable[[Function], Function]:
    """Let a function `f(reader, node)` read the operators `kinds` of a domain, by default the standard ones.

    It takes the values of the node's inputs from the reader, and gives it those of its outputs; what it can't take it
    refuses with `reader.error(node, message)`.
    """

    def known(function: Function) -> Function:
        for kind in kinds:
            HANDLERS[_domain(domain), kind] = function
        return function

    return known


def handler(domain: str, kind: str) -> Handler | None:
    """The function that reads an operator, or None."""
    load_users()
    return HANDLERS.get((_domain(domain), kind))


def domains() -> set[str]:
    """All domains that an operator may be of."""
    load_users()
    return {domain for domain, _ in HANDLERS} | set(DOMAINS)


def names() -> list[str]:
    """The operators that can be read."""
    return [kind for _, kind in HANDLERS]


def _domain(domain: str) -> str:
    return "" if domain in STANDARD else domain
