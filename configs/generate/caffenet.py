"""Nets made of CaffeNet: fine-tuned on Flickr Style, and with convolutions for its inner products (net surgery)."""

from configs.generate.imagenet import BIAS, MEAN, POOL, TESTS, WEIGHT, commands, conv_relu, data, hidden, window
from configs.generate.sketch import Sketch


def fields(std, bias=0):
    """Returns rates and fillers."""
    filler = {"weight_filler": {"type": "gaussian", "std": std}, "bias_filler": {"type": "constant", "value": bias}}
    return {"param": [WEIGHT, BIAS], **filler}


def body(net):
    """Adds the five convolutions, with a pooling before each normalisation; returns the top, 6 x 6 for 227 x 227."""
    top = net.data
    for number, (channels, shape, bias) in enumerate(
        (
            (96, window(11, 4), 0),
            (256, window(5, 1, 2, group=2), 1),
            (384, window(3, 1, 1), 0),
            (384, window(3, 1, 1, group=2), 1),
            (256, window(3, 1, 1, group=2), 1),
        ),
        1,
    ):
        top = conv_relu(net, f"conv{number}", top, channels, shape, f"relu{number}", **fields(0.01, bias))
        if number in (1, 2, 5):
            top = net.add(f"pool{number}", "Pooling", top, pool=POOL.MAX, **window(3, 2))
        if number < 3:
            top = net.add(f"norm{number}", "LRN", top, local_size=5, alpha=0.0001, beta=0.75)
    return top


STYLE_SOLVER = {
    "base_lr": 0.001,
    "lr_policy": "step",
    "gamma": 0.1,
    "stepsize": 20000,
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "max_iter": 100000,
    "display": 20,
    "test_iter": (100, "100 batches of 50"),
    "test_interval": 1000,
    "snapshot": 10000,
}

STYLE = """
CaffeNet fine-tuned on Flickr Style, 20 kinds of photographs: Karayev et al., arXiv 1311.3715, as in Caffe's
models/finetune_flickr_style. The new last layer, fc8_flickr, learns ten times faster. 56,950,164 parameters.

  python -m zoo.train --config=configs/flickr_style.prototxt --weights=bvlc_reference_caffenet.caffemodel

Score of the original authors, not run here: 39.16 % after 100,000 iterations on all 80,000 images (BVLC/caffe
models/finetune_flickr_style/readme.md). The recipe is theirs. Differs from theirs: three channel means, not the
mean image.

Data: two lists, flickr_style/train.txt and flickr_style/test.txt, with the path of an image and its style from 0 to
19 a line, below --data_dir. Caffe's examples/finetune_flickr_style/assemble_data.py makes such lists and fetches
the images.
"""


def flickr_style():
    """Returns the text of the config for Flickr Style."""
    train, test = (
        {
            "transform_param": {"mirror": mirror, "crop_size": 227, "mean_value": list(MEAN)},
            "image_data_param": {"source": f"flickr_style/{split}.txt", "batch_size": 50}
            | {"new_height": 256, "new_width": 256},
        }
        for split, mirror in (("train", True), ("test", False))
    )
    net = Sketch("FlickrStyleCaffeNet", train, test, kind="ImageData")
    top = body(net)
    for number in (6, 7):
        top = hidden(net, number, top, **fields(0.005, 1))
    net.section("The new layer.")
    ten = {"param": [{"lr_mult": 10, "decay_mult": 1}, {"lr_mult": 20, "decay_mult": 0}]}
    net.scores(net.add("fc8_flickr", "InnerProduct", top, num_output=20, **fields(0.01) | ten))
    return net.text("flickr_style", STYLE, STYLE_SOLVER)


FULL_SOLVER = {
    "base_lr": 0.0001,
    "lr_policy": "fixed",
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "max_iter": (50000, "10 epochs"),
    "display": 20,
    **TESTS,
    "test_interval": 5000,
    "snapshot": 10000,
}

FULL = """
CaffeNet with convolutions for its inner products, so that it takes images of any size and gives a map of scores:
Caffe's examples/net_surgery (bvlc_caffenet_full_conv.prototxt), with its layers and names. 60,965,224 parameters,
CaffeNet's own.

{commands} --weights=bvlc_caffenet_full_conv.caffemodel

Score: none is published, and it is not run here; on 227 x 227 it computes what CaffeNet does. An image of 451 x 451
gives 8 x 8 scores, one for each window of 227 with a stride of 32. The example only applies the net; the recipe, a
slow rate from CaffeNet's weights on, is ours.

Weights: those of CaffeNet, each array of fc6, fc7 and fc8 copied value by value into fc6-conv, fc7-conv and
fc8-conv, as the notebook examples/net_surgery.ipynb of Caffe does by pycaffe: to.params['fc6-conv'][0].data.flat =
net.params['fc6'][0].data.flat.
"""


def full_conv():
    """Returns the text of the config of the net with convolutions only."""
    net = Sketch("CaffeNetConv", *data(256, size=227))
    top = body(net)
    for number, size in ((6, 6), (7, 1)):
        top = hidden(net, number, top, "Convolution", f"fc{number}-conv", **window(size), **fields(0.005, 1))
    net.scores(net.add("fc8-conv", "Convolution", top, num_output=1000, **window(1), **fields(0.01)), top5=True)
    name = "caffenet_full_conv"
    return net.text(name, FULL.format(commands=commands(name)), FULL_SOLVER)
