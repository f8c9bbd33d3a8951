"""A net with a Python layer trains by command only where its user says that its code may run."""

import pytest

from tests.training import runs

LAYER = '''
import caffe


class Euclid(caffe.Layer):
    """Half the mean squared distance of the scores from the label in every place."""

    def setup(self, bottom, top):
        self.scale = float(self.param_str)

    def reshape(self, bottom, top):
        top[0].reshape(1)

    def forward(self, bottom, top):
        self.difference = bottom[0].data - bottom[1].data.reshape(-1, 1)
        top[0].data[...] = self.scale * (self.difference**2).sum() / bottom[0].shape[0] / 2

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = top[0].diff[0] * self.scale * self.difference / bottom[0].shape[0]
'''

SOLVER = """
base_lr: 0.001 lr_policy: "fixed" max_iter: 30 display: 10 random_seed: 1
net_param {
  layer { name: "in" type: "Data" top: "data" top: "label" transform_param { scale: 0.01 }
    data_param { source: "small/train" batch_size: 10 } }
  layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
    inner_product_param { num_output: 2 weight_filler { type: "gaussian" std: 0.1 } } }
  layer { name: "loss" type: "Python" bottom: "ip" bottom: "label" top: "loss" loss_weight: 1
    python_param { module: "%s" layer: "Euclid" param_str: "1.5" } }
}
"""


@pytest.fixture
def folder(tmp_path):
    runs.make_data(tmp_path / "data")
    (tmp_path / "mine.py").write_text(LAYER)
    (tmp_path / "solver.prototxt").write_text(SOLVER % "mine")
    return tmp_path


def test_refused_unless_asked_for(folder):
    done = runs.command("--config=solver.prototxt", "--nosummaries", cwd=folder)
    assert done.returncode == 1
    assert 'solver.prototxt:9: layer "loss" (Python): would run the class Euclid' in done.stderr
    assert "--allow_python_layers" in done.stderr and "Traceback" not in done.stderr


def test_trains_where_asked_for(folder):
    done = runs.command("--config=solver.prototxt", "--nosummaries", "--allow_python_layers", cwd=folder)
    assert done.returncode == 0, done.stderr
    losses = [float(line.rpartition("loss = ")[2]) for line in done.stderr.splitlines() if "iter/s" in line]
    assert len(losses) == 3 and losses[2] < 0.5 * losses[0]


def test_a_module_that_is_not_there_is_said(folder):
    (folder / "solver.prototxt").write_text(SOLVER % "nowhere")
    done = runs.command("--config=solver.prototxt", "--nosummaries", "--allow_python_layers", cwd=folder)
    assert done.returncode == 1 and "cannot import the Python module nowhere" in done.stderr
    assert "Traceback" not in done.stderr
