"""Typical mistakes: what a user wrote or gave, by section and name; `messages.txt` holds what is printed for each."""

import pathlib

from zoo.converters.solver import solver_def
from zoo.export import input_shapes
from zoo.formats import blobproto, caffemodel, databases, idx, image_list, prototxt, records, solverstate, training_log
from zoo.input.pipeline import data_layer
from zoo.input.window_file import read_windows
from zoo.netdef.config import open_config
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes
from zoo.training.run_options import RunOptions

X = 'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 2 dim: 4 dim: 7 dim: 6 } } }\n'
SOLVER = 'net: "net.prototxt"\nbase_lr: 0.1\nlr_policy: "fixed"\nmax_iter: 10\n'


def net(text, inputs=X, phase="TRAIN"):
    """Returns a function that reads the net and infers its shapes."""
    return lambda: infer_shapes(net_def(prototxt.parse_net(inputs + text, "net.prototxt"), phase))


def one(type_, body="", bottoms=("x",), tops=("y",), inputs=X, phase="TRAIN"):
    """As `net`, of one layer on line 2 under the inputs on line 1."""
    blobs = "".join(f'bottom: "{b}" ' for b in bottoms) + "".join(f'top: "{t}" ' for t in tops)
    return net(f'layer {{ name: "l" type: "{type_}" {blobs}{body} }}\n', inputs, phase)


def two(second, type_, body="", **more):
    """As `one`, with a second bottom of the shape `second`."""
    dims = " ".join(f"dim: {dim}" for dim in second)
    inputs = f'{X[:-1]} layer {{ name: "z" type: "Input" top: "z" input_param {{ shape {{ {dims} }} }} }}\n'
    return one(type_, body, ("x", "z"), inputs=inputs, **more)


def solver(changes="", without=()):
    """Returns a function that reads a solver with fields added or left out."""
    lines = [line for line in SOLVER.splitlines() if line.partition(":")[0] not in without]
    text = "\n".join([*lines, *filter(None, [changes])]) + "\n"
    return lambda: solver_def(prototxt.parse_solver(text, "solver.prototxt"))


def data(text, phase="TRAIN"):
    """Returns a function that opens the data layer of a net."""

    def open_layer():
        definition = net_def(prototxt.parse_net(text, "net.prototxt"), phase)
        data_layer(definition.layers[0], phase)

    return open_layer


def file(read, name, content=None, folder=False):
    """Returns a function that reads a file with that content; without, there is none."""

    def run():
        path = pathlib.Path(name)
        if folder:
            path.mkdir(exist_ok=True)
        elif content is not None:
            path.write_bytes(content)
        read(name)

    return run


def source(type_, param, body, transform=""):
    """Returns a function that opens a data layer of that type."""
    tops = 'top: "data" top: "label"'
    return data(f'layer {{ name: "d" type: "{type_}" {tops} {param} {{ {body} }} transform_param {{ {transform} }} }}')


CONV = "convolution_param"
ONES = "num_output: 2 kernel_size: 1"

