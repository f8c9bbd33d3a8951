"""The calls of `import zoo` that load TensorFlow: load, dataset and fit, on data of 12 x 13 pixels."""

import pathlib

import keras
import numpy as np
import pytest

import zoo
from tests.training import runs
from zoo.api.loaded import Guess
from zoo.errors import ZooError
from zoo.pycaffe.config_classifier import config_classifier
from zoo.pycaffe.images import load_image
from zoo.training.run_options import RunOptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("door")
    runs.make_data(folder)
    (folder / "small.prototxt").write_text(runs.SOLVER)
    return folder


@pytest.fixture(scope="module")
def fitted(folder):
    options = RunOptions(summaries=False)
    changes = {"max_iter": 6, "test_interval": 3, "test_iter": [2], "type": "Nesterov"}
    return zoo.fit(
        folder / "small.prototxt", folder / "run", data_dir=folder, options=options, batch_size=5, display=2, **changes
    )


def test_fit_says_how_it_went(fitted, folder):
    assert (fitted.iteration, fitted.done, fitted.run_dir) == (6, True, str(folder / "run"))
    assert set(fitted.history) == {"loss", "lr", "test acc", "test loss"}
    assert [iteration for iteration, _ in fitted.history["loss"]] == [0, 2, 4, 6]
    assert [iteration for iteration, _ in fitted.history["test acc"]] == [0, 3, 6]
    assert fitted.score == pytest.approx(fitted.history["test acc"][-1][1], abs=1e-5)
    assert pathlib.Path(fitted.weights).is_file() and pathlib.Path(fitted.log).is_file()


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"max_itr": 3}, 'no such change, got max_itr, .*did you mean "max_iter"'),
        ({"net_param": "x"}, r"no such change, got net_param, .*\(short names are "),
        ({"layer": "x"}, "no such change, got layer, .*layers by set="),
        ({"lr": 1, "base_lr": 2}, "base_lr is given twice, got set and lr, want one of them"),
        ({"max_iter": "many"}, "set:1: field max_iter does not take this value"),
    ],
)
def test_fit_says_a_wrong_change(folder, changes, says):
    with pytest.raises(ZooError, match=says):
        zoo.fit(folder / "small.prototxt", folder / "none", data_dir=folder, **changes)
    assert not (folder / "none").exists()


