"""SmoothL1Loss in its three meanings, SmoothL1LossOHEM, L1Loss and SoftmaxWithLossOHEM."""

import numpy as np

from zoo.reference import loss
from zoo.reference.layer import enum_name


def _huber(d, sigma=1.0):
    below = np.abs(d) < 1 / sigma**2
    return np.where(below, (sigma * d) ** 2 / 2, np.abs(d) - 0.5 / sigma**2)


def smooth_l1_loss(layer, a, b, *weights):
    """Fast R-CNN's with two weights or a sigma, R-FCN's with one weight, loss_param or two tops, else SSD's."""
    message = layer.message
    if len(weights) == 1 or message.HasField("loss_param") or len(message.top) == 2:
        return smooth_l1_loss_ohem(layer, a, b, *weights)
    inside, outside = (x.reshape(a.shape) for x in weights) if weights else (1.0, 1.0)
    sigma = message.smooth_l1_loss_param.sigma
    return (outside * _huber(inside * (a - b.reshape(a.shape)), sigma)).sum() / len(a)  # smooth_L1_loss_layer.cu:29-56


def smooth_l1_loss_ohem(layer, a, b, weight=None):
    """Divided as loss_param says; second top: summed over channels (smooth_L1_loss_ohem_layer.cpp:140-195)."""
    n, c, h, w = (*a.shape, 1, 1, 1)[:4]
    weight = 1.0 if weight is None else weight.reshape(a.shape)
    each = _huber(weight * (a - b.reshape(a.shape))).reshape(n, c, h, w).sum(1, keepdims=True)
    p = layer.message.loss_param
    if p.HasField("normalize") and not p.HasField("normalization"):
        divisor = n * h * w if p.normalize else n
    else:
        fixed = p.pre_fixed_normalizer
        divisor = {"FULL": n * h * w, "VALID": n * h * w, "BATCH_SIZE": n, "NONE": 1, "PRE_FIXED": fixed}[
            enum_name(p, "normalization")
        ]
    return each.sum() / max(1.0, divisor), each


def l1_loss(layer, a, b):
    """Sum of distances over the batch (l1_loss_layer.cpp:23-37)."""
    return np.abs(a.ravel() - b.ravel()).sum() / len(a)


LAYERS = {
    "L1Loss": l1_loss,
    "SmoothL1Loss": smooth_l1_loss,
    "SmoothL1LossOHEM": smooth_l1_loss_ohem,
    "SoftmaxWithLossOHEM": loss.softmax_loss,
}
