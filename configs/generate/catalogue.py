"""Every generated config: its name, and the function that gives its text."""

from functools import partial

from configs.generate import (
    densenet,
    inception_bn,
    inception_v3,
    mobilenet_ssd,
    mobilenet_v2,
    nin,
    resnet,
    resnet_cifar,
    resnext,
    squeezenet,
    ssd300_vgg16,
    vgg,
    zfnet,
)
from configs.generate.keys import with_keys

_WRITERS = {
    "cifar10_resnet20": partial(resnet_cifar.config, 20, "269,722", "1,395", "8.75"),
    "cifar10_resnet56": partial(resnet_cifar.config, 56, "853,018", "4,119", "6.97"),
    "densenet121": partial(densenet.config, 121),
    "densenet169": partial(densenet.config, 169),
    "inception_bn": inception_bn.config,
    "inception_v3": inception_v3.config,
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
    "ssd300_vgg16": ssd300_vgg16.config,
    "vgg16": partial(vgg.config, 16),
    "vgg19": partial(vgg.config, 19),
    "zfnet": zfnet.config,
}
CONFIGS = {name: partial(with_keys, name, write) for name, write in _WRITERS.items()}
