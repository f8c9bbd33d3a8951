"""Draws the kernels of layers, the weights that a net has learned, as images.

  python -m zoo.filters --weights=lenet_iter_10000.caffemodel --layers=conv1,conv2
  python -m zoo.filters --weights=x_iter_0.caffemodel,x_iter_500.caffemodel --layers=conv1     before and after
  python -m zoo.filters --weights=mlp.caffemodel --config=mlp.prototxt --layers=ip1    an InnerProduct, as images
  python -m zoo.filters --weights=net.caffemodel --layers=all --most=8 --run_dir=runs/net

A weights file is enough; a column for each where there are several. What is drawn of a layer:
  three input channels    each kernel in colour, from its least value, black, to its largest, white
  other convolutions      a row for each kernel, a column for each channel that it reads; blue is below zero, light grey
                          zero, red above, on one scale for the layer, which the bar says
  1 x 1, InnerProduct     the matrix of weights, a row for each output; with --config an InnerProduct that reads an
                          image or a plane is drawn as kernels of that size
"""

from absl import flags

from zoo import command, config_flag, given_files, look_flags, user_code
from zoo.formats import caffemodel, limits
from zoo.visualization.sheets import kernels

WEIGHTS = flags.DEFINE_list(
    "weights", None, "Weights files (.caffemodel, .caffemodel.h5, our .keras), a column for each.", required=True
)
LAYERS = flags.DEFINE_list("layers", [], "Layers to draw, or all. Default: the first that has kernels.")
MOST = flags.DEFINE_integer("most", 16, "How many kernels of a layer, and channels of each, are drawn.", lower_bound=1)
CONFIG = config_flag.define("The net (prototxt), to draw InnerProducts as images.", required=False)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "With --config: where the config's data are looked for first.")
WRITTEN = look_flags.Written("filters.png", "the kernels")
limits.define_flags()


def main():
    """Reads the flags and draws."""
    WRITTEN.check()
    given_files.check(WEIGHTS.value)
    named = kernels.labels(WEIGHTS.value)
    layers = LAYERS.value
    if layers == ["all"]:
        layers = kernels.with_kernels(caffemodel.read(WEIGHTS.value[0]))
    elif not layers:
        layers = kernels.with_kernels(caffemodel.read(WEIGHTS.value[0]))[:1]
    title = f"Kernels of {', '.join(named)}" if len(named) == 1 else "Kernels"
    image = kernels.kernel_sheet(named, layers, MOST.value, _planes(), title)
    report = WRITTEN.end(f"Kernels of {', '.join(layers)}.", "filters", image, WEIGHTS.value)
    if CONFIG.value:
        return report.then("activations", "zoo.activations", *command.again("config", "data_dir", "weights"))
    if LAYERS.value == ["all"]:
        return report
    return report.then("all of them", "zoo.filters", *command.again("weights"), "--layers=all")


def _planes():
    """Returns {layer: Caffe shape of its bottom} of the config."""
    if not CONFIG.value:
        return {}
    user_code.load()
    from zoo.export.conversion import convert
    from zoo.netdef.shape_inference import infer_shapes

    conversion = convert(CONFIG.value, data_dir=DATA_DIR.value, load=False)
    return {layer.definition.name: layer.bottoms[0] for layer in infer_shapes(conversion.definition) if layer.bottoms}


if __name__ == "__main__":
    command.run(main)
