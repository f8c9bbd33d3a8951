"""Operations of a Keras model that say, by their TensorFlow name scope, which layer of the net they belong to."""

import re

from zoo.keras_internals import history_of

_SCOPE = re.compile(r"(?:^|/)layer\.(\d+)\.[^/]*/")


def scope(index, name):
    """Returns the name scope of the operations of layer number `index`; `name` is for people."""
    return f"layer.{index}.{name}"


def layer_index(path):
    """Returns the number of the layer that an operation's name, with its scopes, says; None where it says none."""
    found = _SCOPE.search(path)
    return int(found[1]) if found else None


def enter(tops, known, name):
    """Makes the operations that led to symbolic tensors run in the name scope `name`, but for those in `known`.

    Args:
        tops: symbolic tensors.
        known: ids of operations that belong to layers before; those that are found are added.
        name: a `scope`.
    """
    tensors = list(tops)
    while tensors:
        operation, _, inputs = history_of(tensors.pop())
        if id(operation) not in known:
            known.add(id(operation))
            tensors.extend(inputs)
            operation.call = _within(operation.call, name)


def _within(call, name):
    import tensorflow as tf

    def scoped(*args, **kwargs):
        with tf.name_scope(f"{name}/"):  # with the slash it is that scope itself, whatever is around
            return call(*args, **kwargs)

    return scoped
