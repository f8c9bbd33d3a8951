"""One `Request` done: the net is converted, every target written and verified, and it is said what became of it."""

import dataclasses
import os

from zoo import command, terminal
from zoo.errors import OutputError, Place, UnsupportedError
from zoo.export import input_shapes
from zoo.formats.layer_keys import said
from zoo.netdef.shape_inference import infer_shapes
from zoo.progress import waiting
from zoo.report import Report

USER_CODE = ("import", "fork", "allow_python_layers")  # flags that the config needs in every command


def run(request):
    """Does what a `Request` says; prints what is found. Returns the `Report`, with `verifying.DIFFERS` for differences.

    Raises:
        ZooError: the files or the request are invalid, said before anything is written where that can be.
    """
    paths = [target.path for target in request.targets]
    for target in request.targets:
        _check_new(target.path, paths, request)
    if not request.deploy:
        return _upgrade(request)
    for target in request.targets:
        target.accept(request)
    for target in request.targets:
        if target.of_solver:
            written = target.write_step(request)
            _say(target, written, None)
            return _written({target: written})
    if not request.targets and not request.summary:
        raise OutputError("nothing to do", want="--output=NAME.keras (or another ending, see --help), or --summary")
    return _convert(request)


def _check_new(path, paths, request):
    """Refuses to write one path twice, or over what is read."""
    if paths.count(path) > 1:
        raise OutputError("it is listed twice in --output", at=Place(path))
    for read in (request.config, *request.weights):
        if os.path.exists(path) and os.path.exists(read) and os.path.samefile(path, read):
            raise OutputError("is an input file and cannot be overwritten", at=Place(path))


def _upgrade(request):
    """Writes the whole net in the current form."""
    from zoo.export import prototxt_file
    from zoo.netdef.config import open_config
    from zoo.netdef.upgrade import upgrade_net

    if not request.targets or not request.text_alone:
        raise UnsupportedError("--nodeploy upgrades a prototxt and nothing else", want="--output=NAME.prototxt alone")
    config = open_config(request.config).changed(request.changes, request.data_dir)
    net = upgrade_net(config.net("TRAIN", request.data_dir))
    report = Report()
    for target in request.targets:
        prototxt_file.write(target.path, net.message)
        prototxt_file.check(target.path, net.message)
        report.text(f"{target.path}: the whole net in the current form, {len(net.message.layer)} layers")
        report.note_made("net", target.path)
    return report.then("look at it", "zoo.doctor", request.targets[0].path)


def _convert(request):
    from zoo.export.conversion import convert
    from zoo.export.metadata import how_to_use

    conversion = convert(
        request.config,
        request.weights,
        phase=request.phase or "TEST",
        level=request.level,
        stages=request.stages,
        shapes=input_shapes.parse(request.input_shapes),
        batch=request.batch,
        outputs=request.outputs,
        data_dir=request.data_dir,
        load=not request.without_keras,
        changes=request.changes,
        drawn=request.drawn,
    )
    folded = []
    if request.fold:
        from zoo.export.folding import fold

        conversion, result = fold(conversion)
        folded = [str(result)]
    if not request.text_alone:
        _say_weights(conversion)  # a text holds none
    print("".join(f"{line}\n" for line in folded), end="")
    if request.summary:
        from zoo.export.tables import summary

        print("\n".join(summary(conversion)))
    if not request.targets:
        return Report().then_typed("convert", command.same("--output=NAME.keras", "--verify"))
    if any(target.forgetful for target in request.targets):
        for layer in infer_shapes(conversion.definition):
            if lost := layer.type.forgets():
                terminal.warning(f"{layer.definition.at()}: not carried from batch to batch: {lost}")
    written = {}
    for target in request.targets:
        with waiting(f"Writing {target.path}"):
            written[target] = target.write(conversion)
        _say(target, written[target], conversion)
    exported = conversion.exported if any(target.keras_shapes for target in request.targets) else None
    print("\n".join(how_to_use(conversion, exported)))
    if not request.verify:
        return _written(written).then_typed("verify", command.same("--verify"))
    from zoo.export import verifying

    return _written(written, verifying.run(written, conversion, request))


def _written(written, outcome=None):
    """Returns the `Report` of {target: what it has `Written`} and of the `Outcome` of its verification, if any."""
    paths = [path for files in written.values() for path in files.paths]
    count = f"{len(paths)} file{'s' * (len(paths) != 1)} written"
    report = Report(f"{count}." if outcome is None else f"{count}, {outcome.text}.")
    for path in paths:
        report.made("file", path)
    report.more["verified"] = None if outcome is None else outcome.code == 0
    if outcome is None:
        return report
    report.code = outcome.code
    report.more["verification"] = [dataclasses.asdict(line) for line in outcome.lines]
    apart = [line.relative for line in outcome.lines if line.relative is not None]
    if apart:
        report.score("worst difference", max(apart), text=f"{max(apart):.2e} of the largest value")
    return report.then("time", "zoo.benchmark", *command.again("config", "set", "input_shape", "data_dir", *USER_CODE))


def _say(target, written, conversion):
    print(", ".join(written.paths))
    print("".join(f"    {line}\n" for line in target.how_to_load(conversion)), end="")
    print("".join(f"{line}\n" for line in written.lines), end="")


def _say_weights(conversion):
    for path, loaded in zip(conversion.weights, conversion.loaded if conversion.weights else ()):
        print(f"weights of {path}: {len(loaded.copied)} layers")
        if loaded.skipped:
            print(f"  not in the net to deploy: {said(loaded.skipped)}")
    if conversion.drawn:
        print("no weights: all parameters are drawn at random, to show that the files compute what the net does")
    elif not conversion.weights:
        terminal.warning("no --weights: all parameters are filler values, none is trained")
    elif conversion.filled:
        names = said(conversion.filled)
        terminal.warning(f"not in the weights files, filled instead: {names}")
