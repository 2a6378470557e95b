"""Start of a network with the weights of an earlier one, layer by layer.

A layer is taken over if the earlier network has one of the same name whose weights
have the same shapes. The report lists all layers, and why some are left alone.
"""

from fnmatch import fnmatchcase
from pathlib import Path

from phistar.components.digests import Inputs, require_fingerprint
from phistar.components.training.earlier import FILES, Earlier


def fingerprint(folder, inputs=None):
    """SHA-256 of a network's files, on which a start from it depends.

    Args:
        folder: of a Network, as the stages build and train write it.
        inputs: Inputs, which notes the files.

    Returns:
        dict of file name -> SHA-256.

    Raises:
        ValueError: if it does not exist, or is damaged.
    """
    paths = [Path(folder).expanduser() / name for name in FILES]
    for path in paths:
        if not path.is_file():
            raise ValueError(
                f"no network to start from. Received: build.weights={str(folder)!r}, "
                f"where there is no {path.absolute()}. Expected the folder of a "
                "trained network, mlruns/stages/train/KEY; `phistar run NAME --json` "
                "prints it as stages.train.path."
            )
    digests = (inputs or Inputs()).sha256(paths)
    Earlier(folder)
    return dict(zip(FILES, digests, strict=True))


def start_from(network, folder, patterns, expected=None):
    """Give a network the weights of an earlier one where their layers agree.

    Args:
        network: Network, changed in place.
        folder: of the earlier Network.
        patterns: names of the layers to take over; `*` and `?` as in a shell.
        expected: fingerprint of the result's key; None compares nothing.

    Returns:
        (dict, dict): layer taken over -> its shapes; layer left alone -> why.

    Raises:
        ValueError: if no layer can be taken over, the folder holds no whole network, or
            its files are not those of the key.
    """
    inputs = Inputs()
    require_fingerprint(fingerprint(folder, inputs), expected)
    old = Earlier(folder)
    # by names: another network has other layers, so positions do not agree
    places = _by_layer(old.names)
    own = _by_layer(network.weight_names())
    variables, taken, left, wanted = network.weights, {}, {}, {}
    for layer, weights in own.items():
        shapes = {w: list(variables[i].shape) for w, i in weights.items()}
        found = {w: old.shapes[i] for w, i in places.get(layer, {}).items()}
        if not any(fnmatchcase(layer, pattern) for pattern in patterns):
            left[layer] = "not in build.weights_layers"
        elif not found:
            left[layer] = "the earlier network has no such layer"
        elif found != shapes:
            left[layer] = f"{_text(shapes)} here, {_text(found)} there"
        else:
            taken[layer] = _text(shapes)
            wanted |= {places[layer][w]: variables[i] for w, i in weights.items()}
    arrays = old.arrays({i: variable.shape for i, variable in wanted.items()})
    for position, variable in wanted.items():
        variable.assign(arrays[position])
    inputs.require_same()
    for layer in places.keys() - own.keys():
        left[layer] = "only the earlier network has it"
    if not taken:
        raise ValueError(
            f"no layer of {folder} fits this network. Received: {left}. Expected a "
            "network with layers of the same names and shapes."
        )
    return taken, left


def report(taken, left):
    """Lines of text, one a layer, of what `start_from` returns.  -> list of str."""
    width = max(map(len, [*taken, *left]))
    lines = [f"{layer:<{width}}  taken over  {shape}" for layer, shape in taken.items()]
    lines += [f"{layer:<{width}}  left alone  {why}" for layer, why in left.items()]
    return lines


def _by_layer(names):
    """["a/kernel", "a/bias"] -> {"a": {"kernel": 0, "bias": 1}}."""
    layers = {}
    for position, name in enumerate(names):
        layer, _, weight = name.rpartition("/")
        layers.setdefault(layer, {})[weight] = position
    return layers


def _text(shapes):
    """{"kernel": [3, 4], "bias": [4]} -> "3x4, 4"."""
    return ", ".join("x".join(map(str, s)) or "scalar" for s in shapes.values())
