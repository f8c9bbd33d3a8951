"""The whole of ImageNet in small: as many images, archived as the official ones are, prepared and read back.

  python -m benchmarks.scale [--pictures=1281167] [--classes=1000] [--side=32] [--folder=DIRECTORY]

Builds an archive of archives (one a class), runs data_prep.imagenet on it, and reads every record once through a Data
layer. Prints the time of each step next to that of merely reading the archive and writing its bytes again (the floor),
the most memory that all processes of a step held together, and what this would come to on the real images. CPU is the
time that cores worked, which other programs on the machine hardly change. Memory is the resident set of the step's
process and all its descendants, added up twice a second (Linux's /proc); pages that they share count once for each of
them. At full count it takes 5 GB of --folder and removes them.
"""

import io
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tarfile
import tempfile
import threading
import time

import numpy as np
from absl import flags

from zoo import command
from zoo.errors import DataError

IMAGES = flags.DEFINE_integer("pictures", 1281167, "How many; ImageNet's training set by default.", lower_bound=1)
CLASSES = flags.DEFINE_integer("classes", 1000, "In how many classes, each an archive.", lower_bound=1)
SIDE = flags.DEFINE_integer("side", 32, "Height and width of an image.", lower_bound=8)
FOLDER = flags.DEFINE_string("folder", None, "Where there is space; default: the temporary directory.")
PROCESSES = flags.DEFINE_integer("processes", 0, "Of data_prep.imagenet; 0: one a core.", lower_bound=0)
READ = flags.DEFINE_string("read", None, "Only read the split at this prefix back: what this command starts itself.")
IMAGENET_BYTES, IMAGENET_IMAGES = 147897477120, 1281167  # of ILSVRC2012_img_train.tar
BATCH = 64
BLOCK = 1 << 20


def main():
    """Builds, prepares, reads, prints."""
    if READ.value:
        return _read_back(READ.value)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory(dir=FOLDER.value) as folder:
        folder = pathlib.Path(folder)
        began = time.perf_counter()
        train, val = folder / "train.tar", folder / "val.tar"
        build(train, IMAGES.value, CLASSES.value, SIDE.value)
        build(val, CLASSES.value, CLASSES.value, SIDE.value)
        size = train.stat().st_size
        print(f"built {IMAGES.value} images, {size / 1e9:.2f} GB, in {time.perf_counter() - began:.0f} s\n")
        print("| step | seconds | images/s | CPU s | CPU us an image | peak memory, MB |\n|---|---|---|---|---|---|")
        floor = _row("read the archive, write its bytes (the floor)", lambda: _copy(train, folder / "copy"))
        (folder / "copy").unlink()
        data = folder / "data"
        prepare = ["data_prep.imagenet", f"--source={train}", f"--val_source={val}", f"--output_dir={data}"]
        prepare.append(f"--processes={PROCESSES.value}")
        prepared = _row("`data_prep.imagenet`", lambda: _run(prepare))
        _row("the same again: nothing to do", lambda: _run(prepare))
        _row("read once by a Data layer", lambda: _run(["benchmarks.scale", f"--read={data / 'train'}"]))
        _extrapolate(size, floor, prepared)
    return 0


