"""Every generated config: its name, and the function that gives its text."""

from functools import partial

from configs.generate import (
    c3d,
    caffenet,
    densenet,
    inception_bn,
    inception_v3,
    lenet,
    mobilenet_ssd,
    mobilenet_v2,
    nin,
    resnet,
    resnet_cifar,
    resnext,
    squeezenet,
    ssd300_vgg16,
    super_resolution,
    vgg,
    wide_resnet,
    zfnet,
)
from configs.generate.keys import with_keys

_WRITERS = {
    "c3d": c3d.config,
    "caffenet_full_conv": caffenet.full_conv,
    "cifar10_resnet20": partial(resnet_cifar.config, 20, "269,722", "1,395", "8.75"),
    "cifar10_resnet56": partial(resnet_cifar.config, 56, "853,018", "4,119", "6.97"),
    "cifar10_wrn16_4": wide_resnet.config,
    "densenet121": partial(densenet.config, 121),
    "densenet169": partial(densenet.config, 169),
    "flickr_style": caffenet.flickr_style,
    "inception_bn": inception_bn.config,
    "inception_v3": inception_v3.config,
    **{f"lenet_{solver}": partial(lenet.by_solver, solver) for solver in lenet.SOLVERS},
    "lenet_6_16": lenet.lecture,
    "lenet_linear": lenet.linear,
    "mnist_dropout": lenet.dropout,
    "mobilenet_ssd": mobilenet_ssd.config,
    "mobilenet_v2": mobilenet_v2.config,
    "nin_imagenet": nin.config,
    "resnet18": resnet.config_18,
    "resnet50": partial(resnet.config, 50),
    "resnet101": partial(resnet.config, 101),
    "resnet152": partial(resnet.config, 152),
    "resnext50": resnext.config,
    "squeezenet1_0": partial(squeezenet.config, "1.0"),
    "squeezenet1_1": partial(squeezenet.config, "1.1"),
    "srcnn": super_resolution.srcnn,
    "ssd300_vgg16": ssd300_vgg16.config,
    "vdsr": super_resolution.vdsr,
    "vgg16": partial(vgg.config, 16),
    "vgg19": partial(vgg.config, 19),
    "zfnet": zfnet.config,
}
CONFIGS = {name: partial(with_keys, name, write) for name, write in _WRITERS.items()}
