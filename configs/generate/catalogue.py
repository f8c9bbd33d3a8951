"""Every generated config: its name, and the function that gives its text."""

from configs.generate import mobilenet_ssd, resnet_cifar, ssd300_vgg16

CONFIGS = {
    "cifar10_resnet20": lambda: resnet_cifar.config(20, "269,722", "1,395", "8.75"),
    "mobilenet_ssd": mobilenet_ssd.config,
    "ssd300_vgg16": ssd300_vgg16.config,
}
