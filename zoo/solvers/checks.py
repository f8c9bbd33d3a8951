"""Checks of a solver's fields. Every error's `what` is the field's name, so that a caller may add the file and line."""

import math

from zoo.errors import SolverError, did_you_mean


def _said(value):
    """Returns `value` as a message shows it: a float32's digits, not those of the double that holds it."""
    return f"{value:.7g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else value


def number(**fields):
    """Raises SolverError for the first of `fields` (name=number) that is not finite."""
    for name, value in fields.items():
        if not math.isfinite(value):
            raise SolverError(name, got=_said(value), want="a finite number")


def at_least(least, **fields):
    """Raises SolverError for the first of `fields` (name=number) that is not finite or below `least`."""
    for name, value in fields.items():
        if not (math.isfinite(value) and value >= least):
            raise SolverError(name, got=_said(value), want=f"{least} or more")


def below_one(**fields):
    """Raises SolverError for the first of `fields` (name=number) outside [0, 1)."""
    for name, value in fields.items():
        if not 0 <= value < 1:
            raise SolverError(name, got=_said(value), want="0 or more and below 1")


def one_of(known, **fields):
    """Raises SolverError, with the nearest, for the first of `fields` (name=word) that is not among `known`."""
    for name, value in fields.items():
        if value not in known:
            want = "one of " + ", ".join(known)
            raise SolverError(name, got=_said(value), want=want, hint=did_you_mean(value, known))
