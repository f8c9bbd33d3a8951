"""Runs the classic notebooks of pycaffe, which are fetched and never committed, through zoo.pycaffe.

python -m tests.notebooks --caffe=CHECKOUT --deepdream=CHECKOUT --folder=NEW --shared=../shared [NAME ...]

The notebooks as they ran, with what they printed and drew, are then in FOLDER/ran; docs/classic_notebooks.md gets the
tables of what was changed in them. They need requirements-notebooks.txt.
"""

import pathlib

import nbformat
from absl import flags

from tests.notebooks import stand_ins
from tests.notebooks.changes import CHANGES
from tests.notebooks.running import ROOT, run, source_of
from tests.notebooks.table import put, table
from zoo import command

CAFFE = flags.DEFINE_string("caffe", None, "A checkout of BVLC/caffe.", required=True)
DEEPDREAM = flags.DEFINE_string("deepdream", None, "A checkout of google/deepdream.", required=True)
SHARED = flags.DEFINE_string("shared", "../shared", "Where mnist and imagenet_sample are.")
SIAMESE = flags.DEFINE_string("siamese", None, "The .caffemodel of a trained configs/siamese_mnist.prototxt.")
FOLDER = flags.DEFINE_string("folder", None, "Where it runs; made and filled unless it is there.", required=True)
PAGE = ROOT / "docs" / "classic_notebooks.md"
NOTEBOOKS = {
    "00-classification": "caffe/examples",
    "01-learning-lenet": "caffe/examples",
    "02-fine-tuning": "caffe/examples",
    "net_surgery": "caffe/examples",
    "brewing-logreg": "caffe/examples",
    "mnist_siamese": "caffe/examples/siamese",
    "detection": "caffe/examples",
    "dream": "deepdream",
}


def main(*names):
    """Runs the notebooks that are named, or all."""
    folder = pathlib.Path(FOLDER.value).resolve()
    if not folder.exists():
        stand_ins.prepare(CAFFE.value, DEEPDREAM.value, pathlib.Path(SHARED.value).resolve(), SIAMESE.value, folder)
    (folder / "ran").mkdir(exist_ok=True)
    for name in names or NOTEBOOKS:
        notebook = source_of(folder / NOTEBOOKS[name] / f"{name}.ipynb")
        cells = run(notebook, folder / NOTEBOOKS[name], CHANGES.get(name, ()))
        nbformat.write(notebook, folder / "ran" / f"{name}.ipynb")
        for cell in cells:
            print(name, cell.number, ", ".join(cell.changed) or "as is", cell.error or "", sep="\t", flush=True)
        PAGE.write_text(put(PAGE.read_text(encoding="utf-8"), name, table(name, cells)), encoding="utf-8")


if __name__ == "__main__":
    command.run(main, arguments=len(NOTEBOOKS))
