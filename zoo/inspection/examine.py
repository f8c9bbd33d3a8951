"""Looks at a file: rounds of finding and, in a copy of the text, mending, until nothing hides behind anything else."""

import os
import pathlib
from dataclasses import dataclass, field

from zoo.errors import ZooError
from zoo.formats import caffe_pb2, caffemodel, prototxt
from zoo.formats.paths import find_file
from zoo.formats.source_lines import scan
from zoo.formats.text_files import read_text
from zoo.inspection.finding import STOPS, Finding, edited
from zoo.inspection.labels import without_labels
from zoo.inspection.origin import forks, generation, of_forks
from zoo.inspection.spelling import spelling
from zoo.inspection.stored import against
from zoo.inspection.traps import RULES
from zoo.inspection.view import View
from zoo.layers import find
from zoo.netdef.net import net_def_for_state
from zoo.netdef.shape_inference import infer_what_is_known
from zoo.netdef.solver_nets import nets
from zoo.netdef.upgrade import upgrade_net

ROUNDS = 5  # of mending: behind a word that cannot be parsed others come to light


@dataclass
class Report:
    """What an inspection found.

    Attributes:
        file: the file's path.
        name: the net's name, or "".
        generation: in words, or why that cannot be told.
        forks: those that types of the file are of, as "owner/repository@branch".
        findings: in the order of the file.
        runs: {phase or "TRAIN of FILE": whether it would run}.
        mended: the text with all edits of `findings` made.
        weights: path of the weights, or None.
    """

    file: str
    name: str = ""
    generation: str = "cannot be parsed"
    forks: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    runs: dict[str, bool] = field(default_factory=dict)
    mended: str = ""
    weights: str | None = None

    @property
    def sound(self) -> bool:
        """Whether it would run here as it is."""
        return bool(self.runs) and all(self.runs.values()) and not any(f.kind == STOPS for f in self.findings)


def examine(path: str | os.PathLike[str], weights: str | None = None, only: tuple[str, ...] = ()) -> Report:
    """Looks at a net's or solver's text, and at weights for it.

    Args:
        path: the text.
        weights: a weights file, or None.
        only: rules whose edits go into `Report.mended`; all where empty.

    Raises:
        ZooError: a file is missing, or no text or weights at all.
    """
    file = os.fspath(path)
    text = read_text(file)
    stored = caffemodel.read(weights) if weights else None
    report = Report(file, weights=weights)
    for _ in range(ROUNDS):
        found, blocked = _round(report, text, file, stored)
        report.findings += [each for each in found if each not in report.findings]
        edits = [e for each in found if each.kind == STOPS and _wanted(each, only) for e in each.edits]
        if not (blocked and edits):
            break
        text = edited(text, edits)
    else:
        found = []
    rest = [e for each in found if _wanted(each, only) for e in each.edits]
    report.mended = edited(text, rest)
    return report


def _wanted(finding, only):
    return not only or finding.rule in only


def _round(report, text, file, stored):
    """Returns (findings of `text`, whether something keeps the rest from being seen); fills in the report."""
    try:
        root = scan(text, file)
    except ZooError as error:
        return _refusals(error, "not-a-prototxt", text, file), True
    found = spelling(text, root, file)
    try:
        parsed = prototxt.parse(text, prototxt.sniff(text, file), file)
    except ZooError as error:
        mended = {f.at.line for f in found}
        return found + [f for f in _refusals(error, "not-read", text, file) if f.at.line not in mended], True
    report.generation = generation(parsed.message)
    if parsed.message.DESCRIPTOR.name == "SolverParameter":
        return _solver(report, parsed, found, stored)
    report.name = parsed.message.name
    return _net(report, parsed, text, found, stored)