def build(path, pictures, classes, side):
    """Writes an archive of `classes` archives that together hold `pictures` JPEG files, all different."""
    import cv2

    rng = np.random.default_rng(0)
    bounds = [pictures * i // classes for i in range(classes + 1)]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as outer:
        for index, (start, end) in enumerate(zip(bounds, bounds[1:])):
            synset, stream = f"n{index + 1:08d}", io.BytesIO()
            with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as inner:
                for i, pixels in enumerate(rng.integers(0, 256, (end - start, side, side, 3), np.uint8)):
                    data = cv2.imencode(".jpg", cv2.blur(pixels, (3, 3)))[1].tobytes()
                    _add(inner, f"{synset}_{i}.JPEG", io.BytesIO(data), len(data))
            size = stream.tell()
            stream.seek(0)
            _add(outer, f"{synset}.tar", stream, size)


def _add(archive, name, stream, size):
    member = tarfile.TarInfo(name)
    member.size = size
    archive.addfile(member, stream)


def _copy(source, target):
    """Reads and writes in large blocks, and waits for the disk, as data_prep does."""
    with open(source, "rb") as read, open(target, "wb") as write:
        while block := read.read(BLOCK):
            write.write(block)
        write.flush()
        os.fsync(write.fileno())


def _run(arguments):
    """Runs a module with the most memory of it and its descendants as the result; raises DataError where it fails."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=output, stderr=subprocess.STDOUT)
        watch = Watch(process.pid)
        watch.start()
        code = process.wait()
        watch.stop()
        output.seek(0)
        said = output.read()
    if code:
        raise DataError(f"{arguments[0]} failed", got=said[-2000:])
    return watch.peak


class Watch(threading.Thread):
    """Notes the largest sum of resident bytes of a process and its descendants; `stop` ends it.

    Attributes:
        peak: that sum, in bytes.
    """

    def __init__(self, pid, every=0.5):
        super().__init__(daemon=True)
        self._pid, self._every, self._end, self.peak = pid, every, threading.Event(), 0

    def run(self):
        """Looks until it is told to stop."""
        while not self._end.wait(self._every):
            self.peak = max(self.peak, resident(self._pid))

    def stop(self):
        """Ends it."""
        self._end.set()
        self.join()


def resident(pid):
    """Returns the resident bytes of the process `pid` and all its descendants, as Linux counts them."""
    parents, pages = {}, {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)], pages[int(entry.name)] = int(fields[1]), int(fields[21])
        except OSError:  # it has just ended
            continue
    family, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in family} - family
        family, grown = family | more, bool(more)
    return sum(pages.get(member, 0) for member in family) * os.sysconf("SC_PAGE_SIZE")


def _row(name, step):
    """Does a step and prints its row; returns its (seconds, CPU seconds)."""
    cpu, began = _cpu_seconds(), time.perf_counter()
    peak = step()
    seconds, cpu = time.perf_counter() - began, _cpu_seconds() - cpu
    memory = f"{peak / 1e6:.0f}" if peak else ""
    rate, each = IMAGES.value / seconds, cpu / IMAGES.value * 1e6
    print(f"| {name} | {seconds:.1f} | {rate:.0f} | {cpu:.1f} | {each:.0f} | {memory} |", flush=True)
    return seconds, cpu


def _cpu_seconds():
    """Returns how long cores have worked for this process and for those of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _extrapolate(size, floor, prepared):
    """Says what real ImageNet would take: the floor's cost for its bytes, and the cost that an image adds to that."""
    copied, added = floor[0] / size * IMAGENET_BYTES, (prepared[1] - floor[1]) / IMAGES.value
    print(
        f"\nReal ImageNet: its {IMAGENET_BYTES / 1e9:.0f} GB at the floor's {size / floor[0] / 1e6:.0f} MB/s take "
        f"{copied / 60:.0f} min; {added * 1e6:.0f} us of CPU more for each of {IMAGENET_IMAGES} images "
        f"{added * IMAGENET_IMAGES / 60:.0f} min of one core, besides what larger files take to decode and hash."
    )


def _read_back(prefix):
    """Reads a split once through a Data layer; raises DataError where the labels are not those of its card."""
    command.quiet_tensorflow()
    from google.protobuf import text_format

    from zoo.errors import Place
    from zoo.formats import caffe_pb2, records
    from zoo.input.pipeline import DataLayer
    from zoo.netdef.netdef import BlobRef, LayerDef

    message = text_format.Parse(
        f'name: "data" type: "Data" top: "data" top: "label" data_param {{ source: "{prefix}" batch_size: {BATCH} }}',
        caffe_pb2.LayerParameter(),
    )
    tops = tuple(map(BlobRef, message.top))
    feed = DataLayer(LayerDef("data", "Data", (), tops, message, Place(prefix, 1, "data", "Data")), "TRAIN")
    card, left = records.read_card(prefix), feed.count
    found = np.zeros(len(card.classes), np.int64)
    with feed.reading():
        for _, labels in feed.dataset().as_numpy_iterator():
            found += np.bincount(labels[:left].astype(np.int64), minlength=len(found))
            left -= len(labels)
            if left <= 0:
                break
    if found.tolist() != list(card.made["per_class"]):
        raise DataError("other labels than the card says", got=int(found.sum()), want=card.count)
    return 0


if __name__ == "__main__":
    command.run(main)
