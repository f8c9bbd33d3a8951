"""A net as a graph of layers and blobs, with the colours of Caffe's draw_net.py: as dot text, or an image of it."""

import shutil
import subprocess

from zoo.errors import NetError, UnsupportedError
from zoo.formats import caffe_pb2

TEXT = ("dot", "gv", "raw")  # endings of names that get the text

_COLOURS = {"Convolution": "#FF5050", "Deconvolution": "#FF5050", "Pooling": "#FF9900", "InnerProduct": "#CC33FF"}
RANKDIRS = ("LR", "RL", "TB", "BT")


def dot(net, rankdir="LR", label_edges=True, phase=None, display_lrm=False, shapes=None):
    """Returns the dot text of a NetParameter.

    Args:
        rankdir: "LR" (left to right), "RL", "TB" or "BT".
        label_edges: whether edges to tops say the number of outputs or the batch size.
        phase: TRAIN or TEST for the layers of that phase; None for all.
        display_lrm: whether learned layers say their lr_mult.
        shapes: {blob: Caffe shape of an item}, which the blobs say below their names; None for none.

    Raises:
        NetError: another rankdir; layers of the old generation.
    """
    if rankdir not in RANKDIRS:
        raise NetError("no such direction", got=rankdir, want=", ".join(RANKDIRS))
    if net.layers:
        raise NetError("layers of an old generation cannot be drawn", hint="save it upgraded first")
    lines = [f"digraph {_quoted(net.name or 'Net')} {{", f"rankdir={rankdir};"]
    nodes, edges = {}, []
    for index, layer in enumerate(net.layer):
        if phase is not None and not _in_phase(layer, phase):
            continue
        node = f"layer{index}"
        in_place = list(layer.bottom) == list(layer.top) and len(layer.top) == 1
        colour = "#90EE90" if in_place else _COLOURS.get(layer.type, "#6495ED")
        label = _label(layer, rankdir, display_lrm)
        nodes[node] = f"{node} [label={label}, shape=record, style=filled, fillcolor={_quoted(colour)}];"
        for blob in (*layer.bottom, *layer.top):
            key = _quoted(f"blob {blob}")
            nodes[key] = (
                f'{key} [label={_quoted(_blob_label(blob, shapes))}, shape=octagon, style=filled, fillcolor="#E0E0E0"];'
            )
        edges += [f"{_quoted(f'blob {blob}')} -> {node};" for blob in layer.bottom]
        said = f" [label={_quoted(_edge_label(layer))}]" if label_edges and _edge_label(layer) else ""
        edges += [f"{node} -> {_quoted(f'blob {blob}')}{said};" for blob in layer.top]
    return "\n".join([*lines, *nodes.values(), *edges, "}"]) + "\n"


def image(text, ext):
    """Returns the bytes of an image of a dot text, in a format that Graphviz knows; for "dot" the text itself.

    Raises:
        UnsupportedError: Graphviz is not installed, or does not know the format.
    """
    text = text.encode()
    if ext in TEXT:
        return text
    program = shutil.which("dot")
    if program is None:
        raise UnsupportedError(
            f"a .{ext} image needs Graphviz's program dot, which is not installed", hint='a name in ".dot" needs none'
        )
    done = subprocess.run([program, f"-T{ext}"], input=text, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise UnsupportedError(f"Graphviz draws no .{ext}", got=said[0] if said else f"exit {done.returncode}")
    return done.stdout


def _in_phase(layer, phase):
    rules = layer.include or layer.exclude
    met = any(not rule.HasField("phase") or rule.phase == phase for rule in rules)
    return met if layer.include else not met


def _label(layer, rankdir, display_lrm):
    said = [layer.name]
    if layer.type == "Pooling":
        p = layer.pooling_param
        said.append(f"(Pooling {caffe_pb2.PoolingParameter.PoolMethod.Name(p.pool)})")
        said += ["global"] if p.global_pooling else _window(p, lambda value: value)
    elif layer.type in ("Convolution", "Deconvolution"):
        said.append(f"({layer.type})")
        said += _window(layer.convolution_param, lambda values: values[0] if values else None)
    else:
        said.append(f"({layer.type})")
    if display_lrm and layer.type in ("Convolution", "Deconvolution", "InnerProduct"):
        rates = [param.lr_mult for param in layer.param][:2]
        said.append("lr mult: " + ", ".join(f"{rate:.1f}" for rate in rates + [1.0] * (2 - len(rates))))
    return _quoted((" " if rankdir in ("TB", "BT") else "\n").join(said))


def _blob_label(blob, shapes):
    shape = (shapes or {}).get(blob)
    return f"{blob}\n{' x '.join(map(str, shape))}" if shape else blob


def _window(p, value_of):
    """Kernel, stride and pad of a message, by axis where they are given so."""
    said = []
    for words, name, default in (("kernel size", "kernel", 1), ("stride", "stride", 1), ("pad", "pad", 0)):
        high, wide = getattr(p, f"{name}_h"), getattr(p, f"{name}_w")
        value = value_of(getattr(p, "kernel_size" if name == "kernel" else name))
        said.append(f"{words}: {high}x{wide}" if high or wide else f"{words}: {default if value is None else value}")
    return said


def _edge_label(layer):
    if layer.type == "Data":
        return f"Batch {layer.data_param.batch_size}"
    if layer.type in ("Convolution", "Deconvolution"):
        return str(layer.convolution_param.num_output)
    return str(layer.inner_product_param.num_output) if layer.type == "InnerProduct" else ""


def _quoted(text):
    """Returns `text` as a dot string, with the characters escaped that divide a record."""
    for char in '\\"{}|<>':
        text = text.replace(char, f"\\{char}")
    return '"' + text.replace("\n", "\\n") + '"'
