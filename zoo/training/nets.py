"""Opens the nets that a solver names: where their files are, and which state they are filtered for."""

from zoo.formats import caffe_pb2, prototxt
from zoo.input.paths import find_file
from zoo.netdef.net import net_def_for_state


def open_net(source, data_dir=None, solver_file=None, state=None):
    """Returns the `NetDef` of a solver's net.

    Args:
        source: its `NetSource`.
        data_dir: where its file is looked for first; then the working directory, then beside `solver_file`.
        state: a NetState merged over all others, or None.

    Raises:
        ZooError: the file is not there, or what is wrong with the net.
    """
    net = source.net
    if net is None:
        net = prototxt.read_net(find_file(source.file, "net", at=source.at, data_dir=data_dir, file=solver_file))
    merged = source.state(net.message)
    if state is not None:
        merged.MergeFrom(state)
    return net_def_for_state(net, merged)


def net_state(level, stages):
    """Returns the NetState of the command line's level and stages, or None where neither is given."""
    if level is None and not stages:
        return None
    state = caffe_pb2.NetState(stage=stages)
    state.ClearField("phase")
    if level is not None:
        state.level = level
    return state
