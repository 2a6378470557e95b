"""Ranks: several processes that train one network, on one machine or on several.

    rank    0              1 ... n-1
    batch   each reads its own rows, 1/n of them; JAX adds the gradients
    valid   scores it      waits for the score
    files   writes them    reads the newest checkpoint

So all ranks have equal weights after each step. Nothing that is decided by a score may
differ either: a rank that stops alone would leave the others waiting for ever.

The backend is JAX. Its arrays lie on all ranks, but the weights are whole on each:
`np.asarray` copies them, and needs no other rank.
"""

import numpy as np

START_SECONDS = 300  # for all ranks to import JAX and to meet
LEAVE_SECONDS = 3600  # for rank 0 to write the network
# The runner finds ranks that have died or are cut off (pipeline/launch). JAX would also
# end ranks that were all stopped for a while.
SILENT_SECONDS = 24 * 3600


def join(address, rank, count):
    """Make this process a rank; before its first array.

    Args:
        address: HOST:PORT at which rank 0 listens for the others.
        rank: int, of this process.
        count: int, n.

    Raises:
        RuntimeError: if JAX finds another number of processes, or no rank 0.
    """
    import jax

    local = address.startswith(("127.0.0.1:", "localhost:"))
    jax.distributed.initialize(
        address,
        count,
        rank,
        initialization_timeout=START_SECONDS,
        heartbeat_timeout_seconds=SILENT_SECONDS,
        shutdown_timeout_seconds=LEAVE_SECONDS,
        cluster_detection_method="deactivate",  # the arguments say it all
        # else the port of rank 0 would be open to other machines
        coordinator_bind_address=address if local else None,
    )
    if (found := jax.process_count()) != count:  # each would train alone
        raise RuntimeError(
            f"JAX has not joined the ranks. Received: {found} processes. "
            f"Expected {count}."
        )


def leave():
    """End this rank's part; it waits for the others, else they would miss it."""
    import jax

    jax.distributed.shutdown()


def agreed(values):
    """The values of rank 0, on every rank, bit for bit.

    Args:
        values: array of numbers, of the same shape and dtype on all ranks.
    """
    from jax.experimental import multihost_utils

    values = np.ascontiguousarray(values)
    # JAX would round float64 to float32
    bits = multihost_utils.broadcast_one_to_all(values.view("uint32"))
    return np.asarray(bits).view(values.dtype).reshape(values.shape)
