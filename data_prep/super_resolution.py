"""Writes patches of images, scaled down and up again, as HDF5 files for configs/srcnn.prototxt and vdsr.prototxt.

    python -m data_prep.super_resolution --source=T91 --val_source=Set5 [--output_dir=data/srcnn]
    python -m data_prep.super_resolution --source=T291 --val_source=Set5 --output_dir=data/vdsr \\
        --size=41 --label_size=41 --stride=41 --scales=2,3,4 --augment

As the authors' MATLAB makes them: of each image the luminance from 0 to 1, cut to a multiple of the scale, reduced and
enlarged by bicubic interpolation that looks at all pixels which it reduces; of both, patches of --size and, from their
middle, of --label_size, every --stride pixels. `train.h5`, `test.h5` have the datasets `data` and `label`, (N,1,H,W);
`train.txt` and `test.txt` list them, which is what an HDF5Data layer reads. A large set is several files.
"""

import pathlib

import h5py
import numpy as np
from absl import flags

from data_prep import common, images, sources
from zoo import command
from zoo.errors import DataError, Place
from zoo.formats import atomic, image_file
from zoo.report import Report

FLAGS = {"train": "source", "test": "val_source"}
ROWS = 1 << 15  # patches of a file at most
WEIGHTS = np.float32([24.966, 128.553, 65.481]) / 255  # of B, G and R from 0 to 1 in the luminance (BT.601)
BLACK = np.float32(16 / 255)


def luminance(bgr):
    """Returns float32 (H, W) from 16/255 to 235/255 of uint8 (H, W, 3), as MATLAB's rgb2ycbcr."""
    return bgr.astype(np.float32) / 255 @ WEIGHTS + BLACK


