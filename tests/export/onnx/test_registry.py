"""Every layer type has an ONNX form or a reason for having none."""

import pytest

pytest.importorskip("onnx", reason="onnx is not installed")

from zoo.export.onnx import registry, writers  # noqa: F401, E402  (registers every writer)
from zoo.layers.base.registry import find, layer_types  # noqa: E402


def test_every_layer_type_is_written_or_refused_with_a_reason():
    written, refused = registry.kinds()
    ours = {kind: find(kind) for kind in layer_types() if find(kind).__module__.startswith("zoo.")}
    assert written | refused == {kind for kind, cls in ours.items() if not cls.is_source}
    assert not written & refused
    assert all(registry.why_refused(kind) for kind in refused)


def test_a_kind_is_registered_once():
    with pytest.raises(ValueError, match="twice"):
        registry.writer("ReLU")(lambda site: site.inputs[0])
    with pytest.raises(ValueError, match="twice"):
        registry.refuse("no", "ReLU")
