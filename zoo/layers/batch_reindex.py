"""BatchReindex: items of a batch picked by number."""

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type


@layer_type("BatchReindex", source="batch_reindex_layer.cpp:8-69")
class BatchReindex(LayerType):
    """y[i] = x[int(index[i])]. Bottoms (N, ...) and index (M,) -> top (M, ...); no gradient to the index, no blobs.

    A number that no item has gives NaN, where Caffe stops.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = True
    no_gradient_bottoms = ()
    pixel_map = None
    bottom_count = 2

    def top_shapes(self, bottoms):
        x, index = bottoms
        if not x or len(index) != 1:
            raise self.error("expects items and a vector of their indices", "bottom", got=f"{x} and {index}")
        return ((index[0], *x[1:]),)

    def integers(self, bottoms):
        """Numbers of the items of bottom 0."""
        return {1: bottoms[0][0]}

    def build(self, site):
        """A gather on axis 0, which is the same in Caffe's and Keras's order."""
        rank = len(site.bottoms[0])

        def reindex(x, index):
            index = ops.stop_gradient(index)
            number = ops.cast(index, "int32")
            total = ops.sum(ops.ones_like(x[(slice(None),) + (0,) * (rank - 1)], dtype="int32"))
            known = ops.logical_and(index >= 0, number < total)
            items = ops.take(x, ops.where(known, number, 0), axis=0)
            return ops.where(ops.reshape(known, (-1,) + (1,) * (rank - 1)), items, float("nan"))

        return reindex