def degraded(image, scale):
    """Returns (image cut to a multiple of `scale`, that reduced and enlarged by bicubic interpolation), both (H, W)."""
    tf = command.quiet_tensorflow()
    height, width = (length - length % scale for length in image.shape)
    image = image[:height, :width]
    small = (height // scale, width // scale)
    value = tf.image.resize(image[..., None], small, "bicubic", antialias=True)  # Keys's kernel, -0.5, as MATLAB's
    return image, tf.image.resize(value, (height, width), "bicubic", antialias=True).numpy()[..., 0]


def turned(image):
    """Yields an image (H, W) in its eight positions: turned by quarters, and mirrored."""
    for mirrored in (image, image[:, ::-1]):
        for quarters in range(4):
            yield np.rot90(mirrored, quarters)


class Patches:
    """All patches of some images, in an order that a seed decides.

    Args:
        files: paths of the images.
        size, label_size, stride: of the patches, in pixels.
        scales: integers.
        augment: whether each image counts in its eight positions.
        seed: of the order.

    Raises:
        DataError: an image that does not decode, or none that is large enough for a patch.
    """

    def __init__(self, files, size=33, label_size=21, stride=14, scales=(3,), augment=False, seed=0):
        import cv2

        self.size, self.label_size, self._pairs, self._places = size, label_size, [], []
        for path in files:
            at = Place(str(path))
            whole = image_file.decode(images.read_file(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION, at)
            for image in turned(luminance(whole)) if augment else [luminance(whole)]:
                for scale in scales:
                    self._add(degraded(image, scale) if min(image.shape) >= max(size, scale) else None, stride)
        if not self._places:
            largest = f"none of {len(files)} images is {size} x {size} or larger"
            raise DataError("no patches", at=Place(str(pathlib.Path(files[0]).parent)), got=largest)
        self._order = np.random.default_rng(seed).permutation(len(self._places))

    def _add(self, pair, stride):
        if pair is None:
            return
        height, width = pair[0].shape
        for y in range(0, height - self.size + 1, stride):
            for x in range(0, width - self.size + 1, stride):
                self._places.append((len(self._pairs), y, x))
        self._pairs.append(pair)

    def __len__(self):
        return len(self._places)

    def arrays(self, start, end):
        """Returns (data, label), float32 (N,1,H,W), of the patches from `start` to `end`."""
        border = (self.size - self.label_size) // 2
        chosen = [self._places[index] for index in self._order[start:end]]
        data = np.empty((len(chosen), 1, self.size, self.size), np.float32)
        label = np.empty((len(chosen), 1, self.label_size, self.label_size), np.float32)
        for row, (number, y, x) in enumerate(chosen):
            image, worse = self._pairs[number]
            data[row, 0] = worse[y : y + self.size, x : x + self.size]
            label[row, 0] = image[y + border :, x + border :][: self.label_size, : self.label_size]
        return data, label


def listing(folder):
    """Returns the paths of the images in `folder` and below, sorted; raises DataError where there are none."""
    folder = pathlib.Path(folder)
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in images.SUFFIXES and path.is_file())
    if not found:
        got = "no images" if folder.is_dir() else "no such directory"
        raise DataError("nothing to make patches of", at=Place(str(folder)), got=got)
    return found


def write(output_dir, split, patches):
    """Writes the `Patches` of one split, and the list of its files."""
    folder, names = pathlib.Path(output_dir).resolve(), []
    for start in range(0, len(patches), ROWS):
        path = folder / (f"{split}.h5" if len(patches) <= ROWS else f"{split}_{start // ROWS}.h5")
        with atomic.replacing(path, DataError) as file, h5py.File(file, "w") as tree:
            for name, array in zip(("data", "label"), patches.arrays(start, start + ROWS)):
                tree.create_dataset(name, data=array)
        names.append(path)
    with atomic.replacing(folder / f"{split}.txt", DataError) as file:
        file.write("".join(f"{path}\n" for path in names).encode())


def prepare(output_dir, folders, *, force=False, verify_sources=False, **options):
    """Writes the splits unless all of them are there; returns {split: patches made}.

    Args:
        output_dir: where to.
        folders: {split: folder of its images}.
        force: write again what is there.
        verify_sources: whether the images are held against what was noted of them.
        options: of `Patches`.

    Raises:
        DataError: as `Patches`; sizes that do not go together; splits that are there and made otherwise; another
            command that writes there.
    """
    size, label_size = (options.get(name, usual) for name, usual in (("size", 33), ("label_size", 21)))
    if label_size > size or (size - label_size) % 2:
        want = f"{size}, or less by 2, 4, ..."
        raise DataError("--label_size does not lie in the middle of --size", got=label_size, want=want)
    told = {name: ",".join(map(str, value)) if name == "scales" else value for name, value in options.items()}
    told |= {flag: str(folders[split]) for split, flag in FLAGS.items() if split in folders}

    def files():
        return {str(folder): listing(folder) for folder in folders.values()}

    if not force and pathlib.Path(output_dir, sources.FILE).is_file():
        hint = "add --force to make them again, or name another --output_dir"
        common.check_folder(output_dir, told, files, verify_sources, hint)
        return {}
    made = {split: Patches(listing(folder), **options) for split, folder in folders.items()}
    with common.noted_last(output_dir, {**told, sources.KEY: sources.noted(files(), verify_sources)}):
        for split, patches in made.items():
            write(output_dir, split, patches)
    return {split: len(patches) for split, patches in made.items()}


def main(_):
    """Reads the flags, prepares, and says the numbers."""
    f = flags.FLAGS
    try:
        scales = tuple(int(scale) for scale in f.scales)
    except ValueError:
        scales = ()
    if not scales or min(scales) < 2:
        raise DataError("--scales are not whole numbers from 2", got=",".join(f.scales), want="3, or 2,3,4")
    names = ("size", "label_size", "stride", "augment", "seed", "force", "verify_sources")
    options = {name: f[name].value for name in names} | {"scales": scales}
    made = prepare(f.output_dir, {split: f[flag].value for split, flag in FLAGS.items()}, **options)
    if not made:
        print(f"Nothing to do: {f.output_dir} is complete (--force prepares it again).")
    report = Report()
    for split, count in made.items():
        text = f'{split}: {count} patches\n  in a prototxt: source: "{f.output_dir}/{split}.txt"'
        report.text(text).note_made(split, f"{f.output_dir}/{split}.txt")
    config = pathlib.Path(f.output_dir).name
    return common.train_next(report, f.output_dir, config, config) if config in ("srcnn", "vdsr") else report


if __name__ == "__main__":
    flags.DEFINE_string("source", None, "Directory of the images to train on.", required=True)
    flags.DEFINE_string("val_source", None, "Directory of the images to test on.", required=True)
    flags.DEFINE_string("output_dir", "data/srcnn", "Where to write the HDF5 files and their lists.")
    flags.DEFINE_integer("size", 33, "Height and width of a patch that goes in.", lower_bound=1)
    flags.DEFINE_integer("label_size", 21, "Height and width of what should come out, its middle.", lower_bound=1)
    flags.DEFINE_integer("stride", 14, "Pixels from one patch to the next.", lower_bound=1)
    flags.DEFINE_list("scales", ["3"], "By how much images are reduced: whole numbers, separated by commas.")
    flags.DEFINE_bool("augment", False, "Take each image in its eight positions, turned and mirrored; tests too.")
    flags.DEFINE_integer("seed", 0, "Seed of the order of the patches.", lower_bound=0)
    sources.define_flag()
    flags.DEFINE_bool("force", False, "Write again what is there.")
    common.run(main)
