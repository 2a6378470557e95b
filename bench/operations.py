"""Time of TensorFlow's operations in a call, by the kind of operation."""

import collections
import tempfile
from pathlib import Path

import tensorflow as tf


def operations(function):
    """Trace one call.

    Args:
        function: () -> anything, called once.

    Returns:
        list of (kind of operation, calls, milliseconds), largest first. Milliseconds
        are sums over threads: two operations at the same time count twice.
    """
    # TensorFlow's own protocol buffer, which has no public name
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        function()
        tf.profiler.experimental.stop()
        (path,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    count, total = collections.Counter(), collections.Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                label = plane.event_metadata[event.metadata_id].name
                node, _, kind = label.rpartition(":")
                if "/" in node and kind.isidentifier():  # an operation of a graph
                    count[kind] += 1
                    total[kind] += event.duration_ps / 1e9
    return [(kind, count[kind], time) for kind, time in total.most_common()]
