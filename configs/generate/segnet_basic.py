"""SegNet-Basic on CamVid: Badrinarayanan, Kendall and Cipolla, arXiv 1511.00561, as in alexgkendall/SegNet-Tutorial."""

from configs.generate.imagenet import BIAS, MSRA, POOL, WEIGHT, window
from configs.generate.sketch import Sketch

FILLERS = MSRA | {"bias_filler": {"type": "constant"}}
STATISTICS = {"scale_filler": {"type": "constant", "value": 1}, "shift_filler": {"type": "constant", "value": 0.001}}
UNLABELLED = 11
CLASS_WEIGHTS = (0.2595, 0.1826, 4.564, 0.1417, 0.9051, 0.3826, 9.6446, 1.8418, 0.6823, 6.2478, 7.3614)


def convolution(net, name, bottom, relu=None):
    """Adds a convolution of 7 x 7 with SegNet's BN in place and, where `relu` names it, a ReLU."""
    top = net.add(name, "Convolution", bottom, num_output=64, param=[WEIGHT, BIAS], **window(7, 1, 3), **FILLERS)
    top = net.add(f"{name}_bn", "BN", top, in_place=True, bn_param=STATISTICS)
    return net.add(relu, "ReLU", top, in_place=True) if relu else top


def data():
    """Returns the fields of the data layer in TRAIN and in TEST."""
    train, test = (
        {"dense_image_data_param": {"source": f"camvid/{split}.txt", "batch_size": count} | more}
        for split, count, more in (("train", 4, {"shuffle": True}), ("test", 1, {}))
    )
    return train, test


def sketch():
    """Returns the net."""
    net = Sketch("SegNet-Basic", *data(), kind="DenseImageData")
    net.section("Encoder: 360 x 480 -> 23 x 30. Each pooling keeps where its maxima were.")
    top, masks = net.add("norm", "LRN", net.data, local_size=5, alpha=0.0001, beta=0.75), {}
    for number in range(1, 5):
        top = convolution(net, f"conv{number}", top, f"relu{number}")
        blobs = f"pool{number}", f"pool{number}_mask"
        top, masks[number] = net.add(blobs[0], "Pooling", top, blob=blobs, pool=POOL.MAX, **window(2, 2))
    net.section("Decoder: each value goes back to where it was the maximum. 45 rows became 23, so one goes.")
    for number in range(4, 0, -1):
        odd = {"pad_out_h": True} if number == 4 else {}
        top = net.add(f"upsample{number}", "Upsample", top, masks[number], upsample_param={"scale": 2} | odd)
        top = convolution(net, f"conv_decode{number}", top)
    net.section("Eleven classes for each pixel.")
    rates = {"param": [WEIGHT, BIAS]}
    top = net.add("conv_classifier", "Convolution", top, num_output=11, **rates, **window(1), **FILLERS)
    net.accuracy("accuracy", top, accuracy_param={"ignore_label": UNLABELLED})
    weights = {"weight_by_label_freqs": True, "class_weighting": list(CLASS_WEIGHTS)}
    loss = {"ignore_label": UNLABELLED, "normalize": True} | weights
    net.add("loss", "SoftmaxWithLoss", top, net.label, loss_param=loss)
    return net


SOLVER = {
    "base_lr": 0.1,
    "lr_policy": "fixed",
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "max_iter": 10000,
    "display": 20,
    "test_iter": (233, "the test images"),
    "test_interval": 1000,
    "test_initialization": False,
    "snapshot": 1000,
}

HEADER = """
SegNet-Basic on CamVid, 11 classes of street scenes: Badrinarayanan, Kendall and Cipolla, arXiv 1511.00561, with the
layers, names and recipe of alexgkendall/SegNet-Tutorial (Models/segnet_basic_train.prototxt and its solver), for the
fork alexgkendall/caffe-segnet. 1,416,587 parameters.

  python -m zoo.train --config=configs/segnet_basic.prototxt

Score of the original authors, not run here: 82.8 % of the pixels, 62.3 % as the mean of the classes, 46.3 mean IU on
the 233 test images (their tutorial's table, as chainer/chainercv examples/segnet/README.md quotes it). The accuracy
in its test is of pixels. The fork's BN takes the batch's own statistics in tests too; the authors' scores are of
weights into which Scripts/compute_bn_statistics.py of the tutorial folded those of the training images, with
bn_mode: INFERENCE. Differs from theirs: it is tested each 1,000 iterations, one image a batch, without the pixels
that have no label, where theirs tests never; and the rate is called fixed where theirs has steps that it never
reaches.

Data: two lists, camvid/train.txt and camvid/test.txt, with the paths of an image and of its label image a line, below
--data_dir. A label image is gray, 360 x 480 as the image, with classes from 0 to 10, and 11 where there is no label.
The folder CamVid of the tutorial's repository has both, 367 and 233 images, and lists with paths of another folder.
"""


def config():
    """Returns the text of the config."""
    return sketch().text("segnet_basic", HEADER, SOLVER)