def test_dataset_is_one_pass_over_a_source(folder):
    items = list(zoo.dataset("small/test", data_dir=folder).as_numpy_iterator())
    assert len(items) == 20 and items[0][0].shape == (12, 13, 1) and items[0][0].max() > 1
    assert len(zoo.dataset("small/test", 8, data_dir=folder)) == -(-len(items) // 8)  # known, as Keras's bars want it
    batches = list(zoo.dataset("small/test", 8, scale=0.5, data_dir=folder).as_numpy_iterator())
    assert [len(labels) for _, labels in batches] == [8, 8, 4]
    np.testing.assert_array_equal(batches[2][0][3], items[19][0] * 0.5)
    assert batches[0][0][0].shape == (12, 13, 1)
    (cropped, _), *_ = zoo.dataset("small/train", crop_size=7, data_dir=folder).take(1)
    assert cropped.shape == (7, 7, 1)


@pytest.mark.parametrize(
    "given, says",
    [
        ({"phase": "test"}, "no such phase, got 'test', want TRAIN or TEST"),
        ({"batch_size": 0}, "not a batch_size, got 0, want a whole number, 1 or more"),
        ({"crop_size": -4}, "not a crop_size, got -4, want a whole number, 0 or more"),
    ],
)
def test_dataset_says_what_is_wrong_with_it(folder, given, says):
    with pytest.raises(ZooError, match=says):
        zoo.dataset("small/test", data_dir=folder, **given)


def test_dataset_of_a_config_is_what_it_feeds(folder):
    images, labels = next(iter(zoo.dataset(folder / "small.prototxt", phase="TEST", data_dir=folder)))
    assert images.shape == (9, 10, 10, 1) and labels.shape == (9,)
    with pytest.raises(ZooError, match='source "nothing" is not there'):
        zoo.dataset("nothing", data_dir=folder)
    with pytest.raises(ZooError, match="a config says its batch_size itself, got batch_size=3 with the config .*small"):
        zoo.dataset(folder / "small.prototxt", 3, data_dir=folder)
    with pytest.raises(ZooError, match='"lenett" is neither a source nor a packaged config .did you mean "lenet"'):
        zoo.dataset("lenett", data_dir=folder)


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")  # Keras's own
def test_a_loaded_model_is_keras_own_and_prepares_its_images(fitted, folder, tmp_path):
    model = zoo.load(folder / "small.prototxt", fitted.weights, input_shape={"data": (1, 1, 10, 10)})
    assert isinstance(model, keras.Model) and type(model).__module__.startswith("keras.")
    images = [image for image, _ in zoo.dataset("small/test", data_dir=folder).take(3).as_numpy_iterator()]
    given = model.preprocess(images)
    assert given.shape == (3, 10, 10, 1) and given.max() <= 255 * 0.01 + 1e-6
    predictions = model(given)
    best = model.decode(predictions, top=2)
    assert [guesses[0].label for guesses in best] == list(np.argmax(predictions, axis=1))
    assert best[0][0] == Guess(best[0][0].label, str(best[0][0].label), float(np.max(predictions[0])))
    model.save(tmp_path / "a.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "a.keras")(given), predictions)


def test_load_looks_for_data_where_fit_does(folder, tmp_path, monkeypatch):
    """Nothing but the data says the size of the image: they lie in data/, as for zoo.fit and zoo.dataset."""
    (tmp_path / "data").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    uncropped = 'layer { name: "in" transform_param { crop_size: 0 } }'
    assert zoo.load(folder / "small.prototxt", set=uncropped).input_shape == (None, 12, 13, 1)


def test_it_sees_what_zoo_classify_sees(fitted, folder, tmp_path):
    import cv2

    picture = np.random.default_rng(1).integers(0, 255, (31, 17, 3)).astype(np.uint8)
    path = str(tmp_path / "picture.png")
    cv2.imwrite(path, picture[:, :, ::-1])
    shapes = {"data": (1, 1, 10, 10)}
    config = str(folder / "small.prototxt")
    model = zoo.load(config, fitted.weights, input_shape=shapes, labels=["a", "b", "c", "d"])
    net, _ = config_classifier(config, [fitted.weights], shapes=shapes)
    want = net.predict([load_image(path, False)], oversample=False)
    np.testing.assert_allclose(model(model.preprocess(path)), want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model(model.preprocess(picture)), want, rtol=1e-4, atol=1e-5)
    assert model.decode(want)[0][0].name in "abcd"


def test_a_mean_may_be_a_file(folder, tmp_path):
    np.save(tmp_path / "mean.npy", np.float32([3]))
    model = zoo.load(folder / "small.prototxt", input_shape={"data": (1, 1, 10, 10)}, mean=tmp_path / "mean.npy")
    np.testing.assert_allclose(model.preprocess(np.full((10, 10), 103, np.uint8)), 100 * 0.01, rtol=1e-5)


def test_an_image_of_shares_is_warned_of(folder, caplog):
    model = zoo.load(folder / "small.prototxt", input_shape={"data": (1, 1, 10, 10)})
    model.preprocess(np.full((10, 10), 1.5))
    assert "nearly black" not in caplog.text
    model.preprocess(np.full((10, 10), 0.5))
    assert "an image whose values are all in 0..1" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((2, 3, 5)), np.zeros(4), np.zeros((0, 3)), [], np.full((4, 4), np.nan), np.zeros((4, 4), "complex64")],
)
def test_what_is_no_image_is_said(folder, wrong):
    model = zoo.load(folder / "small.prototxt", input_shape={"data": (1, 1, 10, 10)})
    with pytest.raises(ZooError, match="no image"):
        model.preprocess(wrong)
    with pytest.raises(ZooError, match="no predictions, got shape"):
        model.decode(np.zeros((2, 3, 4)))
    with pytest.raises(ZooError, match="no classes to name, got top=-1, want 1 or more"):
        model.decode(np.eye(4), top=-1)
    with pytest.raises(ZooError, match=r"which output names the classes\?, got box, score, want one of them"):
        model.decode({"box": np.eye(4), "score": np.eye(2)})
    with pytest.raises(ZooError, match="names of classes do not fit the net, got 10 names, want 4"):
        zoo.load(folder / "small.prototxt", input_shape={"data": (1, 1, 10, 10)}, labels="mnist").decode(np.eye(4))
