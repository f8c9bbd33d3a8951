"""Every whole net in configs/, at full size: what is exported of it against NumPy, with random weights."""

import pytest

from tests.export.config_nets import CONFIGS, NAMES, SHAPES, scored
from zoo.export.caffe_order import in_caffe_order
from zoo.export.keras_model import keras_model
from zoo.export.verify import Comparison


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_exported_net_is_what_the_reference_implementation_computes(name):
    conversion = scored(CONFIGS / f"{name}.prototxt", SHAPES.get(name, {}), drawn=True)
    exported = keras_model(conversion)

    def run(feeds, training):
        return exported.model(next(iter(feeds.values())) if len(feeds) == 1 else feeds)

    rows = Comparison(conversion, batch=2).compare(in_caffe_order(conversion, run, exported.inputs), 1e-5)
    for row in rows:
        print(f"{name}: {row.output} {row.by} {row.relative:.1e} {row.verdict}")
    decisive = [row for row in rows if row.decides]
    assert decisive and all(row.verdict == "equal" for row in decisive)
