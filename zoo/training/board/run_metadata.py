"""Times of layers, for "Compute time" in the tab GRAPHS. No TensorFlow."""

from tensorboard.compat.proto.config_pb2 import RunMetadata
from tensorboard.compat.proto.step_stats_pb2 import DeviceStepStats, NodeExecStats, StepStats
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.graph import metadata
from tensorboard.util.tensor_util import make_tensor_proto

from zoo.training.board.graph import graph, node_names

_DEVICE = "/job:localhost/replica:0/task:0/device:CPU:0"  # the front end passes over names of another form


def value(tag, spent, net, iterations):
    """Returns the times of one iteration, forward and backward, as a value of a summary.

    Args:
        tag: what the times are called.
        spent: `Spent`s of a profile.
        net: the `Net` whose layers they number.
        iterations: how many were followed.
    """
    names, seconds = node_names(net.layers), {}
    for one in spent:
        if one.layer is not None:
            seconds[one.layer] = seconds.get(one.layer, 0.0) + one.seconds
    stats = [
        NodeExecStats(node_name=names[layer], all_start_micros=1, op_end_rel_micros=micros, all_end_rel_micros=micros)
        for layer, total in sorted(seconds.items())
        for micros in [max(1, round(1e6 * total / iterations))]
    ]
    whole = RunMetadata(step_stats=StepStats(dev_stats=[DeviceStepStats(device=_DEVICE, node_stats=stats)]))
    whole.function_graphs.add().pre_optimization_graph.CopyFrom(graph(net.layers))  # what TensorBoard then draws
    plugin = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME_RUN_METADATA, content=b"1")
    tensor = make_tensor_proto(whole.SerializeToString(), dtype="string")
    return Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin), tensor=tensor)
