"""The HDF5 `.caffemodel.h5`: /data/<layer>/<index>, and /diff likewise (net.cpp ToHDF5, CopyTrainedLayersFromHDF5).

A shared parameter is written once, in the layer that owns it. A "/" in a layer's name makes nested groups; Caffe
itself cannot write such a net to HDF5, nor find those layers in such a file.
"""

import h5py

from zoo.errors import WeightsError
from zoo.formats import hdf5, weightsfile, wire

_MOST_BLOBS = 1000  # of one layer; the largest of Caffe's has five


def read(path):
    """Returns {layer: list of float32 arrays} of the file at `path`; None stands where a layer lacks a lower index.

    Raises:
        WeightsError: damaged, no /data in it, or something in it that is neither a layer nor a blob.
    """
    with hdf5.reading(path, WeightsError) as file:
        layers = {}
        _walk(hdf5.group(file, "data", hint=_what_else(file)), "", layers, set())
        if not layers:
            raise wire.WireError("no layers in it")
        return layers


def _what_else(file):
    names = set(file)
    if "history" in names:
        return f"this looks like {weightsfile.STATE}.h5"
    keras = names & {"model_weights", "layers"} or "layer_names" in file.attrs
    return "this looks like a Keras file" if keras else None


def _walk(group, path, layers, seen):
    """Adds the layers below `group` to `layers`: a group without groups in it is one, be it empty."""
    address = h5py.h5o.get_info(group.id).addr
    if address in seen:
        raise wire.WireError("damaged: a group is in two places", got=f"/data/{path}")
    seen.add(address)
    arrays = {}
    for key in group:
        name = _checked(key, path)
        item = group[key]
        if isinstance(item, h5py.Group):
            _walk(item, name, layers, seen)
        elif path and hdf5.index(key) is not None and hdf5.index(key) < _MOST_BLOBS:
            arrays[hdf5.index(key)] = hdf5.array(item, f"/data/{name}")
        else:
            raise wire.WireError("something that is no blob", got=f"/data/{name}", want="/data/<layer>/<index>")
    if path and (arrays or not len(group)):
        layers[path] = [arrays.get(index) for index in range(max(arrays, default=-1) + 1)]


def _checked(key, path):
    if not isinstance(key, str):  # h5py gives bytes for what is no UTF-8
        raise wire.WireError("a layer's name is not UTF-8", got=repr(key))
    return f"{path}/{key}" if path else key


def check_names(layers):
    """Raises wire.WireError where a layer's name cannot be that of a group, or layers with parameters share one.

    Args:
        layers: pairs (name, list of arrays) in the net's order.
    """
    seen = {}
    for name, arrays in layers:
        if not name or any(part in ("", ".", "..") for part in name.split("/")):
            raise wire.WireError("no name for an HDF5 group", got=repr(name), layer=name)
        if name in seen and (seen[name] or arrays):
            what = "two layers of one name that have parameters cannot be written to HDF5"
            raise wire.WireError(what, layer=name)
        seen[name] = arrays


def write(path, layers, *, diffs=None, shared=()):
    """Writes `layers` to `path`.

    Args:
        path: where to.
        layers: pairs (name, list of arrays) in the net's order.
        diffs: None, or {name: list of arrays} for the group /diff, where shared parameters are written everywhere.
        shared: set of (name, index) that another layer owns.

    Raises:
        WeightsError: the file cannot be written, or two layers' names do not go together.
    """
    try:
        check_names(layers)
    except wire.WireError as cause:
        raise cause.to(WeightsError, path) from cause
    with hdf5.writing(path, WeightsError) as file:
        groups = {"data": file.create_group("data")}
        if diffs is not None:
            groups["diff"] = file.create_group("diff")
        for name, arrays in layers:
            try:
                for group in groups.values():
                    group.require_group(name)
                for index, values in enumerate(arrays):
                    if (name, index) not in shared:
                        hdf5.put(groups["data"], f"{name}/{index}", values)
                for index, values in enumerate((diffs or {}).get(name, ())):
                    hdf5.put(groups["diff"], f"{name}/{index}", values)
            except (ValueError, TypeError) as cause:  # so h5py says that a name is taken, by a layer or by a blob
                damaged = wire.WireError("cannot be written to HDF5", got=hdf5.said(cause), layer=name)
                raise damaged.to(WeightsError, path) from cause
