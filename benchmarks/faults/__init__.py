"""Faults as a matrix: processes are killed, disks fill up, files rot, clocks jump - and what is left is looked at.

  python -m benchmarks.faults                                    all of it, as a table; exit code 1 if anything is BAD
  python -m benchmarks.faults --list                             what there is
  python -m benchmarks.faults --only=training.killed --count=5 --seed=2
  python -m benchmarks.faults --table=FILE                       rows go to FILE too; what is in it is not run again
  python -m benchmarks.faults --seconds=900                      as many tries of each as fit; the table says how many

Every try has one of two good ends: what it made in the end is equal bit for bit to what an undisturbed run makes, or
it ended with one error of ours (exit code 1, a line `error: ...`, no traceback) within its time limit. Anything else
- another result, a crash, a hang, a half-written file under its final name - is BAD and is said below the table.

To add a scenario
-----------------
A family is a module of this package; a scenario is one function in it, found by its decorator:

    from benchmarks.faults.matrix import Row, Skip, one_error, scenario

    @scenario(count=50)                         # how often without --count
    def killed(campaign):
        \"\"\"kill -9 of data_prep at a random moment.\"\"\"        # its line in the table
        row = Row()
        for _ in campaign.tries():              # `count` of them, fewer where --seconds is over
            seconds, process, equal = ...       # campaign.rng draws the moments, campaign.folder is a fresh directory
            if equal:
                row.equal(seconds)
            else:                               # why not, or None for one clean error
                row.error(seconds, one_error(process.returncode, process.stderr))
        return row                              # or a list of rows with a name each: Row("a disk of 100 kB")

`raise Skip("needs ip netns")` where the machine does not allow it: the table then says so. `campaign.server` is a
`ForkServer` (tests/training/fork_server.py), which starts `python -m MODULE` without the seconds of importing
TensorFlow; it is started when first asked for, and all scenarios share it. `campaign.stack` is an `ExitStack` that is
closed after the scenario: push onto it what has to be undone. Every wait has a limit. A scenario kills only what it has
started.
"""
