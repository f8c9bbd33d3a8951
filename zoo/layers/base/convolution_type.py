"""What Convolution and Deconvolution have in common, as in Caffe's base_conv_layer.cpp."""

from zoo.errors import UnsupportedError
from zoo.layers.base.blobs import BlobSpec
from zoo.layers.base.geometry import count
from zoo.layers.base.layer_type import LayerType
from zoo.layers.ops.conv_windows import SlidingWindow


class ConvolutionType(LayerType):
    """One kernel for any number of bottoms of one shape (N,C,H,W) -> as many tops.

    Up to three spatial axes follow `axis`, the channels; the axes before it are one batch.

    Class attributes:
        least_axes: the fewest spatial axes.
        positions: "tops" or "bottoms": which has a value for each position of the kernel.
        too_small: what is wrong where nothing is left of an axis.
        counts_outputs: whether num_output and group are the file's to say.
    """

    least_axes: int
    positions: str
    too_small: str
    counts_outputs = True

    reads_bottom_in_backward = True
    aliases_bottom = None
    mixes_batch = False
    no_gradient_bottoms = ()
    bottom_count = (1, None)
    top_count = (1, None)
    fields = ("convolution_param",)

    def read(self, p):
        """Takes convolution_param. Raises NetError for a missing num_output or a group that cannot be."""
        self.window = self.read_window(p)
        self.num_output, self.group, self.bias_term = p.num_output, p.group, p.bias_term
        self.weight_filler, self.bias_filler = p.weight_filler, p.bias_filler
        if self.counts_outputs:
            self._check_counts(p)
        if len(self.layer.tops) != len(self.layer.bottoms):
            got = f"{len(self.layer.bottoms)} bottoms and {len(self.layer.tops)} tops"
            raise self.error("there is one top for each bottom", "top", got=got)

    def read_window(self, p):
        """Returns the `SlidingWindow`, or what has its methods."""
        return SlidingWindow(p)

    def _check_counts(self, p):
        if self.num_output < 1:
            raise p.error("num_output is missing", "num_output", got=self.num_output, want="1 or more")
        if self.group < 1 or self.num_output % self.group:
            want = f"a divisor of num_output {self.num_output}"
            raise p.error("group does not divide num_output", "group", got=self.group, want=want)

    def _spatial(self, size, window):
        """Returns the top's size along one axis."""
        raise NotImplementedError

    def top_shapes(self, bottoms):
        """One shape, once for each bottom."""
        shape = bottoms[0]
        axis, windows = self.window.axis(shape), self.window.windows(shape)
        if not self.least_axes <= len(windows) <= 3:
            what = "unsupported number of spatial axes"
            want = f"{self.least_axes} to 3"
            raise UnsupportedError(what, at=self.layer.at("bottom"), got=len(windows), want=want)
        if shape[axis] % self.group:
            want = f"a divisor of the {shape[axis]} channels"
            raise self.error("group does not divide the channels", "convolution_param.group", got=self.group, want=want)
        for bottom in bottoms[1:]:
            if bottom != shape:
                raise self.error("the bottoms differ in shape", "bottom", got=bottom, want=shape)
        spatial = tuple(self._spatial(size, window) for size, window in zip(shape[axis + 1 :], windows))
        if any(size < 1 for size in spatial):
            raise self.error(self.too_small, got=f"top {spatial}", want="sizes above 0")
        return ((*shape[:axis], self.num_output, *spatial),) * len(bottoms)

    def _bias(self):
        """Returns the bias's spec in a tuple, empty without bias_term."""
        return (BlobSpec((self.num_output,), "bias", self.bias_filler),) if self.bias_term else ()

    def flops(self, bottoms, tops):
        """Multiply-adds of the kernel, once for each of its positions; the bias is not counted."""
        weight, axis = self.blobs(bottoms)[0].count, self.window.axis(bottoms[0])
        positions = (tops if self.positions == "tops" else bottoms)[0]
        return len(tops) * weight * count(positions, 0, axis) * count(positions, axis + 1)
