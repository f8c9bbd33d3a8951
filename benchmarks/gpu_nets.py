"""AlexNet and ResNet-50 as one would write them by hand in PyTorch for one GPU: peers of the StableHLO step.

The nets are those of configs/alexnet.prototxt and configs/resnet50.prototxt. Each step is forward, backward and SGD
with momentum on one batch that lies on the card, channels last. bfloat16 is autocast's: parameters stay float32.
"""

import torch
from torch import nn


def alexnet():
    """The BVLC variant: two columns as groups, LRN after ReLU, Dropout."""

    def conv(*args, **kwargs):
        return [nn.Conv2d(*args, **kwargs), nn.ReLU(inplace=True)]

    def norm():
        return nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0)

    return nn.Sequential(
        *conv(3, 96, 11, 4), norm(), nn.MaxPool2d(3, 2),
        *conv(96, 256, 5, padding=2, groups=2), norm(), nn.MaxPool2d(3, 2),
        *conv(256, 384, 3, padding=1),
        *conv(384, 384, 3, padding=1, groups=2),
        *conv(384, 256, 3, padding=1, groups=2), nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.Linear(9216, 4096), nn.ReLU(inplace=True), nn.Dropout(),
        nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(),
        nn.Linear(4096, 1000),
    )  # fmt: skip


class _Bottleneck(nn.Module):
    """1x1 with the stride, 3x3, 1x1, and a projection where the shape changes (the Caffe release's order)."""

    def __init__(self, inside, width, stride=1):
        super().__init__()

        def conv(a, b, kernel, step=1):
            return [nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False), nn.BatchNorm2d(b)]

        self.body = nn.Sequential(
            *conv(inside, width, 1, stride), nn.ReLU(inplace=True),
            *conv(width, width, 3), nn.ReLU(inplace=True),
            *conv(width, 4 * width, 1),
        )  # fmt: skip
        same = inside == 4 * width
        self.past = nn.Identity() if same else nn.Sequential(*conv(inside, 4 * width, 1, stride))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        """(N,C,H,W) -> (N,4*width,H',W')."""
        return self.relu(self.body(x) + self.past(x))


def resnet50():
    """Stem, four stages of 3, 4, 6 and 3 bottlenecks, mean over the plane, 1000 classes."""
    layers = [nn.Conv2d(3, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
    inside = 64
    for stage, count in enumerate((3, 4, 6, 3)):
        for number in range(count):
            width = 64 << stage
            layers.append(_Bottleneck(inside, width, 2 if stage and not number else 1))
            inside = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))


NETS = {"alexnet": alexnet, "resnet50": resnet50}


class Step:
    """One iteration of a net on one batch.

    Args:
        name: a key of `NETS`.
        images: float32 (N,H,W,C) array.
        labels: int array (N,).
        precision: "float32", "tf32" or "bfloat16"; the first two are settings of the whole process, made at each call.
        device: where it runs.
    """

    def __init__(self, name, images, labels, precision, device="cuda"):
        self.net = NETS[name]().to(device, memory_format=torch.channels_last)
        self.device, self.precision = device, precision
        images = torch.from_numpy(images).permute(0, 3, 1, 2)
        self.images = images.to(device).contiguous(memory_format=torch.channels_last)
        self.labels = torch.from_numpy(labels).long().to(device)
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.01, 0.9, weight_decay=0.0005)
        self.loss = nn.functional.cross_entropy
        torch.backends.cudnn.benchmark = True

    def __call__(self):
        """Makes one iteration; returns the loss, still on the card."""
        fast = self.precision != "float32"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = fast
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bfloat16"):
            loss = self.loss(self.net(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss
