"""CenterLoss and MarginInnerProduct, of face recognition."""

import numpy as np

from zoo.reference.layer import enum_name, integers


def center_loss(layer, x, label):
    """Half the mean square distance from the label's centre (center_loss_layer.cpp:54-72)."""
    rows, (centers,) = x.reshape(len(x), -1), layer.blobs
    return ((rows - centers[integers(label)]) ** 2).sum() / (2 * len(x))


def margin_inner_product(layer, x, label):
    """Inner product, at the label with a margin; second top: lambda (margin_inner_product_layer.cpp:109-245)."""
    p = layer.message.margin_inner_product_param
    axis = layer.axis(p.axis, x)
    weight = layer.blobs[0] / np.linalg.norm(layer.blobs[0], axis=1, keepdims=True)
    layer.after = [weight]
    rows, labels = x.reshape(int(np.prod(x.shape[:axis])), -1), integers(label)
    share = max(p.base * (1 + p.gamma * (p.iteration + 1)) ** -p.power, p.lambda_min)
    y = rows @ weight.T
    times = {"SINGLE": 1, "DOUBLE": 2, "TRIPLE": 3, "QUADRUPLE": 4}[enum_name(p, "type")]
    if times > 1:
        sizes = np.linalg.norm(rows, axis=1)
        own = np.arange(len(rows)), labels
        for i, j in zip(*own):
            y[i, j] = (sizes[i] * _psi(times, y[i, j] / sizes[i]) + share * y[i, j]) / (1 + share)
        others = np.ones_like(y, bool)
        others[own] = False
        y[others] = (y[others] + share * y[others]) / (1 + share)
    return y.reshape(*x.shape[:axis], -1), np.array([share])


def _psi(times, z):
    """The fork's stand-in for cos(times a): its pieces change sign and step down (the margin falls with the angle)."""
    sign = np.sign(z)
    if times == 2:
        return 2 * sign * z**2 - 1
    if times == 3:
        far = np.sign(abs(z) - 0.5)
        return far * (4 * z**3 - 3 * z) + sign * (1 + far) - 2
    far = sign * np.sign(2 * z**2 - 1)
    return far * (8 * z**4 - 8 * z**2 + 1) + 2 * sign + far - 3


LAYERS = {"CenterLoss": center_loss, "MarginInnerProduct": margin_inner_product}
