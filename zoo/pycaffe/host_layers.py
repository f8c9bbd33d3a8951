"""Layers that run outside the graph, on the net's own blobs: Python and HDF5Output."""


def host(layer, instances):
    """Returns what runs `layer`, a `BuiltLayer` of a type that runs on the host.

    Args:
        instances: {layer key: object} of the Python layers.
    """
    if layer.definition.type == "Python":
        return _Python(instances[layer.definition.key])
    return _Output(layer.type)


class _Python:
    """A Python layer, called as Caffe calls it (python_layer.hpp:20-50, layer.hpp Forward)."""

    def __init__(self, instance):
        self.instance = instance

    def forward(self, bottoms, tops):
        """Reshapes, then runs forward."""
        self.instance.reshape(bottoms, tops)
        self.instance.forward(bottoms, tops)

    def backward(self, tops, propagate_down, bottoms):
        """Runs backward."""
        self.instance.backward(tops, list(propagate_down), bottoms)


class _Output:
    """An HDF5Output layer."""

    def __init__(self, kind):
        self._kind = kind

    def forward(self, bottoms, tops):
        """Writes the file."""
        self._kind.write(bottoms[0].data, bottoms[1].data)

    def backward(self, tops, propagate_down, bottoms):
        """Has none."""
