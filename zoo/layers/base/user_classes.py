"""Whether nets of this process may run the Python classes that they name, which is code of whoever wrote the net.

They may by `allow(True)`, or inside `hosting`, as zoo.pycaffe does, which then calls the class itself.
"""

import contextlib
import contextvars
import importlib

_allowed = False
_hosts = contextvars.ContextVar("hosts", default=None)


def allow(yes=True):
    """Allows, or forbids again, that nets in this process run the Python classes that they name."""
    global _allowed
    _allowed = bool(yes)


@contextlib.contextmanager
def hosting(instances):
    """Inside, nets that are built take their Python layers from `instances` ({layer name: object}) and add new ones."""
    token = _hosts.set(instances)
    try:
        yield
    finally:
        _hosts.reset(token)


def instances():
    """Returns the objects that Python layers are taken from and added to; None where no such class may run."""
    hosts = _hosts.get()
    return {} if hosts is None and _allowed else hosts


def why_not_imported(module):
    """Returns why a Python module does not stand behind a layer that names it, as a clause; None where it does.

    Nothing is imported where no such class may run.
    """
    if instances() is None:
        return "Python layers are not allowed here"
    try:
        importlib.import_module(module)
    except Exception as error:  # whatever the module does when it is run
        return f"{module} cannot be imported: {type(error).__name__}: {error}".splitlines()[0]
    return None
