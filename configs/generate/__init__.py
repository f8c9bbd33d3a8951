"""Writes the configs that are too long to write by hand: ``python -m configs.generate [NAME ...]``.

A module here holds the headers, the recipes and the nets of one family, the nets as pycaffe's NetSpec; `single_file`
prints a config, `catalogue` lists them all. `tests/configs` compares each file with what its module gives.
"""
