"""Receptive fields against what changes when one pixel of the input does, in the reference implementation."""

import numpy as np
import pytest

from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.netdef.netdef import BlobRef
from zoo.netdef.receptive_field import receptive_fields
from zoo.netdef.shape_inference import infer_shapes
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
                if inside and ref.name != "u":  # behind strides it depends on where between them a value lies
                    tight += 1
                    assert got == box, (ref, y, x)
    assert tight > 100


def test_what_depends_on_all_of_the_input_says_so():
    planned, _ = changed(NETS["dense"])
    field = receptive_fields(planned)[BlobRef("i")]
    assert field.axes is None
    assert field.box() == (0, 0, HEIGHT, WIDTH)
