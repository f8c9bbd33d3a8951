"""The made-up archive is laid out as the official one, and memory is counted over all processes."""

import os
import subprocess
import sys
import time

import cv2
import numpy as np

from benchmarks.scale import Watch, build, resident
from data_prep import archives


def test_an_archive_of_archives(tmp_path):
    build(tmp_path / "a.tar", 7, 3, 16)
    files = archives.listing(tmp_path / "a.tar")
    assert [file.class_name for file in files] == ["n00000001"] * 2 + ["n00000002"] * 2 + ["n00000003"] * 3
    assert len({file.bytes() for file in files}) == 7
    for file in files:
        assert cv2.imdecode(np.frombuffer(file.bytes(), np.uint8), cv2.IMREAD_COLOR).shape == (16, 16, 3)


def test_memory_of_a_process_and_its_child():
    child = "import sys; x = bytearray(b'x' * 60_000_000); print(flush=True); sys.stdin.read()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", parent], **pipes) as process:
        watch = Watch(process.pid, every=0.01)
        watch.start()
        process.stdout.readline()
        held = resident(process.pid)
        while watch.peak < held * 0.9:
            assert watch.is_alive()
            time.sleep(0.01)
        process.stdin.close()
        process.wait()
        watch.stop()
    assert 60e6 < held < 300e6
    assert resident(os.getpid()) > 10e6
