"""A report as text for people and as plain values for machines."""

from zoo.inspection.finding import KINDS


def as_text(report) -> str:
    """Returns a `Report` in lines."""
    name = f' "{report.name}"' if report.name else ""
    lines = [f"{report.file}:{name} {report.generation}"]
    if report.forks:
        lines.append(f"of forks of Caffe: {', '.join(report.forks)}")
    for phase, runs in report.runs.items():
        lines.append(f"{phase}: {'would run' if runs else 'would not run'}")
    for kind, title in KINDS.items():
        found = [each for each in report.findings if each.kind == kind]
        if found:
            lines += ["", f"{title} ({len(found)}):"]
        for each, also in _alike(found):
            more = f" (also on line{'s' if len(also) > 1 else ''} {', '.join(also)})" if also else ""
            lines.append(f"  {each.line()}{more}  [{each.rule}]")
            if each.cure:
                lines.append(f"      cure: {each.cure}{'  (--fix does it)' if each.edits else ''}")
    if not report.findings:
        lines.append("nothing found")
    return "\n".join(lines)


def _alike(findings, most=8):
    """Returns (finding, lines of those that say the same of other layers) for each thing that is said."""
    groups = {}
    for each in findings:
        groups.setdefault((each.rule, each.at.file, each.what, each.cure), []).append(each)
    said = []
    for first, *rest in groups.values():
        lines = [str(each.at.line) for each in rest if each.at.line]
        said.append((first, lines[:most] + ([f"and {len(lines) - most} more"] if len(lines) > most else [])))
    return said


def as_plain(report) -> dict:
    """Returns a `Report` as plain values, as JSON has them."""
    findings = [
        {
            "kind": each.kind,
            "rule": each.rule,
            "file": each.at.file,
            "line": each.at.line,
            "layer": each.at.layer,
            "type": each.at.type,
            "what": each.what,
            "cure": each.cure,
            "fixable": bool(each.edits),
        }
        for each in report.findings
    ]
    return {
        "file": report.file,
        "name": report.name,
        "generation": report.generation,
        "forks": report.forks,
        "runs": report.runs,
        "sound": report.sound,
        "findings": findings,
    }
