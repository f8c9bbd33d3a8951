"""Mean of FlowNet: values for each channel, added or taken off."""

import numpy as np

from zoo.errors import UnsupportedError
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.lazy import ops
from zoo.layers.base.registry import layer_type
from zoo.layers.ops.layout import from_caffe


@layer_type("Mean", source="lmb-freiburg/flownet2@master mean_layer.cpp:45-130")
class Mean(LayerType):
    """y = output_scale (input_scale x +- mean_scale value[c mod their number]), + for ADD and - for SUBTRACT.

    Bottoms (N[,C[,H[,W]]]) -> as many tops (N,C,H,W), sizes that are not there being 1. No gradient. Blobs: none.
    """

    reads_bottom_in_backward = False
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    pixel_map = "same"
    in_place = True
    bottom_count = (1, None)
    top_count = (1, None)
    fields = ("mean_param",)

    def read(self, p):
        """Takes mean_param. Raises NetError without operation or values, UnsupportedError for a file."""
        if p.has("file"):
            what = "Mean takes its values from the net's text here, not from a file"
            raise UnsupportedError(what, at=p.at("file"), hint="value: one for each channel")
        if not p.has("operation"):
            raise p.error("operation is missing", want="ADD or SUBTRACT")
        self.values = np.array(p.value, np.float32) * np.float32(p.mean_scale)
        if p.enum("operation") == "SUBTRACT":
            self.values = -self.values
        self.scales = p.input_scale, p.output_scale
        if not len(self.values):
            raise p.error("value is missing", want="one for each channel, or for some that are repeated")
        if len(self.layer.tops) != len(self.layer.bottoms):
            got = f"{len(self.layer.bottoms)} bottoms and {len(self.layer.tops)} tops"
            raise self.error("there is one top for each bottom", "top", got=got)

    def top_shapes(self, bottoms):
        """The bottoms' shapes, with 4 axes. Raises NetError where the values do not go into the channels."""
        tops = tuple((*shape, 1, 1, 1)[:4] if 0 < len(shape) < 4 else shape for shape in bottoms)
        for shape in tops:
            if len(shape) != 4:
                raise self.error("Mean takes (N,C,H,W)", "bottom", got=shape, want="1 to 4 axes")
            if shape[1] % len(self.values):
                what = f"{len(self.values)} values do not go into the channels"
                raise self.error(what, "mean_param.value", got=shape[1], want=f"a multiple of {len(self.values)}")
        return tops

    def build(self, site):
        """keras.ops only."""
        given, made = self.scales

        def mean(*bottoms):
            tops = []
            for x, old, shape in zip(bottoms, site.bottoms, site.tops):
                if len(old) < 4:
                    x = from_caffe(ops.reshape(x, (-1, *shape[1:])))
                values = np.tile(self.values, shape[1] // len(self.values))
                y = (ops.cast(ops.stop_gradient(x), "float32") * given + values) * made
                tops.append(ops.cast(y, x.dtype))
            return tuple(tops)

        return mean
