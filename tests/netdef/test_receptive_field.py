"""Receptive fields against what changes in the reference implementation with a pixel, and against published figures."""

import numpy as np
import pytest

from zoo.formats.prototxt import parse_net
from zoo.netdef.config import open_config
from zoo.netdef.deploy import deploy
from zoo.netdef.net import net_def
from zoo.netdef.netdef import BlobRef
from zoo.netdef.receptive_field import receptive_fields
from zoo.netdef.shape_inference import infer_shapes, infer_what_is_known
from zoo.reference import interpreter

HEIGHT, WIDTH = 17, 18


def conv(name, bottom, fields, kind="Convolution"):
    return (
        f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{name}" '
        f"convolution_param {{ num_output: 2 {fields} }} }}"
    )


def pool(name, bottom, fields):
    return f'layer {{ name: "{name}" type: "Pooling" bottom: "{bottom}" top: "{name}" pooling_param {{ {fields} }} }}'


NETS = {
    "window": conv("c", "data", "kernel_h: 4 kernel_w: 3 stride_h: 1 stride_w: 2 pad_h: 2 pad_w: 0"),
    "dilated": conv("c", "data", "kernel_size: 3 pad: 2 dilation: 2"),
    "deep": conv("c", "data", "kernel_size: 3 stride: 2 pad: 1")
    + 'layer { name: "r" type: "ReLU" bottom: "c" top: "c" }'
    + pool("p", "c", "kernel_size: 3 stride: 2")
    + conv("d", "p", "kernel_size: 2"),
    "inception": pool("p", "data", "kernel_size: 3 stride: 1 pad: 1")
    + conv("a", "data", "kernel_size: 1")
    + conv("b", "data", "kernel_size: 5 pad: 2")
    + 'layer { name: "j" type: "Concat" bottom: "p" bottom: "a" bottom: "b" top: "j" }'
    + 'layer { name: "s" type: "Slice" bottom: "j" top: "s" top: "rest" slice_param { slice_point: 4 } }'
    + 'layer { name: "q" type: "Silence" bottom: "rest" }',
    "crop": conv("c", "data", "kernel_size: 3")
    + pool("p", "data", "kernel_size: 6 stride: 2")
    + 'layer { name: "x" type: "Crop" bottom: "c" bottom: "p" top: "x" crop_param { axis: 2 offset: 1 offset: 3 } }',
    "deconvolution": conv("c", "data", "kernel_size: 3 stride: 2")
    + conv("u", "c", "kernel_size: 4 stride: 2 pad: 1", "Deconvolution"),
    "uneven": conv("c", "data", "kernel_size: 3 stride: 2")
    + conv("u", "c", "kernel_size: 3 stride: 2", "Deconvolution")
    + conv("d", "u", "kernel_size: 2 stride: 3 pad: 1"),
    "holes": conv("u", "data", "kernel_size: 2 stride: 3", "Deconvolution") + conv("d", "u", "kernel_size: 2 pad: 1"),
    "within": conv("c", "data", "kernel_size: 2")
    + 'layer { name: "n" type: "LRN" bottom: "c" top: "n" lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 } }',
    "global": conv("c", "data", "kernel_size: 3") + pool("g", "c", "global_pooling: true"),
    "dense": conv("c", "data", "kernel_size: 3")
    + 'layer { name: "i" type: "InnerProduct" bottom: "c" top: "i" inner_product_param { num_output: 2 } }',
}


def changed(text):
    """Returns (planned layers, {blob: bool (pixels, H, W)}: whether each place changes when each pixel does)."""
    pixels = HEIGHT * WIDTH
    source = f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: {pixels + 1} dim: 1 '
    definition = net_def(parse_net(f"{source} dim: {HEIGHT} dim: {WIDTH} }} }} }}\n{text}"), "TEST")
    planned = infer_shapes(definition)
    rng = np.random.default_rng(0)
    weights = {
        layer.definition.key: [rng.uniform(0.5, 1, spec.shape) for spec in layer.blobs]
        for layer in planned
        if layer.blobs
    }
    data = np.tile(rng.uniform(0, 1, (1, 1, HEIGHT, WIDTH)), (pixels + 1, 1, 1, 1))
    data.reshape(pixels + 1, pixels)[np.arange(pixels), np.arange(pixels)] += 10
    values = interpreter.run(definition.message, weights, {"data": data}, dtype=np.float64)
    return planned, {
        name: np.abs(x[:-1] - x[-1:]).reshape(pixels, x.shape[1], *(x.shape[2:] or (1, 1))).max(axis=1) > 1e-9
        for name, x in values.items()
    }


