"""HParams has what people vary, and nothing else of a solver."""

from tensorboard.plugins.hparams import metadata

from zoo.formats.prototxt import parse_solver
from zoo.training.board import hyper_parameters


def test_columns_of_a_solver():
    solver = parse_solver(
        """base_lr: 0.01 lr_policy: "multistep" gamma: 0.1 stepvalue: 5 stepvalue: 8 momentum: 0.9 weight_decay: 5e-4
        max_iter: 10 display: 2 snapshot: 4 snapshot_prefix: "x" test_interval: 3 test_iter: 1 solver_mode: CPU
        random_seed: 3 debug_info: true"""
    ).message
    assert hyper_parameters.hyper_parameters(solver, [(64, 1, 28, 28), (64,)]) == {
        "type": "SGD", "base_lr": 0.01, "lr_policy": "multistep", "gamma": 0.1, "stepvalue": "5, 8", "momentum": 0.9,
        "weight_decay": 0.0005, "max_iter": 10, "random_seed": 3, "batch_size": 64,
    }  # fmt: skip


def test_each_run_is_a_row_of_its_own():
    one, two = (hyper_parameters.start({"base_lr": 0.1}, name) for name in ("a", "b"))
    starts = [
        metadata.parse_session_start_info_plugin_data(s.value[0].metadata.plugin_data.content) for s in (one, two)
    ]
    assert starts[0].group_name.startswith("a ") and starts[1].group_name.startswith("b ")
    assert starts[0].hparams["base_lr"].number_value == 0.1
