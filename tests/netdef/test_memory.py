"""What a net needs at least, and that it is said before anything is built."""

import pytest

from zoo.converters.build import build
from zoo.errors import NetError
from zoo.formats import limits, prototxt
from zoo.netdef import memory
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_shapes

NET = """
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 50 dim: 10 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" param { name: "w" }
  inner_product_param { num_output: 1000 } }
layer { name: "ip2" type: "InnerProduct" bottom: "x" top: "ip2" param { name: "w" } param { lr_mult: 0 }
  inner_product_param { num_output: 1000 } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
layer { name: "sum" type: "Eltwise" bottom: "ip" bottom: "ip2" top: "y" }
layer { name: "silent" type: "Tile" bottom: "y" top: "wide" tile_param { tiles: 9 } }
layer { name: "out" type: "ReLU" bottom: "y" top: "z" }
layer { name: "silence" type: "Silence" bottom: "wide" }
"""
WEIGHTS, BIAS, BLOB = 10_000, 1_000, 50_000


@pytest.fixture
def definition():
    return net_def(prototxt.parse_net(NET, "net.prototxt"), "TRAIN")


def needed(definition, monkeypatch, **given):
    """Returns the largest limit at which the net is refused, as bytes."""
    planned = infer_shapes(definition)
    low, high = 1, 1 << 30
    while high - low > 1:
        middle = (low + high) // 2
        monkeypatch.setenv(limits.MEMORY_BYTES.variable, str(middle))
        try:
            memory.check(planned, definition, **given)
            high = middle
        except NetError:
            low = middle
    return high


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({}, 4 * (WEIGHTS + 2 * BIAS)),
        ({"held": 0}, 4 * (WEIGHTS + 2 * BIAS + 2 * BLOB)),  # what is behind Silence is never computed
        ({"held": 2}, 4 * (3 * WEIGHTS + 4 * BIAS + 2 * BLOB)),  # the second bias is not learned
        ({"held": 0, "itemsize": 2}, 4 * (WEIGHTS + 2 * BIAS) + 2 * 2 * BLOB),
        ({"held": 2, "on_host": False}, 4 * WEIGHTS),
    ],
)
def test_what_is_needed_at_least(given, want, definition, monkeypatch):
    assert needed(definition, monkeypatch, **given) == want


def test_it_is_refused_before_it_is_built(definition, monkeypatch):
    monkeypatch.setenv(limits.MEMORY_BYTES.variable, "47999")
    said = (
        r'^net.prototxt:3: layer "ip" \(InnerProduct\): the net needs more memory than there is; the largest part, '
        r"0.0 MiB, is this layer's, got 0.0 MiB at least, want at most 0.0 MiB \(--max_memory_bytes=N raises it"
    )
    with pytest.raises(NetError, match=said):
        build(definition)
    monkeypatch.setenv(limits.MEMORY_BYTES.variable, "48000")
    net = build(definition)
    monkeypatch.setenv(limits.MEMORY_BYTES.variable, "1")
    build(definition, parameters=net.parameters)  # they are there already


@pytest.mark.parametrize(("held", "arrays", "times", "part"), [(0, 5, 2, "3.4"), (2, 7, 3, "5.1")])
def test_an_address_space_with_a_limit_has_to_hold_all(held, arrays, times, part, definition, monkeypatch):
    tops = 500 + 4 * BLOB + 9 * BLOB + BLOB  # those in place and those that nothing reads count too
    need = memory.ADDRESSES + 4 * (arrays * (WEIGHTS + 2 * BIAS) + times * tops)
    planned = infer_shapes(definition)
    monkeypatch.setattr(memory, "addresses_of_cores", lambda: 0)
    monkeypatch.setattr(memory, "addresses", lambda: (need + 5000, 5000))
    memory.check(planned, definition, held)
    monkeypatch.setattr(memory, "addresses", lambda: (need + 5000, 5001))
    said = (
        r'^net.prototxt:\d+: layer "silent" \(Tile\): the net may need more address space than is left; the largest '
        rf"part, {part} MiB, is this layer's, got 96\d.\d MiB at most, want 96\d.\d MiB, "
        r"which is the limit of 96\d.\d MiB without the 0.0 MiB in use "
        r"\(a smaller batch_size, or a higher limit, which is that of `ulimit -v`; "
    )
    with pytest.raises(NetError, match=said):
        memory.check(planned, definition, held)
    memory.check(planned, definition)  # only built
    memory.check(planned, definition, held, on_host=False)
    monkeypatch.setenv(limits.MEMORY_BYTES.variable, str(1 << 30))  # whoever says so goes by the least
    memory.check(planned, definition, held)


def test_no_limit_of_the_address_space_no_estimate(definition, monkeypatch):
    monkeypatch.setattr(memory, "addresses", lambda: None)
    monkeypatch.setattr(memory, "ADDRESSES", 1 << 60)
    memory.check(infer_shapes(definition), definition, held=2)


def test_no_machine_has_it(monkeypatch):
    text = NET.replace("num_output: 1000", "num_output: 40000000").replace("dim: 50 ", "dim: 1 ")
    monkeypatch.setattr("zoo.formats.limits.available", lambda: 1 << 30)
    with pytest.raises(NetError, match=r"1.5 GiB, is this layer's, got 1.8 GiB at least, want at most 1.0 GiB"):
        build(net_def(prototxt.parse_net(text, "net.prototxt"), "TEST"))
    monkeypatch.setattr("zoo.formats.limits.available", lambda: None)  # not known
    memory.check(infer_shapes(net_def(prototxt.parse_net(text), "TEST")), net_def(prototxt.parse_net(text), "TEST"))
