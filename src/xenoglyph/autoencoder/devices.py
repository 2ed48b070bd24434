"""The devices, of this process and of others, that share every batch."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from numpy.typing import NDArray

from xenoglyph.errors import DataError

__all__ = ["Devices", "device_threads"]

Tree = TypeVar("Tree")


def device_threads(count: int = 1) -> ThreadPoolExecutor:
    """Return threads for work that waits for the device.

    Ctrl-C does not reach them, and to leave its block is to wait until it is done: a program that
    ends while a device is at work crashes.
    """
    return ThreadPoolExecutor(count)


class Devices:
    """All devices that JAX knows: each takes an equal share of the images of every batch.

    Where `jax.distributed` was initialised these are the devices of all processes, every one of
    which must make the same calls in the same order.
    """

    def __init__(self) -> None:
        self.n_processes, self.process = jax.process_count(), jax.process_index()
        mesh = Mesh(np.array(jax.devices()), ("images",))
        self.n_devices = mesh.size
        self._everywhere = NamedSharding(mesh, PartitionSpec())  # type: ignore[no-untyped-call]
        self._shared = NamedSharding(mesh, PartitionSpec(None, "images"))  # type: ignore[no-untyped-call]

    def batch_size(self, size: int) -> int:
        """Return the largest batch of at most `size` images that the devices can share evenly.

        Raises
        ------
        DataError
            If there are more devices than images.
        """
        if size < self.n_devices:
            raise DataError(
                f"{self.n_devices} devices cannot share batches of {size} images; give more "
                "images to a batch or fewer processes"
            )
        return size - size % self.n_devices

    def own(self, batches: NDArray[Any]) -> NDArray[Any]:
        """Of the images of each batch [c, size], return those that this process brings."""
        share = batches.shape[1] // self.n_processes
        return batches[:, self.process * share : (self.process + 1) * share]

    def share(self, own: NDArray[Any]) -> jax.Array:
        """Bring this process's part of the batches [c, size, ...] to its devices."""
        shared: jax.Array = jax.make_array_from_process_local_data(self._shared, own)  # type: ignore[no-untyped-call]
        return shared

    def replicate(self, tree: Tree) -> Tree:
        """Bring arrays that every process has to all devices."""
        if self.n_processes > 1:
            tree = jax.tree.map(np.asarray, tree)
        replicated: Tree = jax.device_put(tree, self._everywhere)
        return replicated

    def local(self, tree: Tree) -> Tree:
        """Return replicated arrays as this process alone can use them."""
        return jax.tree.map(np.asarray, tree) if self.n_processes > 1 else tree

    def agree(self, decision: bool) -> bool:
        """Return what the first process decided."""
        if self.n_processes == 1:
            return decision
        return bool(multihost_utils.broadcast_one_to_all(np.asarray(decision)))
