"""Errors that are ours and also what pycaffe raises in that place, so that `except` clauses of old scripts catch them.

Where Caffe's C++ ends the process there was nothing to catch; a RuntimeError, as its other complaints are, comes then.
"""

import contextlib
import functools

from zoo.errors import ZooError


@functools.cache
def also(ours, theirs):
    """Returns the class of errors that are both `ours`, a ZooError class, and `theirs`, a class of exceptions."""
    if issubclass(ours, theirs):
        return ours
    body = {"__module__": ours.__module__, "__doc__": ours.__doc__, "__str__": Exception.__str__}
    return type(ours.__name__, (ours, theirs), body)  # KeyError's own __str__ would quote the message


@contextlib.contextmanager
def raised_as(theirs):
    """Makes each ZooError that comes out of the block, or of a function so decorated, one of `theirs`, too."""
    try:
        yield
    except ZooError as error:
        if isinstance(error, theirs):
            raise
        same = also(type(error), theirs)(error.what)
        same.args, same.__dict__ = error.args, dict(error.__dict__)
        raise same.with_traceback(error.__traceback__) from error.__cause__
