"""The nets of configs/ to deploy: sizes of inputs that no file tells, and what of them is compared."""

import pathlib

from zoo.export.conversion import convert

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"
DIGITS = {"data": (1, 1, 28, 28)}
SHAPES = {  # of inputs that no file can tell without its data
    "c3d": {"data": (1, 3, 16, 112, 112)},
    "cifar10_full": {"data": (1, 3, 32, 32)},
    "cifar10_nin": {"data": (1, 3, 32, 32)},
    "cifar10_quick": {"data": (1, 3, 32, 32)},
    "cifar10_sigmoid": {"data": (1, 3, 32, 32)},
    "cifar10_sigmoid_bn": {"data": (1, 3, 32, 32)},
    "fcn16s": {"data": (1, 3, 320, 288)},
    "fcn32s": {"data": (1, 3, 320, 288)},
    "fcn8s": {"data": (1, 3, 320, 288)},
    "lenet": DIGITS,
    **{f"lenet_{name}": DIGITS for name in ("6_16", "adadelta", "adagrad", "adam", "finetune", "linear", "multistep")},
    "lenet_nesterov": DIGITS,
    "lenet_rmsprop": DIGITS,
    "logreg_hdf5": {"data": (1, 4)},
    "mnist_autoencoder": DIGITS,
    "mnist_dropout": DIGITS,
    "lstm_captioner": {"cont_sentence": (20, 2), "input_sentence": (20, 2), "image_features": (2, 1000)},
    "pspnet50": {"data": (1, 3, 473, 473)},
    "segnet_basic": {"data": (1, 3, 24, 32)},
    "siamese_mnist": {"pair_data": (1, 2, 28, 28)},
    "srcnn": {"data": (1, 1, 33, 33)},
    "vdsr": {"data": (1, 1, 41, 41)},
}
NAMES = sorted(path.stem for path in CONFIGS.glob("*.prototxt"))


def scored(config, shapes, **more):
    """Returns the `Conversion` of a config that gives scores, not probabilities.

    Probabilities of weights that nobody has trained are 0 and 1, whatever goes in.
    """
    message = convert(config, shapes=shapes).message
    scores = [layer.bottom[0] for layer in message.layer if layer.type == "Softmax"]
    return convert(config, shapes=shapes, outputs=scores, **more)
