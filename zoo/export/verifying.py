"""What --verify does and says: every written target is checked, run, and compared with the reference implementation."""

from zoo import command

DIFFERS = 2  # the exit code


def run(targets, conversion, tolerance):
    """Verifies what `targets` have written of a `Conversion` and prints what was found; returns the exit code.

    Args:
        tolerance: what is allowed, in parts of an output's largest value.
    """
    right, rows, comparison = True, [], None
    for target in targets:
        print(f"verify {target.path}")
        checked = target.check(conversion)
        if checked is not None:
            print("".join(f"  {line}\n" for line in checked.lines), end="")
            right = right and checked.right
            continue
        comparison = comparison or _comparison(conversion)
        good, found = _compare(comparison, target.run(conversion), tolerance)
        right, rows = right and good, [*rows, *found]
    if comparison is not None:
        _say_doubts(comparison, conversion, rows)
    verdict = "verified" if comparison is None else _verdict(rows)
    print(verdict if right else f"NOT verified within {tolerance:g} of the largest value")
    return 0 if right else DIFFERS


def _comparison(conversion):
    tf = command.quiet_tensorflow()
    from zoo.export.verify import Comparison

    tf.config.experimental.enable_tensor_float_32_execution(False)  # a GPU's short cut, good to 1e-3 only
    return Comparison(conversion)


def _compare(comparison, run, tolerance):
    """Returns (whether what `run` computes is right, the rows of the comparison)."""
    from zoo.export.tables import verdicts

    found = comparison.compare(run, tolerance)
    print("\n".join(f"  {line}" for line in verdicts(found)))
    instead, lines = comparison.explain(run, tolerance, found)
    if instead:
        print("  looked at again, with the reference's choices between near-equal numbers:")
        print("\n".join(f"  {line}" for line in verdicts(instead)))
    print("".join(f"  {line}\n" for line in lines), end="")
    again = {row.output for row in found if row.decides and not row.equal} if instead else set()
    right = all(row.equal for row in found if row.decides and row.output not in again)
    return right and all(row.equal for row in instead), [*found, *instead]


def _say_doubts(comparison, conversion, rows):
    from zoo.export import verify

    for reader, why in comparison.silent.items():
        print(f"  not compared with {reader}: {why}")
    if any(row.verdict.endswith(verify.EMPTY) for row in rows):
        print("  that no box was found shows little: compare what it comes from, with --outputs=BLOB,...")
    if any(row.verdict.endswith(verify.SAME) for row in rows):
        print("  an output that no input changes shows little: compare what it comes from, with --outputs=BLOB,...")
    if any(row.verdict == verify.NOTHING for row in rows) and conversion.filled:
        print("  BatchNorm's sums are 0 without weights, which blows up what follows: give --weights")


def _verdict(rows):
    from zoo.export import verify

    chosen = any(row.verdict == verify.CHOICES for row in rows)
    return "verified, but for choices between near-equal numbers" if chosen else "verified"