@pytest.mark.parametrize("name", NETS)
def test_what_a_value_depends_on_is_in_its_box_and_fills_it(name):
    planned, seen = changed(NETS[name])
    fields = receptive_fields(planned)
    assert len(fields) > 1
    tight = 0
    for ref, field in fields.items():
        height, width = seen[ref.name].shape[1:]
        for y in range(height):
            for x in range(width):
                rows, columns = np.nonzero(seen[ref.name][:, y, x].reshape(HEIGHT, WIDTH))
                if not len(rows):
                    continue
                got, box = (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1), field.box(y, x)
                assert got[0] >= box[0] and got[1] >= box[1] and got[2] <= box[2] and got[3] <= box[3], (ref, y, x)
                inside = min(box[:2]) >= 0 and box[2] <= HEIGHT and box[3] <= WIDTH
                if inside:
                    tight += 1
                    assert got == box, (ref, y, x)
    assert tight > 100


def test_what_depends_on_all_of_the_input_says_so():
    planned, _ = changed(NETS["dense"])
    field = receptive_fields(planned)[BlobRef("i")]
    assert field.axes is None
    assert field.box() == (0, 0, HEIGHT, WIDTH)


def fields_of(config, size):
    net = open_config(f"configs/{config}.prototxt").definition("TEST")
    return receptive_fields(infer_shapes(net_def(deploy(net, {"data": (1, 3, size, size)}), "TEST")))


def said(field):
    """Returns (size, step, start) of a field that is alike along all axes."""
    (found,) = {(axis.size, axis.step, axis.start) for axis in field.axes}
    return found


# Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks" (distill.pub, 2019):
# size, stride and padding of AlexNet 195, 32, 64; VGG-16 212, 32, 90; ResNet-50 483, 32, 239.
# Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation" (CVPR 2015), table 1: size and
# stride of AlexNet 355, 32; VGG-16 404, 32; GoogLeNet 907, 32.
@pytest.mark.parametrize(
    ("config", "size", "blob", "field"),
    [
        ("alexnet", 227, "conv1", (11, 4, 0)),
        ("alexnet", 227, "pool5", (195, 32, -64)),
        ("caffenet_full_conv", 451, "fc6-conv", (355, 32, -64)),
        ("vgg16", 224, "pool5", (212, 32, -90)),
        ("resnet50", 224, "res5c", (483, 32, -239)),
        ("fcn32s", 500, "fc6", (404, 32, -90 - 99)),  # its first layer has 99 pixels of padding more
        ("googlenet", 224, "pool5/7x7_s1", (907, 32, -327)),
    ],
)
def test_published_figures(config, size, blob, field):
    assert said(fields_of(config, size)[BlobRef(blob)]) == field


def test_a_classifier_sees_the_whole_image():
    fields = fields_of("alexnet", 227)
    assert fields[BlobRef("fc6")].whole and fields[BlobRef("prob")].whole


def test_upsampled_scores_lie_on_the_image_again():
    fields = fields_of("fcn8s", 500)
    assert said(fields[BlobRef("upscore2")])[:2] == (404 + 32, 16)
    assert said(fields[BlobRef("score")])[1] == 1


def test_over_three_axes():
    shape = "shape { dim: 1 dim: 1 dim: 8 dim: 16 dim: 16 }"
    text = f'layer {{ name: "data" type: "Input" top: "data" input_param {{ {shape} }} }}'
    text += conv("c", "data", "kernel_size: 3 kernel_size: 5 kernel_size: 2 stride: 1 stride: 2 stride: 2")
    field = receptive_fields(infer_shapes(net_def(parse_net(text), "TEST")))[BlobRef("c")]
    assert field.size == (3, 5, 2) and field.box(1, 1, 1) == (1, 2, 2, 4, 7, 4)


def test_what_lies_in_no_grid():
    text = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 8 dim: 8 } } }'
    text += 'layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }'
    field = receptive_fields(infer_shapes(net_def(parse_net(text), "TEST")))[BlobRef("flat")]
    assert field.axes is None and not field.whole


def test_data_whose_shape_is_told():
    text = 'layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "none" batch_size: 2 } }'
    net = net_def(parse_net(text + conv("c", "data", "kernel_size: 3")), "TEST")
    assert infer_what_is_known(net)[0] == ()
    known = {BlobRef("data"): (2, 3, 9, 9), BlobRef("label"): (2,)}
    planned, errors = infer_what_is_known(net, known)
    assert [layer.tops for layer in planned] == [((2, 2, 7, 7),)] and not errors
    fields = receptive_fields(planned, known)
    assert said(fields[BlobRef("c")]) == (3, 1, 0) and BlobRef("label") not in fields