def _refusals(error, rule, text, file):
    try:
        prototxt.parse(text, prototxt.sniff(text, file), file)
    except ZooError as again:  # which says it with the words of the parser, where that has better ones
        error = again
    return [
        Finding(STOPS, rule, each.at, str(each).removeprefix(f"{each.at}: "), None)
        if each.at
        else Finding(STOPS, rule, error.at, str(each))
        for each in (error.problems or (error,))
    ]


def _phases(current):
    """A net that reads data or trains is looked at for both phases, any other for TEST."""
    kinds = [find(layer.type) for layer in current.message.layer]
    trains = any(kind is not None and (not kind.deployed or (kind.is_source and kind.sized_by_data)) for kind in kinds)
    return ("TRAIN", "TEST") if trains else ("TEST",)


def _net(report, parsed, text, found, stored, source=None):
    """Looks at a net for the state of a solver's `NetSource`, or else for the phases that it is for."""
    said = _said_of(source)
    try:
        current = upgrade_net(parsed)
    except ZooError as error:
        report.runs[f"TEST{said}"] = False
        return found + _said(error, "not-upgraded"), False
    labels, definitions = without_labels(current, text), []
    found += labels
    for phase in (source.phase,) if source else _phases(current):
        state = source.state(current.message) if source else _state(current, phase)
        try:
            definition = net_def_for_state(current, state)
        except ZooError as error:
            report.runs[phase + said] = False
            without = {each.at.layer for each in labels}  # what else is wrong there follows from it
            found += [each for each in _said(error, "wiring") if each.at is None or each.at.layer not in without]
            continue
        planned, errors = infer_what_is_known(definition)
        found += [f for error in errors for f in _said(error, "layer")]
        view = View(definition, planned, text, stored)
        definitions.append(definition)
        for rule in RULES:
            found += [f for f in rule(view) if f not in found]
        if stored is not None and phase == "TEST":
            found += [f for f in against(view, report.weights) if f not in found]
        report.runs[phase + said] = not errors
    found += of_forks(definitions)
    report.forks += [fork for fork in forks(definitions) if fork not in report.forks]
    return list(dict.fromkeys(found)), any(each.edits for each in labels)


def _state(current, phase):
    state = caffe_pb2.NetState()
    state.CopyFrom(current.message.state)
    state.phase = caffe_pb2.Phase.Value(phase)
    return state


def _said_of(source):
    """Returns what stands behind the phase in the keys of `Report.runs`."""
    if source is None:
        return ""
    parts = [f" of {source.file}"] if source.file else []
    parts += [f", stage {', '.join(source.given.stage)}"] if source.given.stage else []
    parts += [f", level {source.given.level}"] if source.given.level else []
    return "".join(parts)


def _said(error, rule):
    return [
        Finding(STOPS, rule, each.at, str(each).removeprefix(f"{each.at}: ") if each.at else str(each))
        for each in (error.problems or (error,))
        if each.at is not None
    ] or [Finding(STOPS, rule, error.at, str(error))]


def _net_file(source, solver):
    """Returns the path of a solver's net; Caffe's own solvers name it from the top of the checkout that they lie in."""
    for folder in pathlib.Path(solver).resolve().parents:
        if (folder / source.file).is_file():
            return str(folder / source.file)
    return find_file(source.file, "net", at=source.at, file=solver)


def _solver(report, parsed, found, stored):
    try:
        train, tests = nets(parsed)
    except ZooError as error:
        report.runs["TRAIN"] = False
        return found + _said(error, "solver"), False
    found += of_forks((), [parsed.message])
    sources = {(source.file or source.field, source.phase, str(source.given)): source for source in (train, *tests)}
    for source in sources.values():
        try:
            if source.net is not None:
                net = source.net
            else:
                net = prototxt.read_net(_net_file(source, report.file))
        except ZooError as error:
            report.runs[source.phase + _said_of(source)] = False
            found += _said(error, "net")
            continue
        report.name = report.name or net.message.name
        more, _ = _net(report, net, "", [], stored, source)
        found += [f for f in more if f not in found]
    return found, False
