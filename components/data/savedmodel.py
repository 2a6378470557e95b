"""Write a SavedModel whose bytes depend on its content only."""

import tensorflow as tf


def save(module, folder, signatures):
    """tf.saved_model.save.

    Args:
        module: tf.Module that tracks all that the functions use.
        folder: Path to write to.
        signatures: dict of name -> concrete function.
    """
    tf.saved_model.save(module, str(folder), signatures=signatures)
