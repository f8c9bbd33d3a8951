"""ImageNet's official archives in small: the layout of the real ones, made images in it."""

import io
import tarfile

import cv2
import numpy as np
import scipy.io

from tests.input.small_data import pictures

SYNSETS = ["n01440764", "n01530575", "n02106662", "n03000684"]
IDS = [3, 1, 4, 2]  # the devkit's numbers of these: not in their order


def jpeg(seed, height=24, width=33):
    """Returns the bytes of a smooth JPEG image."""
    return cv2.imencode(".jpg", cv2.GaussianBlur(pictures(1, height, width, 3, seed)[0], (0, 0), 3))[1].tobytes()


def cmyk(seed):
    """Returns the bytes of a CMYK JPEG."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("CMYK", (30, 21), (seed, 200, 30, 40)).save(file, "JPEG")
    return file.getvalue()


def png(seed):
    """Returns the bytes of a PNG."""
    return cv2.imencode(".png", pictures(1, 22, 31, 3, seed)[0])[1].tobytes()


def tar(files, mode="w"):
    """Returns the bytes of an archive of {name: bytes}."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def train_files(each=5):
    """Returns {synset: {name: bytes}}, a CMYK image and a PNG among them."""
    return {
        synset: {
            f"{synset}_{i * 7}.JPEG": cmyk(i) if (c, i) == (1, 2) else png(i) if (c, i) == (2, 3) else jpeg(10 * c + i)
            for i in range(each)
        }
        for c, synset in enumerate(SYNSETS)
    }


def val_files():
    """Returns ({name: bytes}, [index of the class of each])."""
    classes = [2, 0, 3, 1, 1, 2, 0]
    return {f"ILSVRC2012_val_{i + 1:08d}.JPEG": jpeg(100 + i, 20 + i, 40 - i) for i in range(len(classes))}, classes


def devkit(truth):
    """Returns ({name: bytes}) of the devkit's two files for the classes `truth`."""
    table = np.zeros(len(SYNSETS) + 1, dtype=[("ILSVRC2012_ID", object), ("WNID", object)])
    for row, (number, synset) in enumerate([*sorted(zip(IDS, SYNSETS)), (1001, "n00001740")]):
        table[row] = (number, synset)
    meta = io.BytesIO()
    scipy.io.savemat(meta, {"synsets": table})
    lines = "".join(f"{IDS[index]}\n" for index in truth)
    folder = "ILSVRC2012_devkit_t12/data/"
    return {
        folder + "meta.mat": meta.getvalue(),
        folder + "ILSVRC2012_validation_ground_truth.txt": lines.encode(),
    }


def write(folder, train=None):
    """Writes the three archives into `folder`; returns their paths."""
    files, truth = val_files()
    inner = {f"{synset}.tar": tar(some) for synset, some in (train or train_files()).items()}
    made = {
        "ILSVRC2012_img_train.tar": tar(inner),
        "ILSVRC2012_img_val.tar": tar(files),
        "ILSVRC2012_devkit_t12.tar.gz": tar(devkit(truth), "w:gz"),
    }
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in made]
