"""Work that the workers of a Dask client do, block by block.

Dask is not imported: a client brings all that is needed.
"""

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

__all__ = ["Client", "hold", "map_blocks"]

Client = Any
"""A `distributed.Client`."""
Block = TypeVar("Block")
Result = TypeVar("Result")

AHEAD = 3
"""Blocks to a thread of the workers that are under way: while one is looked at, others travel."""
LEAST = 8


def map_blocks(
    work: Callable[[Block], Result], blocks: Iterable[Block], client: Client
) -> Iterator[Result]:
    """Apply work to each block on the workers of a client; yield the results in the blocks' order.

    Parameters
    ----------
    work : callable
        Sent to every worker once.
    blocks : iterable
        A block that does not say where it lies is sent as it is; only a few are under way.
    client : distributed.Client
        Its scheduler gives what a worker that is lost had to do to another.

    Yields
    ------
    object
    """
    held = hold(client, work)
    most = max(LEAST, AHEAD * sum(client.nthreads().values()))
    under_way: deque[Any] = deque()
    for block in blocks:
        under_way.append(_submit(client, _apply, held, block))
        if len(under_way) == most:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def hold(client: Client, value: object) -> Any:
    """Send a value that several tasks need; return the future that stands for it.

    It is the result of a task, which can be done again. What is scattered is lost with the
    workers that hold it.
    """
    return _submit(client, _same, value)


def _submit(client: Client, function: Callable[..., Any], *arguments: Any) -> Any:
    with warnings.catch_warnings():
        # Dask warns of a task of more than 10 MB, such as a block of floats.
        warnings.filterwarnings("ignore", "Sending large graph")
        return client.submit(function, *arguments, pure=False)


def _same(value: Block) -> Block:
    return value


def _apply(work: Callable[[Block], Result], block: Block) -> Result:
    return work(block)
