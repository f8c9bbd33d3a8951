"""The tab CUSTOM SCALARS: train and test on one chart for each quantity. No TensorFlow."""

import re

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.custom_scalar import layout_pb2, metadata
from tensorboard.util.tensor_util import make_tensor_proto

SMOOTHED = "smoothed_loss"


def value(train, tests, losses):
    """Returns the layout as a value of a summary.

    Args:
        train, tests: names of the outputs of the training net, and of the test nets, as the log says them.
        losses: those that count in the objective of the training net.
    """
    names = dict.fromkeys(re.sub(r"/\d+$", "/", name) for name in (*train, *tests))
    scores = [_chart(name.rstrip("/"), [_pattern(name)]) for name in names if name not in losses]
    wanted = [*(_pattern(name) for name in names if name in losses), _pattern(SMOOTHED)]
    curves = (("learning rate", "lr"), ("speed", "iterations_per_second"))
    solver = [_chart(title, [f"^solver/{tag}$"]) for title, tag in curves]
    loss = [_chart("loss, and the mean of the last average_loss", wanted)]
    classes = [_chart("accuracy by class", ["^classes/"])] if tests else []
    categories = [("Scores", [*scores, *loss, *classes]), ("Solver", solver)]
    found = [layout_pb2.Category(title=title, chart=charts) for title, charts in categories]
    layout = layout_pb2.Layout(category=found)
    tensor = make_tensor_proto(layout.SerializeToString(), dtype="string")
    return Summary.Value(tag=metadata.CONFIG_SUMMARY_TAG, metadata=metadata.create_summary_metadata(), tensor=tensor)


def _pattern(name):
    return rf"^scores/{re.escape(name)}" + (r"\d+$" if name.endswith("/") else "$")


def _chart(title, patterns):
    return layout_pb2.Chart(title=title, multiline=layout_pb2.MultilineChartContent(tag=patterns))
