"""Draws a net as a graph of its layers and blobs, as Caffe's draw_net.py does, or as a page that one moves about in.

  python -m zoo.draw lenet lenet.html                           one file for a browser: search, layers, receptive fields
  python -m zoo.draw deploy.prototxt net.html --weights=net.caffemodel --image=cat.jpg     with statistics, activations
  python -m zoo.draw lenet runs/lenet/net.html --run_dir=runs/lenet      with a run's curves, though it was killed
  python -m zoo.draw lenet lenet.svg
  python -m zoo.draw deploy.prototxt net.png --rankdir=TB
  python -m zoo.draw train_val.prototxt net.dot --phase=TEST    text for Graphviz, which need not be installed
  python -m zoo.draw solver.prototxt net.svg --deploy           the net to deploy: data are inputs, losses predictions

CONFIG is a net or a solver of any generation, or the name of a packaged config.

OUT that ends in .html is one page that needs no network: the net to move and zoom in, a search, a table of all layers,
and for each layer its parameters, shapes, multiply-adds, receptive field, whether gradients reach it, and its text.
Its phases and the net to deploy are views of it. With --weights it shows statistics, histograms and filters, with
--image what the net to deploy gives for an image, with --run_dir the curves of a training run.

Any other ending of OUT is a format of Graphviz's, such as .svg, .png or .pdf, whose program `dot` draws it; .dot is the
text that it is drawn from. In these:

Layers are boxes: convolutions red, poolings orange, inner products violet, layers in place green, all others blue, with
kernel, stride and pad; blobs are gray octagons with the shape of one item, where the file, or data that are here, say
the shape of the input; else --input_shape does.
"""

import math
import pathlib

from absl import flags

from zoo import command, config_flag, given_files, image_paths, terminal, user_code
from zoo.errors import DataError, OutputError, ZooError
from zoo.progress import waiting
from zoo.report import Report

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
OUTPUT = flags.DEFINE_string("output", None, "Where the drawing goes, where the second word does not say it.")
WEIGHTS = flags.DEFINE_list(
    "weights", [], "For .html: weights files (.caffemodel, .caffemodel.h5, .keras) whose statistics are shown."
)
IMAGE = flags.DEFINE_string(
    "image", None, "For .html: an image whose activations are shown, prepared as the config's data layer does in TEST."
)
LABELS = flags.DEFINE_string(
    "labels", None, "For --image: names of the classes, as for zoo.classify: imagenet, cifar10, mnist, or a file."
)
RUN_DIR = flags.DEFINE_string(
    "run_dir",
    None,
    "For .html: run directory of zoo.train whose curves are shown, with the weights of its last snapshot unless "
    "--weights names others. A run that ends or is stopped writes this page by itself; one that was killed does not.",
)
DATA_DIR = flags.DEFINE_string("data_dir", "data", "Where nets that a solver names, and data, are looked for first.")


_PAGE = (".html", ".htm")
_OF_PAGES = ("weights", "image", "labels", "run_dir")
_OF_GRAPHS = ("rankdir", "shapes", "display_lrm")


def main(config=None, output=None):
    """Draws; returns what and where."""
    if output and OUTPUT.value:
        raise ZooError("two names for one drawing", got=f"{output} and --output={OUTPUT.value}", want="one of them")
    output = output or OUTPUT.value
    if config is None or output is None:
        raise ZooError("which net, and to which file?", want="python -m zoo.draw CONFIG OUT.html", hint="see --help")
    path = pathlib.Path(output)
    if not path.suffix:
        raise OutputError("the name says no format", got=output, want="an ending such as .html, .svg, .png or .dot")
    _check_flags(path.suffix in _PAGE)
    in_numbers = [f"--config={config}", *command.again("input_shape", "data_dir"), *user_code.given(), "--summary"]
    config = config_flag.find(config)
    given_files.check(WEIGHTS.value, outputs=[path])
    if IMAGE.value:
        image_paths.there(IMAGE.value)
    user_code.load()
    report = _page(config, path) if path.suffix in _PAGE else _graph(config, path)
    return report.then("in numbers", "zoo.convert", *in_numbers) if report.more["shapes"] else report


def _check_flags(page):
    for name in _OF_GRAPHS if page else _OF_PAGES:
        if flags.FLAGS[name].present:
            what = "is for drawings by Graphviz" if page else "is for a page"
            raise ZooError(f"--{name} {what}", want="OUT that ends in " + (".svg or .dot" if page else ".html"))
    if IMAGE.value and PHASE.value != "ALL":
        raise ZooError("activations are of the net to deploy", got=f"--phase={PHASE.value}", want="--image without it")
    if LABELS.value and not IMAGE.value:
        raise ZooError("--labels says what an image shows", want="--image=FILE with it")


