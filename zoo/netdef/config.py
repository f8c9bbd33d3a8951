"""A config file, read once: a net, or a solver with the nets that it names; and the `NetDef` of any of them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from zoo.errors import NetError, Place, PrototxtError
from zoo.formats import caffe_pb2, prototxt
from zoo.formats.paths import find_file
from zoo.formats.prototxt import Parsed
from zoo.netdef.changes import Change, merged
from zoo.netdef.net import net_def_for_state
from zoo.netdef.netdef import NetDef
from zoo.netdef.solver_nets import NetSource, nets

_LEVELS = 2**31  # NetState.level is an int32


@dataclass(frozen=True)
class Config:
    """A config.

    Attributes:
        file: its path.
        parsed: `Parsed` of its SolverParameter or NetParameter.
    """

    file: str
    parsed: Parsed

    @property
    def is_solver(self) -> bool:
        """Whether it is a solver, and not a net alone."""
        return isinstance(self.parsed.message, caffe_pb2.SolverParameter)

    def changed(self, changes: Sequence[Change], data_dir: str | os.PathLike[str] | None = None) -> "Config":
        """Returns the config with `changes` merged into it, see `zoo.netdef.changes.merged`."""
        return replace(self, parsed=merged(self.parsed, changes, data_dir))

    def solver(self) -> Parsed:
        """Returns `Parsed` of the solver; raises PrototxtError for a net."""
        if not self.is_solver:
            want = "base_lr, max_iter, ... and net_param { ... } or net: FILE"
            raise PrototxtError("this is a net, not a solver", at=Place(self.file), want=want)
        return self.parsed

    def source(self, phase: str = "TEST") -> NetSource:
        """Returns the `NetSource` of the net for a phase: of a solver its first test net, for TRAIN its training net.

        Raises:
            SolverError: the solver's fields that name nets do not agree.
        """
        if not self.is_solver:
            return NetSource("", phase, net=self.parsed)
        train, tests = nets(self.parsed)
        return tests[0] if tests and phase == "TEST" else train

    def net(self, phase: str = "TEST", data_dir: str | None = None) -> Parsed:
        """Returns `Parsed` of the whole net for a phase, as its file has it; raises ZooError."""
        return read_net(self.source(phase), data_dir, self.file)

    def definition(
        self, phase: str = "TEST", level: int | None = None, stages: tuple[str, ...] = (), data_dir: str | None = None
    ) -> NetDef:
        """Returns the `NetDef` of the net for a phase.

        Args:
            phase: "TEST" or "TRAIN", what the net is filtered for.
            level, stages: the rest of the state, as in `net_def`.
            data_dir: where a net that a solver names is looked for first.

        Raises:
            NetError: no such phase or level.
            ZooError: the net's file is not there, or what is wrong with the net.
        """
        wanted = net_state(level, stages) or caffe_pb2.NetState()
        wanted.phase = phase_number(phase)
        return open_net(self.source(phase), data_dir, self.file, wanted)


def open_config(path: str | os.PathLike[str]) -> Config:
    """Returns the `Config` in a file, whichever kind it is; raises PrototxtError.

    Example:
        >>> config = open_config("configs/lenet.prototxt")
        >>> config.is_solver
        True
        >>> [layer.name for layer in config.definition("TRAIN").layers][:3]
        ['mnist', 'conv1', 'pool1']
        >>> changed = config.changed([Change('layer { name: "conv1" convolution_param { num_output: 7 } }')])
        >>> changed.definition("TEST").layers[1].message.convolution_param.num_output
        7
    """
    return Config(os.fspath(path), prototxt.read_either(path))


def read_net(source: NetSource, data_dir: str | None = None, solver_file: str | None = None) -> Parsed:
    """Returns `Parsed` of a solver's net, from where it stands: in the solver or in a file of its own.

    Args:
        source: its `NetSource`.
        data_dir: where its file is looked for first; then the working directory, then next to `solver_file`.

    Raises:
        ZooError: the file is not there, or no net.
    """
    if source.net is not None:
        return source.net
    return prototxt.read_net(find_file(source.file, "net", at=source.at, data_dir=data_dir, file=solver_file))


def open_net(
    source: NetSource,
    data_dir: str | None = None,
    solver_file: str | None = None,
    state: caffe_pb2.NetState | None = None,
) -> NetDef:
    """Returns the `NetDef` of a solver's net, for the state that the solver gives it.

    Args:
        source, data_dir, solver_file: as for `read_net`.
        state: a NetState merged over all others, or None.

    Raises:
        ZooError: the file is not there, or what is wrong with the net.
    """
    net = read_net(source, data_dir, solver_file)
    whole = source.state(net.message)
    if state is not None:
        whole.MergeFrom(state)
    return net_def_for_state(net, whole)


def phase_number(phase: str) -> int:
    """Returns Caffe's number of a phase; raises NetError for one that is neither TRAIN nor TEST."""
    if phase not in ("TRAIN", "TEST"):
        raise NetError("no such phase", got=repr(phase), want="TRAIN or TEST")
    return caffe_pb2.Phase.Value(phase)


def net_state(level: int | None, stages) -> caffe_pb2.NetState | None:
    """Returns the NetState of the command line's level and stages, or None where neither is given.

    Raises:
        NetError: a level that is none.
    """
    if level is None and not stages:
        return None
    if level is not None and not -_LEVELS <= level < _LEVELS:
        raise NetError("not a level of a net's state", got=level, want=f"{-_LEVELS} to {_LEVELS - 1}")
    state = caffe_pb2.NetState(stage=stages)
    state.ClearField("phase")
    if level is not None:
        state.level = level
    return state
