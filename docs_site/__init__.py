"""The documentation as a site: pages of docs/, of the commands, the configs and docstrings, built by Sphinx.

`make docs` builds it. Pages lie in a temporary tree while Sphinx reads them, so none of those that are written here is
committed.
"""
