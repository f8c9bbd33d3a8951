"""The one table of cases: every registered layer type that computes something is enrolled here.

`CASES` maps Caffe's type string to its list of `Case`. Registering a type without cases fails test_cases.py.
"""

from tests.layers.cases import loss, neuron, normalisation, recurrent, shape, vision

CASES = {}
for _family in (loss, neuron, normalisation, recurrent, shape, vision):
    for _case in _family.CASES:
        CASES.setdefault(_case.type, []).append(_case)

ALL = [case for cases in CASES.values() for case in cases]