def _graph(config, path):
    from zoo.export import dot
    from zoo.formats import atomic, caffe_pb2

    phase = None if PHASE.value == "ALL" or DEPLOY.value else caffe_pb2.Phase.Value(PHASE.value)
    net, shapes = _net(config)
    with waiting("Drawing"):
        image = dot.image(dot.dot(net, RANKDIR.value, True, phase, LRM.value, shapes), path.suffix[1:])
    with atomic.replacing(path, OutputError) as file:
        file.write(image)
    without = "" if shapes else ", without shapes"
    report = Report().text(f"{net.name or 'the net'}, {len(net.layer)} layers{without}: {path}")
    report.more |= {"name": net.name, "layers": len(net.layer), "shapes": bool(shapes)}
    report.note_made("drawing", path)
    return report


def _page(config, path):
    from zoo.export import input_shapes
    from zoo.pages import net_page, net_view, page, run_page
    from zoo.pages.weight_facts import weight_facts

    paths, run = WEIGHTS.value, None
    if RUN_DIR.value:
        run = run_page.of_files(RUN_DIR.value)
        paths = paths or list(filter(None, [run_page.newest_weights(RUN_DIR.value)]))
    if IMAGE.value:
        command.quiet_tensorflow()
    given = input_shapes.parse(INPUT_SHAPE.value)
    which = net_view.DEPLOYED if DEPLOY.value else PHASE.value
    views, notes = net_view.of_config(config, which, given, DATA_DIR.value, paths)
    for note in notes:
        terminal.warning(f"some shapes are not shown: {note}")
    seen, weights, said = None, None, []
    if IMAGE.value:
        views = sorted(views, key=lambda view: view.title != net_view.DEPLOYED)  # what has seen the image comes first
        seen, said = _seen(config, paths, views[0].title, given)
    if paths:
        whose = "of " + ", ".join(pathlib.Path(each).name for each in paths)
        layers, drawn = net_view.with_weights(views, paths)
        weights = weight_facts(layers, whose, drawn)
    with waiting("Drawing"):
        page.write(path, net_page.net_page(views, weights=weights, activations=seen, run=run, notes=said))
    first = views[0].definition
    shown = ", ".join(view.title for view in views)
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    report = Report().text(f"{first.name or 'the net'}, {len(first.layers)} layers ({shown}), {size}: {path}")
    report.more |= {"name": first.name, "layers": len(first.layers), "shapes": not notes}
    report.note_made("page", path)
    return report


def _seen(config, paths, view, given):
    """Returns (the page's activations, sentences for its panel) of --image."""
    from zoo.api.loaded import preprocessed
    from zoo.export.conversion import convert
    from zoo.formats import class_names
    from zoo.pages import activations
    from zoo.pycaffe.config_classifier import Preparation
    from zoo.pycaffe.images import load_image

    names = class_names.of(LABELS.value) if LABELS.value else None
    conversion = convert(config, paths, shapes=given, data_dir=DATA_DIR.value)
    shapes = [conversion.shapes[output] for output in conversion.outputs.values()]
    counts = [math.prod(shape[1:]) for shape in shapes if math.prod(shape[2:]) == 1]
    if names is not None and len(names) not in counts:
        want = f"{' or '.join(map(str, counts))}, as the net has classes" if counts else "a net that gives classes"
        raise DataError("--labels does not fit the net", got=f"{len(names)} names", want=want)
    fed = preprocessed(conversion, Preparation(), IMAGE.value)
    (ref,) = conversion.inputs
    name = pathlib.Path(IMAGE.value).name
    found = activations.activations(conversion.net, ref, fed, f"of {name}", view, names)
    found["input"] = activations.thumbnail(load_image(IMAGE.value, True), name)
    steps = "; ".join(conversion.preprocessing[ref.name].steps)
    trained = [] if paths else ["No weights were given: activations are those of a net that is not trained."]
    return found, [f"How the image became {ref.name}: {steps}.", *trained]


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
        terminal.warning(f"the shapes are not drawn: {error}")
        return whole, {}
    shapes = {ref.name: shape[1:] for ref, shape in conversion.shapes.items() if shape} if SHAPES.value else {}
    return (conversion.message if whole is None else whole), shapes


if __name__ == "__main__":
    command.run(main, arguments=2)
