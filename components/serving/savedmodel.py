"""Write a SavedModel whose bytes are a function of its content.

TensorFlow numbers functions by a counter of the process, orders them by a hash of
these names, and adds a random fingerprint. So the bytes of a model would depend on the
earlier work of the process, and no digest could show that two exports agree.
"""

import re

import tensorflow as tf
from google.protobuf.message import Message
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel


def save(module, folder, signatures):
    """tf.saved_model.save, then the counters taken out.

    Args:
        module: tf.Module that tracks all that the functions use.
        folder: Path to write to.
        signatures: dict of name -> concrete function.
    """
    tf.saved_model.save(module, str(folder), signatures=signatures)
    path = folder / "saved_model.pb"
    model = SavedModel.FromString(path.read_bytes())
    renumber(model)
    path.write_bytes(model.SerializeToString(deterministic=True))
    # optional to the loader, random, and of the graph as it was
    (folder / "fingerprint.pb").unlink(missing_ok=True)


def renumber(model):
    """Number functions 0, 1, ... in the order of their creation; sort them by name.

    Args:
        model: SavedModel proto, changed in place.
    """
    library = model.meta_graphs[0].graph_def.library
    names = [function.signature.name for function in library.function]
    names += [captured for captured in _captured_names(model)]
    counters = {int(found[1]) for n in names if (found := re.search(r"(\d+)$", n))}
    rank = {str(counter): str(i) for i, counter in enumerate(sorted(counters))}
    new = {
        name: re.sub(r"\d+$", lambda found: rank[found[0]], name)
        for name in names
        if name[-1].isdigit()
    }
    words = [re.escape(name) for name in new if not name.isdigit()]
    inside = re.compile(rf"({'|'.join(words)})(?!\d)") if words else None

    def rename(text):
        if text in new:
            return new[text]
        return inside.sub(lambda found: new[found[0]], text) if inside else text

    for function in library.function:
        local = dict(_local_names(function, rank))
        _rename_all(function, lambda text, local=local: local.get(text, text))
    _rename_all(model, rename)
    library.function.sort(key=lambda function: function.signature.name)


def _captured_names(model):
    """Names of captured inputs: nothing but the counter.  -> iterator of str."""
    for function in model.meta_graphs[0].graph_def.library.function:
        for attributes in function.arg_attr.values():
            name = attributes.attr["_user_specified_name"].s.decode()
            if name.isdigit():
                yield name


def _local_names(function, rank):
    """Arguments of a branch or a loop's body that have a counter in their name.

    Args:
        function: FunctionDef proto.
        rank: counter -> its number.

    Yields:
        (old name, new name).
    """
    for index, attributes in function.arg_attr.items():
        counter = attributes.attr["_user_specified_name"].s.decode()
        name = function.signature.input_arg[index].name
        found = re.fullmatch(rf"(.*_){counter}(_0)?", name)
        if counter.isdigit() and found:
            new = f"{found[1]}captured_{rank[counter]}"
            yield name, new + (found[2] or "")
            yield name.removesuffix("_0"), new  # a loop's body returns it


def _rename_all(message, rename):
    """Apply `rename` to every string below a message, keys of maps included."""
    for field, value in message.ListFields():
        if field.message_type and field.message_type.GetOptions().map_entry:
            _rename_map(value, rename)
        elif isinstance(value, Message):
            _rename_all(value, rename)
        elif isinstance(value, str):
            setattr(message, field.name, rename(value))
        elif isinstance(value, bytes):
            # strings that are attributes; tensors' bytes are left alone
            if field.full_name == "tensorflow.AttrValue.s":
                message.s = rename(value.decode("latin-1")).encode("latin-1")
        elif field.message_type:
            for item in value:
                _rename_all(item, rename)
        elif field.type == field.TYPE_STRING:
            value[:] = [rename(item) for item in value]


def _rename_map(value, rename):
    for key in list(value):
        item = value[key]
        if isinstance(item, Message):
            _rename_all(item, rename)
        elif isinstance(item, str):
            value[key] = rename(item)
        if isinstance(key, str) and (changed := rename(key)) != key:
            if isinstance(item, Message):
                value[changed].CopyFrom(item)
            else:
                value[changed] = value[key]
            del value[key]
