"""Writes the configs that are too long to write by hand: ``python -m configs.generate.NAME > configs/NAME.prototxt``.

A module here holds the header, the recipe and the net of one config, the net as pycaffe's NetSpec; `single_file` prints
it. `tests/test_configs.py` compares each file with what its module gives.
"""
