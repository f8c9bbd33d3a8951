"""Fuzzing of everything that reads what a stranger may have written, and of the commands' flags.

  make fuzz                                      all of it, for minutes, as a table; exit code 1 on a finding
  python -m tests.fuzz --only=caffemodel,flags --inputs=1000 --seed=3

`targets.py` has one reader a target with valid inputs to start from; `strategies.py` makes inputs that know the format
(hypothesis); `worker.py` runs one target under one engine in a process of its own, hypothesis or atheris, which keeps
what reaches new code; `judge.py` says what is a finding: anything but success or a `ZooError` of bounded length, more
than some CPU seconds or much memory for one input. A crash of the process is one, too.

Inputs that were findings lie in `corpus/TARGET/` once they are mended: `test_fuzz.py` reads them all, and a few
hundred made ones, in the gate.
"""
