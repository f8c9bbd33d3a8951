"""What a layer type states of itself, and that no other module knows types by name that it need not know."""

import ast
import pathlib

import pytest

from zoo.layers import find, layer_types
from zoo.layers.base.families import PointwiseType
from zoo.layers.base.layer_type import LayerType
from zoo.layers.base.registry import STATED, layer_type

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Modules outside of zoo/layers that name types, and why they have to.
NAMES = {
    "zoo/formats/unknown_names.py": "the end of a message name, ConvolutionParameter",
    "zoo/formats/layer_names.py": "errors about text say whose type a name is",
    "zoo/netdef/upgrade.py": "the layers of old files are renamed; inputs become an Input layer",
    "zoo/netdef/upgrade_v0.py": "the layers of old files are renamed",
    "zoo/netdef/upgrade_v1.py": "the layers of old files are renamed",
    "zoo/netdef/splits.py": "makes Split layers",
    "zoo/netdef/deploy.py": "makes Input layers; shapes are stated by each source in a message of its own",
    "zoo/netdef/aliasing.py": "a Parameter is no value that a layer may overwrite",
    "zoo/input/pipeline.py": "which reader belongs to which data layer",
    "zoo/inspection/traps.py": "each trap is one of a type",
    "zoo/training/fingerprint.py": "Python is the interpreter there",
    "zoo/training/feeds.py": "says that nothing feeds an Input layer",
    "zoo/export/input_shapes.py": "channels are said by the first convolution",
    "zoo/export/preprocessing.py": "an input that nothing is known of is an Input",
    "zoo/export/batch_size.py": "changes the shapes that Input layers state",
    "zoo/export/config_net.py": "reads the shapes that Input layers state",
    "zoo/export/verify.py": "changes the shapes that Input layers state",
    "zoo/pycaffe/host_layers.py": "two types run on the host, each in its own way",
    "zoo/pycaffe/engine.py": "the shapes of a Python layer's tops are known after it has run",
    "zoo/pycaffe/net_blobs.py": "the blobs of a Python layer are its instance's",
    "zoo/pycaffe/net.py": "net.inputs are the tops of Input layers; net.layers has the user's Python objects",
    "zoo/pycaffe/net_spec.py": "an example in a docstring",
    "zoo/pycaffe/top_feeds.py": "DummyData and MemoryData fill their tops in pycaffe's ways",
    "zoo/training/pure_step.py": "an Input states the shapes that are fed; other sources are given theirs",
    "zoo/training/shorthand.py": "whose records make an epoch: those of a database, shards or one list of images",
    "zoo/export/dot.py": "labels and colours are those of pycaffe's draw.py, type by type",
    "zoo/training/start_log.py": "Caffe's log has lines for some types only",
    "zoo/api/datasets.py": "makes the Data layer that reads a source",
    "zoo/api/reading.py": "the batch size of a table is that of the data layer",
    "zoo/export/examples.py": "an Input layer reads no data",
    "zoo/export/channel_affine.py": "has the numbers of each type of a known form",
    "zoo/export/folding.py": "folds types of a known form into types of a known form",
    "zoo/export/onnx/net.py": "Filter's rows are counted at run time",
    "zoo/export/onnx/pooled.py": "Concat is ONNX's operator",
    "zoo/export/onnx/site.py": "Reshape is ONNX's operator",
    "zoo/export/onnx/sizes.py": "changes the shapes that Input layers state",
    "zoo/export/onnx/suppression.py": "Concat, Reshape and Split are ONNX's operators",
    "zoo/training/epoch_lines.py": "PyTorch's lines have an accuracy, which is an Accuracy layer's",
    "zoo/cv/counts.py": "OpenCV counts what each type costs in a way of its own",
    "zoo/cv/layers.py": "OpenCV hands out the bias of an InnerProduct as a row",
    "zoo/cv/models.py": "OpenCV's DetectionModel goes by the type of the last layer",
    "zoo/cv/net.py": "reads the shapes that Input layers state",
    "zoo/gallery.py": "deconvolutions are drawn of units of convolutions",
    "zoo/export/drawn.py": "numbers are drawn by what a layer does with them, so that values keep their size",
    "zoo/visualization/trained_net.py": "scores are those before a Softmax",
    "zoo/visualization/sources.py": "an Input layer reads no data",
    "zoo/visualization/backward.py": "guided backpropagation has a rule for rectifiers",
    "zoo/visualization/sheets/activations.py": "which blobs are worth looking at first",
    "zoo/netdef/receptive_field.py": "how far a layer reads, where its pixel_map does not say",
    "zoo/pages/net_view.py": "data layers whose second top is a label an item",
    "zoo/pages/layer_texts.py": "Input layers may be made, and then stand in no file",
    "zoo/pages/layer_facts.py": "a box says of each type what people look for",
    "zoo/netdef/batch.py": "changes the shapes that Input and DummyData state",
}
# Whole folders that have something for each type, as these have.
BY_TYPE = ("zoo/layers/", "zoo/reference/", "zoo/export/onnx/writers/")


def named_types(path):
    tree, types = ast.parse(path.read_text(encoding="utf-8")), set(layer_types())
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in types
    }


def test_no_other_module_knows_types_by_name():
    found = {}
    for path in (ROOT / "zoo").rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(BY_TYPE) and named_types(path):
            found[name] = named_types(path)
    unknown = {name: types for name, types in found.items() if name not in NAMES}
    assert not unknown, "state it in the layer type's class instead, or say in NAMES why not"
    assert set(NAMES) - set(found) <= {"zoo/pycaffe/net_spec.py"}, "these name no type any more: take them out of NAMES"


WEIGHTLESS = {"SmoothL1Loss (frcnn)", "SmoothL1Loss (rfcn)"}  # losses whose set-up forgets the weight
WEIGHTED = {"SoftmaxWithLossOHEM", "Yolov3"}  # losses of another name


@pytest.mark.parametrize("name", layer_types())
def test_every_type_states_its_facts(name):
    kind = find(name)
    assert kind.aliases_bottom in (None, "always", "one bottom", "one top")
    assert kind.pixel_map in (None, "same", "window", "transposed window", "crop")
    for fact in STATED:
        assert fact not in vars(LayerType), "it has no default, so that nobody forgets it"
    # net.py goes by the name where it gives a loss the top that the file leaves out.
    assert (kind.default_loss_weight > 0) == (kind.type.endswith("Loss") and name not in WEIGHTLESS or name in WEIGHTED)


def test_a_type_that_leaves_a_fact_open_is_refused():
    class Forgetful(LayerType):
        aliases_bottom = None
        mixes_batch = False
        no_gradient_bottoms = ()
        pixel_map = None

    with pytest.raises(ValueError, match='"Forgetful" does not state reads_bottom_in_backward'):
        layer_type("Forgetful", source="nowhere.cpp:1")(Forgetful)
    assert find("Forgetful") is None


def test_a_type_knows_its_fork(monkeypatch):
    from zoo.layers.base import registry

    monkeypatch.setattr(registry, "_TYPES", {})

    class ReLU6(PointwiseType):
        reads_bottom_in_backward = True

    layer_type("ReLU6", source="chuanqi305/ssd@ssd relu6_layer.cpp:9-38")(ReLU6)
    assert ReLU6.fork == "chuanqi305/ssd@ssd"
    assert registry.find("ReLU6") is ReLU6
