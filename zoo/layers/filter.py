"""Filter: the items of a batch that a selector marks."""

from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type


@layer_type("Filter", source="filter_layer.cpp:8-116")
class Filter(LayerType):
    """Each top holds the items of its bottom whose selector is not 0, in order; the rest gets no gradient.

    Bottoms x0 (N, ...), x1 (N, ...), ..., selector (N,) or (N, 1, ...) -> as many tops as x. No blobs.

    How many items there are only the data can tell. The planned top shape is the full batch's, as Caffe's is before
    its first forward pass; layers behind that need a known batch size cannot follow. Compiled by XLA (jit_compile, or
    JAX under jit) it does not run.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = True
    no_gradient_bottoms = ()
    pixel_map = None
    bottom_count = (2, None)
    top_count = (1, None)

    def top_shapes(self, bottoms):
        """The bottoms' shapes."""
        *items, selector = bottoms
        if len(self.layer.tops) != len(items):
            raise self.error("expects a top for each bottom but the selector", "top", got=len(self.layer.tops))
        if any(dim != 1 for dim in selector[1:]):
            raise self.error("the selector, the last bottom, has one value an item", "bottom", got=selector)
        for shape in items:
            if shape[:1] != selector[:1] or not shape:
                raise self.error("bottoms must have as many items as the selector", "bottom", got=shape, want=selector)
        return tuple(items)

    def integers(self, bottoms):
        """Selectors are 0 or 1."""
        return {len(bottoms) - 1: 2}

    def build(self, site):
        """Gathers at the places where the selector is not 0."""

        def keep(*bottoms):
            *items, selector = bottoms
            chosen = ops.reshape(ops.nonzero(ops.reshape(ops.stop_gradient(selector), (-1,)))[0], (-1,))
            return tuple(ops.take(x, chosen, axis=0) for x in items)

        return keep
