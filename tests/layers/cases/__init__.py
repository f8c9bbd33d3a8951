"""The one table of cases: every registered layer type that computes something is enrolled here.

`CASES` maps a kind (the type string, with the variant where there are several) to its list of `Case`.
Registering a type without cases fails test_cases.py.
"""

import importlib
import pkgutil

from tests.layers.cases import forks, loss, neuron, normalisation, recurrent, shape, vision

CASES = {}
_of_forks = [importlib.import_module(f"{forks.__name__}.{each.name}") for each in pkgutil.iter_modules(forks.__path__)]
for _family in (loss, neuron, normalisation, recurrent, shape, vision, *_of_forks):
    for _case in _family.CASES:
        CASES.setdefault(_case.kind, []).append(_case)

ALL = [case for cases in CASES.values() for case in cases]
