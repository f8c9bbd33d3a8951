"""Brings an old net, solver or weights file to the current form, as Caffe's upgrade tools do.

  python -m zoo.upgrade old.prototxt new.prototxt                 as upgrade_net_proto_text, upgrade_solver_proto_text
  python -m zoo.upgrade old.caffemodel new.caffemodel             as upgrade_net_proto_binary
  python -m zoo.upgrade --in_place old.prototxt old.caffemodel    each in its place, the old one kept as FILE.bak

What a file is - a net's text, a solver's, or a binary net with weights - is seen from its content. A text is written
as Caffe's tools print it, to the character, so without the comments of the old one; nets inside a solver are upgraded
too. Where Caffe drops what it cannot carry over, and says so in its log, this is an error and nothing is written.
Nothing here needs it: every command reads old files as they are.
"""

import os
import pathlib
import shutil

from absl import flags

from zoo import command
from zoo.errors import OutputError, Place, WeightsError, ZooError
from zoo.progress import Progress
from zoo.report import Report

IN_PLACE = flags.DEFINE_bool(
    "in_place", False, "Write each file in its own place; what was there is kept as FILE.bak (.bak2, ...)."
)
MOST = 1000  # files at once


def main(*files):
    """Upgrades one file into another, or each file in its place."""
    usage = "python -m zoo.upgrade IN OUT, or --in_place FILE [FILE ...]"
    if not files or not IN_PLACE.value and len(files) != 2:
        raise ZooError("which files?", got=" ".join(files) or "none", want=usage, hint="see --help")
    report = Report()
    if IN_PLACE.value:
        with Progress(len(files), unit="file") as progress:
            for file in progress.over(files):
                _replace(pathlib.Path(file), report)
        return report
    old, new = files
    was, data = upgraded(old)
    if os.path.exists(new) and os.path.samefile(old, new):
        raise OutputError("OUT is the file that is read", got=new, want="another name, or --in_place FILE")
    _write(new, _read(old) if data is None else data)
    report.text(f"{old}: {was}; {'copied to' if data is None else 'upgraded:'} {new}")
    report.note_made("upgraded", new)
    return report if _is_binary(new) else report.then("look at it", "zoo.doctor", new)


def _replace(path, report):
    was, data = upgraded(path)
    if data is None:
        report.text(f"{path}: {was}; left as it is")
        return
    backup = _free(path)
    _write(backup, _read(path), path)
    _write(path.resolve(), data, backup)
    report.text(f"{path}: {was}; upgraded, the old one is {backup}")
    report.note_made("upgraded", path).note_made("backup", backup)


def _free(path):
    number, backup = 1, path.with_name(f"{path.name}.bak")
    while backup.exists():
        number += 1
        backup = path.with_name(f"{path.name}.bak{number}")
    return backup


def upgraded(path):
    """Returns (what the file at `path` is, in words; the bytes of its current form, or None where that is its own).

    Raises:
        ZooError: it is neither a net nor a solver, or has what the current form cannot say.
    """
    from zoo.formats import prototxt
    from zoo.inspection.origin import generation
    from zoo.netdef.upgrade import upgrade_net

    if _is_binary(path):
        old = _binary(path)
        new = upgrade_net(old)
        return f"weights of {generation(old)}", None if new is old else new.SerializeToString()
    parsed = prototxt.read_either(path)
    new = _text(parsed)
    return generation(parsed.message), None if new is None else prototxt.to_text(new).encode()


def _text(parsed):
    """Returns the current message of a `Parsed` net or solver, or None where it is current."""
    from zoo.netdef.upgrade import upgrade_net, upgrade_solver

    if parsed.message.DESCRIPTOR.name == "NetParameter":
        new = upgrade_net(parsed).message
        return None if new is parsed.message else new
    solver = type(parsed.message)()
    solver.CopyFrom(upgrade_solver(parsed).message)
    for name in ("net_param", "train_net_param", "test_net_param"):
        field = solver.DESCRIPTOR.fields_by_name[name]
        inside = getattr(solver, name) if field.is_repeated else [getattr(solver, name)] * solver.HasField(name)
        for index, net in enumerate(inside):
            net.CopyFrom(upgrade_net(parsed.part(name, index)).message)
    return None if solver == parsed.message else solver


def _is_binary(path):
    from zoo.formats import regular
    from zoo.formats.text_files import has_control

    try:
        with regular.open_binary(path) as file:
            return has_control(file.read(4096))
    except OSError as error:
        raise ZooError("cannot be read", at=Place(str(path)), got=error.strerror) from None


def _binary(path):
    """Returns the NetParameter in a binary file, which has nothing that the schema does not know where it is old."""
    from google.protobuf.message import DecodeError
    from google.protobuf.unknown_fields import UnknownFieldSet

    from zoo.formats import caffe_pb2, caffemodel, weightsfile

    try:
        message = caffe_pb2.NetParameter.FromString(weightsfile.load(path, WeightsError))
    except DecodeError:
        caffemodel.read_layers(path)  # whose errors say more
        raise WeightsError("not a Caffe weights file", at=Place(str(path))) from None
    if not (message.layer or message.layers):
        raise WeightsError("a binary file without layers", at=Place(str(path)), want="a .caffemodel")
    for layer in message.layers:
        if numbers := {field.field_number for field in UnknownFieldSet(layer)}:
            got = f"field number {', '.join(map(str, sorted(numbers)))}"
            hint = "zoo.convert --output=X.caffemodel writes its weights with the parameters of a prototxt"
            at = Place(str(path), layer=layer.name)
            raise WeightsError("a field that is not of Caffe's schema would be lost", at=at, got=got, hint=hint)
    return message


def _read(path):
    from zoo.formats import regular

    return regular.read_bytes(path)


def _write(path, data, like=None):
    from zoo.formats import atomic

    with atomic.replacing(path, OutputError) as file:
        file.write(data)
    if like is not None:
        shutil.copymode(like, path)


if __name__ == "__main__":
    command.run(main, arguments=MOST)
