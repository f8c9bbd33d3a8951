"""Draws a net as a graph of its layers and blobs, as Caffe's draw_net.py does, with the shapes of the blobs.

  python -m zoo.draw lenet lenet.svg
  python -m zoo.draw deploy.prototxt net.png --rankdir=TB
  python -m zoo.draw train_val.prototxt net.dot --phase=TEST    text for Graphviz, which need not be installed
  python -m zoo.draw solver.prototxt net.svg --deploy           the net to deploy: data are inputs, losses predictions

CONFIG is a net or a solver of any generation, or the name of a packaged config. The ending of OUT is a format of
Graphviz's, such as .svg, .png or .pdf, whose program `dot` draws it; .dot is the text that it is drawn from.

Layers are boxes: convolutions red, poolings orange, inner products violet, layers in place green, all others blue, with
kernel, stride and pad; blobs are gray octagons with the shape of one item, where the file, or data that are here, say
the shape of the input; else --input_shape does.
"""

import pathlib
import sys

from absl import flags

from zoo import command, config_flag, user_code
from zoo.errors import OutputError, ZooError

RANKDIR = flags.DEFINE_enum(
    "rankdir", "LR", ["LR", "RL", "TB", "BT"], "Left to right, right to left, or top to bottom."
)
PHASE = flags.DEFINE_enum("phase", "ALL", ["ALL", "TRAIN", "TEST"], "Whose layers are drawn.")
DEPLOY = flags.DEFINE_bool("deploy", False, "Draw the net to deploy.")
SHAPES = flags.DEFINE_bool("shapes", True, "Draw the shapes of the blobs, where they are known.")
LRM = flags.DEFINE_bool("display_lrm", False, "Draw the lr_mult of layers that learn.")
INPUT_SHAPE = flags.DEFINE_multi_string(
    "input_shape", [], "Caffe shape of an input where nothing else says it: 'data: 1,3,227,227'."
)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where nets that a solver names, and data, are looked for first.")


def main(config=None, output=None):
    """Draws."""
    if output is None:
        raise ZooError("which net, and to which file?", want="python -m zoo.draw CONFIG OUT.svg", hint="see --help")
    user_code.load()
    from zoo.export import dot
    from zoo.formats import atomic, caffe_pb2

    config = config_flag.find(config)
    path = pathlib.Path(output)
    if not path.suffix:
        raise OutputError("the name says no format", got=output, want="an ending such as .svg, .png or .dot")
    phase = None if PHASE.value == "ALL" or DEPLOY.value else caffe_pb2.Phase.Value(PHASE.value)
    net, shapes = _net(config)
    image = dot.image(dot.dot(net, RANKDIR.value, True, phase, LRM.value, shapes), path.suffix[1:])
    with atomic.replacing(path, OutputError) as file:
        file.write(image)
    print(f"{net.name or 'the net'}, {len(net.layer)} layers{'' if shapes else ', without shapes'}: {path}")


def _net(config):
    """Returns (the NetParameter to draw, {blob: shape of an item})."""
    from zoo.export import input_shapes
    from zoo.export.conversion import convert
    from zoo.netdef.config import open_config
    from zoo.netdef.upgrade import upgrade_net

    whole = None if DEPLOY.value else upgrade_net(open_config(config).net("TRAIN", DATA_DIR.value)).message
    if whole is not None and not SHAPES.value:
        return whole, {}
    try:
        conversion = convert(config, shapes=input_shapes.parse(INPUT_SHAPE.value), data_dir=DATA_DIR.value)
    except ZooError as error:
        if whole is None or INPUT_SHAPE.value:
            raise
        print(f"the shapes are not drawn: {error}", file=sys.stderr)
        return whole, {}
    shapes = {ref.name: shape[1:] for ref, shape in conversion.shapes.items() if shape} if SHAPES.value else {}
    return (conversion.message if whole is None else whole), shapes


if __name__ == "__main__":
    command.run(main, arguments=2)
