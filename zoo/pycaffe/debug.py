"""debug_info: the mean size of every value and gradient, in the log, as it is computed (net.cpp ForwardDebugInfo)."""

import numpy as np

from zoo.training.caffe_log import debug_blob, debug_norms, parameter_name


def _mean(array):
    return np.abs(array).mean() if array.size else 0.0


def forward(net, index):
    """Logs a layer's tops and parameters after it has run forward."""
    layer = net.definition.layers[index]
    for top in layer.tops:
        debug_blob("Forward", layer.name, "top", top.name, "data", _mean(net._engine.blob(top).data))
    for k, blob in enumerate(net._engine.parameters[index]):
        debug_blob("Forward", layer.name, "param", parameter_name(layer, k), "data", _mean(blob.data))


def backward(net, index):
    """Logs the gradients that a layer has computed."""
    layer, need = net.definition.layers[index], net._engine.needs[index]
    if not need.layer:
        return
    for bottom, needed in zip(layer.bottoms, need.bottoms):
        if needed:
            debug_blob("Backward", layer.name, "bottom", bottom.name, "diff", _mean(net._engine.blob(bottom).diff))
    for k, (blob, needed) in enumerate(zip(net._engine.parameters[index], need.parameters)):
        if needed:
            debug_blob("Backward", layer.name, "param", k, "diff", _mean(blob.diff))


def all_parameters(net):
    """Logs the norms of all parameters and of their gradients after a whole backward pass."""
    blobs = [blob for _, blob in net._engine.learnable()]
    data, diff = (
        np.concatenate([np.ravel(a) for a in arrays] or [np.zeros(0)])
        for arrays in ([blob.data for blob in blobs], [blob.diff for blob in blobs])
    )
    debug_norms([f(a) for f in (lambda a: np.abs(a).sum(), np.linalg.norm) for a in (data, diff)])
