"""Which nets a solver trains and tests, and for which state (solver.cpp:78-191). Opens no file."""

from dataclasses import dataclass, field

from zoo.errors import Place, SolverError
from zoo.formats import caffe_pb2
from zoo.formats.prototxt import Parsed

_TRAIN_FIELDS = ("train_net_param", "train_net", "net_param", "net")


@dataclass(frozen=True)
class NetSource:
    """Where a net of a solver is, and the state to filter it for.

    Attributes:
        field: the solver's field that says it, such as "net" or "test_net_param".
        phase: "TRAIN" or "TEST".
        file: the net's path as the solver has it; None where the net stands in the solver.
        net: `Parsed` of the net that stands in the solver, or of what --set has made of the file's; None where the file
            has it as it is.
        given: the solver's train_state or test_state for it; never modified.
        at: the place of the field.
    """

    field: str
    phase: str
    file: str | None = None
    net: Parsed | None = None
    given: caffe_pb2.NetState = field(default_factory=caffe_pb2.NetState)
    at: Place = Place()

    def state(self, net):
        """Returns the NetState to filter `net` for, the NetParameter that was found there.

        It is the solver's phase, then the net's own state, then `given`; the later wins, and stages add up.
        """
        state = caffe_pb2.NetState(phase=caffe_pb2.Phase.Value(self.phase))
        state.MergeFrom(net.state)
        state.MergeFrom(self.given)
        return state


def nets(parsed):
    """Returns (train, tests): the `NetSource` of the training net, and a tuple of those of the test nets in order.

    A generic net (net, net_param) is tested once for each test_iter that the nets before it leave.

    Args:
        parsed: `Parsed` of a SolverParameter.

    Raises:
        SolverError: not exactly one training net, or test nets, test_iter, test_state and test_interval do not agree.
    """
    message = parsed.message
    named = [name for name in _TRAIN_FIELDS if message.HasField(name)]
    if len(named) != 1:
        got, want = " and ".join(named) or None, "exactly one of net, net_param, train_net, train_net_param"
        at = max((parsed.at(name) for name in named), key=lambda place: place.line or 0, default=parsed.at())
        what = "the solver names several training nets" if named else "the solver names no training net"
        raise SolverError(what, at=at, got=got, want=want)
    train = _source(parsed, named[0], "TRAIN", message.train_state)

    tests = [("test_net_param", index) for index in range(len(message.test_net_param))]
    tests += [("test_net", index) for index in range(len(message.test_net))]
    left = len(message.test_iter) - len(tests)
    if named[0] in ("net", "net_param"):
        tests += [(named[0], None)] * left
        if left < 0:
            raise SolverError(
                "test_iter",
                got=len(message.test_iter),
                want=f"one for each of {len(tests)} test nets",
            )
    elif left:
        hint = "a test net is given by test_net, test_net_param, net or net_param" if not tests else None
        want = f"one for each of {len(tests)} test nets"
        raise SolverError("test_iter", got=len(message.test_iter), want=want, hint=hint)
    for index, count in enumerate(message.test_iter):
        if count < 0:
            raise SolverError("test_iter", at=parsed.at(f"test_iter[{index}]"), got=count, want="0 or more")
    if message.test_state and len(message.test_state) != len(tests):
        raise SolverError(
            "test_state",
            got=len(message.test_state),
            want=f"none or one for each of {len(tests)} test nets",
        )
    if tests and not message.HasField("test_interval"):
        raise SolverError("test_interval", got="none", want="1 or more, as there are test nets")
    if tests and message.test_interval < 1:
        raise SolverError("test_interval", got=message.test_interval, want="1 or more, as there are test nets")
    states = message.test_state or [caffe_pb2.NetState()] * len(tests)
    return train, tuple(_source(parsed, name, "TEST", state, index) for (name, index), state in zip(tests, states))


def _source(parsed, name, phase, given, index=None):
    at = parsed.at(name if index is None else f"{name}[{index}]")
    if name.endswith("_param"):
        return NetSource(name, phase, net=parsed.part(name, index or 0), given=given, at=at)
    value = getattr(parsed.message, name)
    path = name if index is None else f"{name}[{index}]"
    file = value if index is None else value[index]
    return NetSource(name, phase, file=file, net=parsed.files.get(path), given=given, at=at)
