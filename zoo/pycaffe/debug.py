"""debug_info: the mean size of every value and gradient, in the log, as it is computed (net.cpp ForwardDebugInfo)."""

import numpy as np
from absl import logging

from zoo.training.caffe_log import number


def _mean(array):
    return number(np.abs(array).mean()) if array.size else "0"


def forward(net, index):
    """Says a layer's tops and parameters after it has run forward."""
    name = net._layer_names[index]
    for top in net.definition.layers[index].tops:
        value = _mean(net._engine.blob(top).data)
        logging.info("    [Forward] Layer %s, top blob %s data: %s", name, top.name, value)
    for k, blob in enumerate(net._engine.parameters[index]):
        said = _display_name(net, index, k)
        logging.info("    [Forward] Layer %s, param blob %s data: %s", name, said, _mean(blob.data))


def backward(net, index):
    """Says the gradients that a layer has computed."""
    name, need = net._layer_names[index], net._engine.needs[index]
    if not need.layer:
        return
    for bottom, needed in zip(net.definition.layers[index].bottoms, need.bottoms):
        if needed:
            value = _mean(net._engine.blob(bottom).diff)
            logging.info("    [Backward] Layer %s, bottom blob %s diff: %s", name, bottom.name, value)
    for k, (blob, needed) in enumerate(zip(net._engine.parameters[index], need.parameters)):
        if needed:
            logging.info("    [Backward] Layer %s, param blob %s diff: %s", name, k, _mean(blob.diff))


def all_parameters(net):
    """Says the norms of all parameters and of their gradients after a whole pass backward."""
    blobs = [blob for _, blob in net._engine.learnable()]
    data, diff = (
        np.concatenate([np.ravel(a) for a in arrays] or [np.zeros(0)])
        for arrays in ([blob.data for blob in blobs], [blob.diff for blob in blobs])
    )
    norms = [number(f(a)) for f in (lambda a: np.abs(a).sum(), np.linalg.norm) for a in (data, diff)]
    logging.error("    [Backward] All net params (data, diff): L1 norm = (%s, %s); L2 norm = (%s, %s)", *norms)


def _display_name(net, index, k):
    params = net.definition.layers[index].message.param
    return params[k].name if k < len(params) and params[k].name else k
