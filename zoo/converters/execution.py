"""The one way to run a built net layer by layer: in file order, each layer on what those before it gave."""


def run_layer(layer, bottoms, anchor=None):
    """Returns the tuple of a `BuiltLayer`'s tops, as tensors, for its bottoms' tensors.

    Args:
        layer: the `BuiltLayer`; not a source.
        bottoms: a tensor for each bottom.
        anchor: what ties a layer without bottoms, such as Parameter, to a symbolic graph: any tensor of it. None runs
            it outside of one.
    """
    return layer.call(*(bottoms or [anchor]))


def steps(layers, values, run=run_layer):
    """Yields (layer, tops) for each of `layers` after it has run, sources included.

    Args:
        layers: `BuiltLayer`s in order of execution.
        values: {BlobRef: tensor} of what is fed: at least the sources' tops and what earlier layers would have given.
            The tops are added to it as they are computed.
        run: what runs one layer, as `run_layer` does.
    """
    anchor = next((x for x in values.values() if len(x.shape)), None)
    for layer in layers:
        definition = layer.definition
        if layer.call is not None:
            tops = run(layer, [values[bottom] for bottom in definition.bottoms], anchor)
            values.update(zip(definition.tops, tops))
        yield layer, tuple(values[top] for top in definition.tops)
