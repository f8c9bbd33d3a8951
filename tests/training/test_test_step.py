"""Batches of a test net: sums that do not depend on how many batches a call takes."""

from zoo.converters.build import build
from zoo.formats.prototxt import parse_net
from zoo.netdef.net import net_def
from zoo.training import step
from zoo.training.feeds import Feeds


def test_sums_do_not_depend_on_how_many_batches_a_call_takes():
    """Ten batches in one call, and as 1 + 2 + 4 + 3: the same bits."""
    text = """layer { name: "d" type: "DummyData" top: "x" top: "y" dummy_data_param {
        shape { dim: 7 dim: 5 } shape { dim: 7 dim: 5 }
        data_filler { type: "gaussian" std: 3 } data_filler { type: "uniform" min: -1 max: 1 } } }
      layer { name: "loss" type: "EuclideanLoss" bottom: "x" bottom: "y" top: "loss" }"""
    found = []
    for counts in ((10,), (1, 2, 4, 3)):
        definition = net_def(parse_net(text), "TEST")
        feeds = Feeds(definition)
        run, batches, sums = step.TestStep(build(definition, feeds.shapes)), feeds.batches(0), None
        for count in counts:
            sums = run(batches, count, sums)
        found.append((float(sums[0]), *(value.tolist() for value in sums[1].values())))
    assert found[0] == found[1]
