"""One net or model in several threads."""

import sys
import threading

import numpy as np
import pytest

import zoo.cv
from tests.cv import nets
from zoo.cv import runner


@pytest.fixture(autouse=True)
def eager_threads():
    """Threads take turns a thousand times as often as they do by default."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def at_once(work, count=4):
    """Runs work(0), work(1), ... in threads; returns what they raised."""
    raised, start = [], threading.Barrier(count)

    def run(number):
        start.wait()
        try:
            work(number)
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_a_model_gives_each_thread_the_result_of_its_own_image(tmp_path):
    model = zoo.cv.Model(*nets.files(tmp_path)).setOutputNames(["pool"])
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
    want = [model.predict(image)[0] for image in images]

    def work(number):
        for _ in range(100):
            assert np.array_equal(model.predict(images[number])[0], want[number])

    assert at_once(work) == []


def test_sizes_that_come_and_go(tmp_path, monkeypatch):
    """More sizes than are kept: what one thread forgets is what another has just made."""
    monkeypatch.setattr(runner, "_SIZES", 1)
    net = zoo.cv.readNetFromCaffe(*nets.files(tmp_path))

    def work(number):
        for size in range(60):
            side = 8 + (size + number) % 5
            with net.lock:
                net.setInput(np.zeros((1, 3, side, side), np.float32))
                assert net.forward("conv1").shape == (1, 4, side - 2, side - 2)
            net.forward("conv1")
            net.setParam("conv1", 1, np.zeros(4, np.float32))

    assert at_once(work) == []
