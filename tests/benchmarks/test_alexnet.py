"""AlexNet's benchmark builds and runs the config's step."""

from tests.training import runs


def test_our_step_runs():
    done = runs.command("--batch=2", "--rounds=1", "--nopeers", "--profile=1", module="benchmarks.alexnet")
    assert done.returncode == 0, done.stderr
    assert "TensorFlow" in done.stdout
