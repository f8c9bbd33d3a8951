"""Layer types of the user's own, in a module that registers them when it is imported."""

import importlib
import importlib.metadata
import importlib.util
import pathlib
import sys
import traceback

from zoo.errors import Place, UnsupportedError
from zoo.layers.base.registry import layer_types

GROUP = "caffe_zoo.layers"  # of entry points


def load_types(source: str) -> list[str]:
    """Imports a module and returns the names of the layer types that it has registered.

    Args:
        source: path of a .py file; name of an entry point in the group "caffe_zoo.layers", or "installed" for all of
            them; or a module's name.

    Raises:
        UnsupportedError: there is no such module, it fails, or it registers nothing.
    """
    before = set(layer_types())
    points = {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
    try:
        if source.endswith(".py"):
            _load_file(pathlib.Path(source))
        elif source == "installed":
            for point in points.values():
                point.load()
        elif source in points:
            points[source].load()
        else:
            importlib.import_module(source)
    except UnsupportedError:
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        at = Place(last.filename, last.lineno) if source.endswith(".py") else None
        what = f"cannot import layer types from {source}: {type(error).__name__}: {error}"
        raise UnsupportedError(what, at=at) from error
    found = sorted(set(layer_types()) - before)
    if not found and source not in _loaded:
        what = f"{source} registers no layer type"
        raise UnsupportedError(what, want='a class under @layer_type("Name", source="...")')
    _loaded.add(source)
    return found


_loaded = set()


def _load_file(path):
    if not path.is_file():
        raise UnsupportedError("no such file of layer types", at=Place(str(path)))
    name = f"caffe_zoo_user_{path.stem}"
    if name in sys.modules and sys.modules[name].__file__ == str(path.resolve()):
        return
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UnsupportedError("is no Python file", at=Place(str(path)))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
