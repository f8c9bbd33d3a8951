"""What the notebooks read and cannot be had any more, put where they look for it, in a copy of Caffe's files.

Weights are drawn, so that values keep their size from layer to layer; no score of them means anything. MNIST and the
photographs are those of ../shared.
"""

import gzip
import pathlib
import shutil
import subprocess
import sys

import numpy as np

import zoo.pycaffe as caffe
from zoo.formats import class_names

ROOT = pathlib.Path(__file__).resolve().parents[2]
NETS = ("bvlc_reference_caffenet", "bvlc_googlenet", "bvlc_reference_rcnn_ilsvrc13")
STYLES = 5
SCRIPTS = (  # that download or prepare what `prepare` has put there
    "data/ilsvrc12/get_ilsvrc_aux.sh",
    "data/mnist/get_mnist.sh",
    "examples/mnist/create_mnist.sh",
    "scripts/download_model_binary.py",
    "examples/finetune_flickr_style/assemble_data.py",
)
_NOTHING = "#!/usr/bin/env true\n"  # as a shell's script and as Python


def prepare(caffe_files, deep_dream_files, shared, siamese, folder):
    """Makes `folder`: `caffe` and `deepdream` as their repositories have them, and what they lack.

    Args:
        caffe_files, deep_dream_files: checkouts of BVLC/caffe and google/deepdream.
        shared: the folder of mnist and imagenet_sample.
        siamese: the .caffemodel of a trained configs/siamese_mnist.prototxt, or None.
        folder: a new directory.
    """
    for source, name in ((caffe_files, "caffe"), (deep_dream_files, "deepdream")):
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(".git"))
    root = folder / "caffe"
    for script in SCRIPTS:
        (root / script).write_text(_NOTHING, encoding="utf-8")
    for name in NETS:
        drawn(root / "models" / name / "deploy.prototxt", root / "models" / name / f"{name}.caffemodel")
    _ilsvrc(root)
    _mnist(root, shared / "mnist")
    _styles(root, sorted((shared / "imagenet_sample").glob("*.JPEG")))
    if siamese:
        shutil.copy(siamese, root / "examples/siamese/mnist_siamese_iter_50000.caffemodel")


def drawn(net_file, weights_file):
    """Writes weights for a net of images: He's normal, the first layer's divided by the deviation of pixels; no biases.

    Scores are then about as far apart as a trained net's, and probabilities neither 0 nor 1.
    """
    rng = np.random.default_rng(1)
    net = caffe.Net(str(net_file), caffe.TEST)
    for number, (weights, *_) in enumerate(net.params.values()):
        scale = np.sqrt(2 / np.prod(weights.shape[1:])) / (1 if number else 64)
        weights.data[...] = rng.standard_normal(weights.shape, np.float32) * scale
    net.save(str(weights_file))


def _ilsvrc(root):
    words = list(class_names.imagenet())
    (root / "data/ilsvrc12/synset_words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    found = words[:198] + ["n10000001 person", "n10000002 bicycle"]  # 200 classes as the R-CNN net has; names are ours
    (root / "data/ilsvrc12/det_synset_words.txt").write_text("\n".join(found) + "\n", encoding="utf-8")
    mean = np.load(root / "python/caffe/imagenet/ilsvrc_2012_mean.npy")
    blob = caffe.io.array_to_blobproto(mean[np.newaxis])
    (root / "data/ilsvrc12/imagenet_mean.binaryproto").write_bytes(blob.SerializeToString())


def _mnist(root, mnist):
    for file in mnist.glob("*.gz"):
        (root / "data/mnist" / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    records = root / "records"
    _run("data_prep.mnist", f"--idx_dir={mnist}", f"--output_dir={records}")
    for split in ("train", "test"):
        output = root / f"examples/mnist/mnist_{split}_lmdb"
        _run("data_prep.databases", f"--source={records / split}", "--backend=lmdb", f"--output={output}")


def _run(module, *arguments):
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=True)


def _styles(root, images):
    """Lists of photographs with labels 0..4 that mean nothing."""
    folder = root / "data/flickr_style"
    folder.mkdir()
    lines = [f"{path.resolve()} {number % STYLES}" for number, path in enumerate(images)]
    (folder / "train.txt").write_text("\n".join(lines[:80]) + "\n", encoding="utf-8")
    (folder / "test.txt").write_text("\n".join(lines[80:]) + "\n", encoding="utf-8")