MISTAKES = {
    "The text of a net": {
        "a brace that is missing": net('layer { name: "a" type: "ReLU" bottom: "x" top: "y"\n'),
        "a brace too many": net('layer { name: "a" type: "ReLU" bottom: "x" top: "y" } }\n'),
        "a string without its end": net('layer { name: "a type: "ReLU" }\n'),
        "a misspelt field": net('layer { nmae: "a" type: "ReLU" bottom: "x" top: "y" }\n'),
        "a misspelt field of a message": one("Convolution", f"{CONV} {{ num_output: 2 kernel_sise: 3 }}"),
        "text for a number": one("Convolution", f'{CONV} {{ num_output: "two" kernel_size: 3 }}'),
        "a word without quotes": net('layer { name: a type: "ReLU" }\n'),
        "an unknown value of an enum": one("Pooling", "pooling_param { pool: MEAN kernel_size: 2 }"),
        "a field given twice": net('layer { name: "a" name: "b" type: "ReLU" bottom: "x" top: "y" }\n'),
        "a comment of another language": net("// the first layer\n"),
        "marks of a git merge": net("<<<<<<< HEAD\n"),
        "old and new layers": net('layers { name: "a" type: RELU bottom: "x" top: "y" }\n'),
        "an empty file": net("", inputs=""),
    },
    "The layers of a net": {
        "an unknown layer type": one("Convolutoin"),
        "a layer type of Keras": one("Conv2D"),
        "a layer type of a fork": one("VideoData"),
        "a layer without a type": net('layer { name: "a" bottom: "x" top: "y" }\n'),
        "a bottom that is misspelt": one("ReLU", bottoms=("X",)),
        "a bottom that is produced later": net(
            'layer { name: "a" type: "ReLU" bottom: "z" top: "y" }\n'
            'layer { name: "b" type: "ReLU" bottom: "x" top: "z" }\n'
        ),
        "a bottom of the other phase": net(
            'layer { name: "a" type: "ReLU" bottom: "x" top: "z" include { phase: TEST } }\n'
            'layer { name: "b" type: "ReLU" bottom: "z" top: "y" }\n'
        ),
        "a top that is produced twice": net(
            'layer { name: "a" type: "ReLU" bottom: "x" top: "y" }\n'
            'layer { name: "b" type: "TanH" bottom: "x" top: "y" }\n'
        ),
        "include and exclude": one("ReLU", "include { phase: TRAIN } exclude { stage: 's' }"),
        "too many bottoms": two((2,), "ReLU"),
        "too many tops": one("ReLU", tops=("y", "z")),
        "in place where Caffe cannot": one("Pooling", "pooling_param { kernel_size: 2 }", tops=("x",)),
        "an input without a shape": one("ReLU", inputs='input: "x"\n'),
        "too many param": one("ReLU", "param { lr_mult: 1 }"),
    },
    "Fields and shapes of layers": {
        "no num_output": one("Convolution", f"{CONV} {{ kernel_size: 3 }}"),
        "no kernel_size": one("Convolution", f"{CONV} {{ num_output: 2 }}"),
        "three kernel sizes": one("Convolution", f"{CONV} {{ num_output: 2 {'kernel_size: 3 ' * 3} }}"),
        "both ways to give a kernel": one(
            "Convolution", f"{CONV} {{ num_output: 2 kernel_size: 3 kernel_h: 3 kernel_w: 3 }}"
        ),
        "a stride of 0": one("Convolution", f"{CONV} {{ num_output: 2 kernel_size: 3 stride: 0 }}"),
        "a kernel larger than its bottom": one("Convolution", f"{CONV} {{ num_output: 2 kernel_size: 9 }}"),
        "groups that do not divide the channels": one(
            "Convolution", f"{CONV} {{ num_output: 6 kernel_size: 3 group: 3 }}"
        ),
        "groups that do not divide num_output": one(
            "Convolution", f"{CONV} {{ num_output: 5 kernel_size: 3 group: 2 }}"
        ),
        "a deconvolution that is all padding": one(
            "Deconvolution", f"{CONV} {{ num_output: 2 kernel_size: 1 pad: 9 }}"
        ),
        "a pooling kernel of 0": one("Pooling", "pooling_param { kernel_size: 0 }"),
        "pooling padded as far as its kernel": one("Pooling", "pooling_param { kernel_size: 3 pad: 3 }"),
        "global pooling with a kernel": one("Pooling", "pooling_param { global_pooling: true kernel_size: 3 }"),
        "no num_output of an InnerProduct": one("InnerProduct"),
        "an axis that there is not": one("InnerProduct", "inner_product_param { num_output: 2 axis: 5 }"),
        "an even LRN window": one("LRN", "lrn_param { local_size: 4 }"),
        "dropout of everything": one("Dropout", "dropout_param { dropout_ratio: 1 }"),
        "a Reshape of another size": one("Reshape", "reshape_param { shape { dim: 5 } }"),
        "a Reshape that cannot be inferred": one("Reshape", "reshape_param { shape { dim: 5 dim: -1 } }"),
        "a Slice that does not divide": one("Slice", tops=("p", "q", "r")),
        "a slice_point too few": one("Slice", "slice_param { slice_point: 1 }", tops=("p", "q", "r")),
        "a Concat of unlike bottoms": two((2, 4, 7, 5), "Concat"),
        "an Eltwise of unlike bottoms": two((2, 4, 7, 5), "Eltwise"),
        "an Eltwise coeff too few": two((2, 4, 7, 6), "Eltwise", "eltwise_param { coeff: 1 }"),
        "a Crop beyond the end": two((2, 4, 9, 6), "Crop"),
        "a Scale of other channels": two((3,), "Scale"),
        "a Flatten backwards": one("Flatten", "flatten_param { axis: 3 end_axis: 1 }"),
        "top_k larger than the classes": two((2, 7, 6), "Accuracy", "accuracy_param { top_k: 9 }"),
        "labels that do not fit": two((3,), "SoftmaxWithLoss"),
        "a Euclidean loss of unlike items": two((2, 5), "EuclideanLoss"),
        "a hinge loss of too many labels": two((2, 2), "HingeLoss"),
        "a contrastive loss of unlike pairs": net(
            'layer { name: "l" type: "ContrastiveLoss" bottom: "x" bottom: "x" bottom: "x" top: "y" }\n'
        ),
        "an SPP pyramid too high": one("SPP", "spp_param { pyramid_height: 5 }"),
        "a Tile of nothing": one("Tile", "tile_param { tiles: 0 }"),
        "an Embed without sizes": one("Embed", "embed_param { num_output: 2 }"),
        "a DummyData without shapes": net('layer { name: "l" type: "DummyData" top: "y" }\n', inputs=""),
        "a Python layer": one("Python", 'python_param { module: "mine" layer: "Mine" }'),
    },
    "Solvers": {
        "a misspelt field": solver("base_rl: 0.1", without=["base_lr"]),
        "no net": solver(without=["net"]),
        "two training nets": solver('train_net: "other.prototxt"'),
        "no base_lr": solver(without=["base_lr"]),
        "no lr_policy": solver(without=["lr_policy"]),
        "an unknown lr_policy": solver('lr_policy: "stpe"', without=["lr_policy"]),
        "lr_policy step without stepsize": solver('lr_policy: "step" gamma: 0.1', without=["lr_policy"]),
        "an unknown type": solver('type: "Adm"'),
        "momentum of 1": solver("momentum: 1"),
        "momentum for AdaGrad": solver('type: "AdaGrad" momentum: 0.9'),
        "iter_size of 0": solver("iter_size: 0"),
        "test_iter without test_interval": solver("test_iter: 10"),
        "a test_iter too many": solver(
            'train_net: "n" test_net: "t" test_iter: 1 test_iter: 2 test_interval: 5', ["net"]
        ),
        "a test_iter below 0": solver("test_iter: -1 test_interval: 5"),
        "an unknown regularization_type": solver('regularization_type: "L3"'),
        "several mistakes": solver('momentum: 2 display: -1 type: "Adm"', without=["net"]),
        "epochs as in Keras": solver("epochs: 5"),
        "several GPUs": solver("device_id: 0,1"),
    },
    "Data": {
        "a source that is not there": source("Data", "data_param", 'source: "data/mnist/train" batch_size: 4'),
        "no source": source("Data", "data_param", "batch_size: 4"),
        "no batch_size": source("Data", "data_param", 'source: "data/mnist/train"'),
        "mean_file and mean_value": source(
            "Data", "data_param", 'source: "s" batch_size: 4', 'mean_file: "m" mean_value: 1'
        ),
        "a list that is not there": source("ImageData", "image_data_param", 'source: "train.txt" batch_size: 4'),
        "new_height alone": source("ImageData", "image_data_param", 'source: "train.txt" batch_size: 4 new_height: 8'),
        "an HDF5 list that is not there": data(
            'layer { name: "d" type: "HDF5Data" top: "data" hdf5_data_param { source: "h5.txt" batch_size: 4 } }'
        ),
        "a list without labels": file(image_list.read_list, "list.txt", b"cat/1.jpg\n"),
        "an empty list": file(image_list.read_list, "list.txt", b""),
        "an IDX file that is none": file(idx.read_idx_images, "train-images-idx3-ubyte", b"<html>not found</html>"),
        "an IDX file cut short": file(
            idx.read_idx_images, "train-images-idx3-ubyte", bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7])
        ),
        "a database that is none": file(databases.Database, "train_lmdb", folder=True),
        "a card that is no JSON": file(lambda name: records.read_card("train"), "train.json", b"{"),
        "a mean file that is none": file(blobproto.read_mean, "mean.binaryproto", b"not a blob at all"),
        "a window file that is none": file(read_windows, "windows.txt", b"1 2 3\n"),
        "a log that is none": file(training_log.read, "train.log", b"hello\n"),
    },
    "Weights and snapshots": {
        "a .caffemodel that is not there": file(caffemodel.read, "lenet.caffemodel"),
        "an empty .caffemodel": file(caffemodel.read, "lenet.caffemodel", b""),
        "a Git LFS pointer": file(
            caffemodel.read, "lenet.caffemodel", b"version https://git-lfs.github.com/spec/v1\noid"
        ),
        "a web page": file(caffemodel.read, "lenet.caffemodel", b"<!DOCTYPE html><html>"),
        "a prototxt": file(caffemodel.read, "lenet.prototxt", b'name: "LeNet"\nlayer {\n}\n'),
        "a directory": file(caffemodel.read, "weights", folder=True),
        "a gzip archive": file(caffemodel.read, "lenet.caffemodel", b"\x1f\x8b\x08\x00\x00\x00\x00\x00"),
        "bytes that are no message": file(caffemodel.read, "lenet.caffemodel", b"\x0a\x04net\x00"),
        "a .solverstate that is not there": file(solverstate.read, "lenet_iter_10.solverstate"),
        "an empty .solverstate": file(solverstate.read, "lenet_iter_10.solverstate", b""),
    },
    "Commands": {
        "a config that is not there": lambda: open_config("lenet_solver.prototxt"),
        "a config that is a directory": file(open_config, "configs", folder=True),
        "a config that is binary": file(open_config, "lenet.caffemodel", b"\x0a\x05LeNet\x00\x01\x02"),
        "an empty config": file(open_config, "empty.prototxt", b"\n"),
        "--input_shape without its blob": lambda: input_shapes.parse(["1,3,227,227"]),
        "--input_shape twice": lambda: input_shapes.parse(["data: 1,3,8,8", "data: 1,3,9,9"]),
        "--set of an unknown field": lambda: prototxt.merge(
            "base_rl: 1", prototxt.parse_solver(SOLVER, "solver.prototxt")
        ),
        "--snapshot and --weights": lambda: RunOptions(snapshot="lenet_iter_10.solverstate", weights=["a.caffemodel"]),
        "an unknown precision": lambda: RunOptions(precision="mixed_float32"),
        "one weights file that is not in a list": lambda: RunOptions(weights="a.caffemodel"),
    },
}
