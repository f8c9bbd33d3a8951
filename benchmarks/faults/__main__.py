"""The matrix of faults as a command; see the package's own words."""

import functools

from absl import flags

from benchmarks.faults import matrix
from zoo import command
from zoo.errors import ZooError, did_you_mean

ONLY = flags.DEFINE_list("only", [], "Scenarios or families to run, such as training.killed or training.")
COUNT = flags.DEFINE_integer("count", None, "How often each scenario tries; by default its own number.", lower_bound=1)
SECONDS = flags.DEFINE_integer("seconds", None, "Of all together, after which scenarios try less often.", lower_bound=1)
SEED = flags.DEFINE_integer("seed", 0, "Of everything that is random.")
TABLE = flags.DEFINE_string("table", None, "File that rows are appended to; what is in it is not run again.")
LIST = flags.DEFINE_bool("list", False, "Say what there is and how often each tries.")


def main():
    """Runs what is asked for; returns 1 if anything was BAD."""
    every = matrix.scenarios()
    names = {each.name for each in every} | {each.name.partition(".")[0] for each in every}
    for name in ONLY.value:
        if name not in names:
            raise ZooError("no such scenario", got=name, hint=did_you_mean(name, names) or "see --list")
    chosen = [s for s in every if not ONLY.value or {s.name, s.name.partition(".")[0]} & set(ONLY.value)]
    if LIST.value:
        for each in chosen:
            print(f"{each.name:<32} {each.count:>4} x  {each.says}")
        return 0
    say, done = matrix.kept(TABLE.value) if TABLE.value else (functools.partial(print, flush=True), ())
    chosen = [each for each in chosen if each.name not in done]
    bad = matrix.run(chosen, COUNT.value, SEED.value, say, SECONDS.value)
    return 1 if bad else 0


if __name__ == "__main__":
    command.run(main)
