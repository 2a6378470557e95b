"""The operations of a SavedModel."""

from tensorflow.core.protobuf.saved_model_pb2 import SavedModel


def operations(folder):
    """Names of all operations of a SavedModel, functions included; and its functions.

    Returns:
        (set of str, set of str).
    """
    model = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    found, functions = set(), set()
    for graph in model.meta_graphs:
        found |= {node.op for node in graph.graph_def.node}
        for function in graph.graph_def.library.function:
            functions.add(function.signature.name)
            found |= {node.op for node in function.node_def}
    return found, functions
