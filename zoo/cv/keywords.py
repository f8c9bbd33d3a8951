"""Functions that cv2 has in several forms, whose arguments have a name in each form."""

import functools


def also_called(**others):
    """Makes a function take arguments by other names, too: ``also_called(layerName="layer")``.

    Raises:
        TypeError: in a call that gives one argument by both names.
    """

    def decorate(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            for other in others.keys() & kwargs.keys():
                if others[other] in kwargs:
                    raise TypeError(f"{function.__name__}: {other} and {others[other]} are the same argument")
                kwargs[others[other]] = kwargs.pop(other)
            return function(*args, **kwargs)

        call.also_called = others
        return call

    return decorate
