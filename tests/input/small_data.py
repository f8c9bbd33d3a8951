"""Small data layers and splits for the tests of this directory."""

import numpy as np
from google.protobuf import text_format

from zoo.errors import Place
from zoo.formats import caffe_pb2, records
from zoo.formats.records_writer import SplitWriter
from zoo.input.transform import make_transform
from zoo.layers import lookup
from zoo.netdef.netdef import BlobRef, LayerDef


def layer(text, file="nets/net.prototxt"):
    """Returns the `LayerDef` of a layer's text, without line numbers."""
    message = text_format.Parse(text, caffe_pb2.LayerParameter())
    bottoms, tops = (tuple(map(BlobRef, blobs)) for blobs in (message.bottom, message.top))
    return LayerDef(message.name, message.type, bottoms, tops, message, Place(file, 1, message.name, message.type))


def data_layer(source, batch_size=4, transform="", data="", tops=("data", "label"), name="d", file="nets/net.prototxt"):
    """Returns the `LayerDef` of a Data layer."""
    tops = " ".join(f'top: "{top}"' for top in tops)
    return layer(
        f'name: "{name}" type: "Data" {tops} transform_param {{ {transform} }} '
        f'data_param {{ source: "{source}" batch_size: {batch_size} {data} }}',
        file,
    )


def transform_of(layer, phase, seed=0, data_dir=None):
    """Returns the `Transform` of a data layer (`LayerDef`)."""
    return make_transform(layer, lookup(layer)(layer).spec.transform, phase, seed, data_dir)


def pictures(count, height, width, channels, seed=0):
    """Returns uint8 noise (count, height, width, channels)."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, channels), np.uint8)


def write_raw(folder, images, labels=None, shards=(None,), split="train", order="BGR"):
    """Writes raw records, `shards` giving how many go into each file (None: the rest); returns the prefix."""
    labels = range(len(images)) if labels is None else labels
    done = 0
    with SplitWriter(folder, split, len(shards)) as writer:
        for index, count in enumerate(shards):
            end = len(images) if count is None else done + count
            writer.shard(index, [records.raw_example(images[i], labels[i], order=order) for i in range(done, end)])
            done = end
        size, channels = images.shape[1:3], images.shape[3]
        writer.finish(**_fields("raw", channels, size, size, order))
    return folder / split


def write_files(folder, files, sizes, split="train", encoding="jpeg"):
    """Writes encoded records of `files` (bytes) of `sizes` (H, W), labels counting up; returns the prefix."""
    with SplitWriter(folder, split, 1) as writer:
        writer.shard(
            0, [records.encoded_example(f, encoding, (*size, 3), i) for i, (f, size) in enumerate(zip(files, sizes))]
        )
        shape = sizes[0] if len(set(sizes)) == 1 else None
        smallest = tuple(min(side) for side in zip(*sizes))
        writer.finish(**_fields(encoding, 3, shape, smallest))
    return folder / split


def _fields(encoding, channels, shape, smallest, order="BGR"):
    return {
        "encoding": encoding,
        "features": records.features("tfds", encoding),
        "channels": channels,
        "channel_order": "gray" if channels == 1 else order,
        "image_shape": shape,
        "min_size": smallest,
        "classes": ("a",),
        "prepare": "python -m data_prep.made_up",
    }


def take(dataset, count):
    """Returns the first `count` elements as tuples of arrays."""
    return list(dataset.take(count).as_numpy_iterator())
