"""Directories as TensorFlow Datasets prepares them, made by its own writers from images that a test brings."""

import pathlib
import warnings

import tensorflow_datasets as tfds
from tensorflow_datasets import features as kinds

LIKE = {  # the features of these data sets in TFDS
    "mnist": {"image": kinds.Image(shape=(28, 28, 1)), "label": kinds.ClassLabel(num_classes=10)},
    "cifar10": {
        "id": kinds.Text(),
        "image": kinds.Image(shape=(32, 32, 3)),
        "label": kinds.ClassLabel(names=["airplane", "automobile", "bird", "cat", "deer"]),
    },
    "imagenet2012": {
        "image": kinds.Image(encoding_format="jpeg"),
        "label": kinds.ClassLabel(names=["n01440764", "n01443537", "n01484850"]),
        "file_name": kinds.Text(),
    },
}


def prepare(folder, name, splits, features=None, keys=("image", "label"), shards=1, file_format=None):
    """Has TFDS prepare a data set under `folder`; returns the directory of its version.

    Args:
        folder: its data_dir.
        name: of the data set.
        splits: {name: [example, ...]}.
        features: {name: feature}; those of `LIKE` unless given.
        keys: its supervised_keys.
        shards: files a split.
        file_format: such as "tfrecord", which it is unless given.
    """
    title = name

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = title
        VERSION = tfds.core.Version("3.0.1")
        pkg_dir_path = pathlib.Path(__file__).parent
        code_path = None  # else TFDS asks for the package importlib_resources, which it does not require

        def _info(self):
            found = kinds.FeaturesDict(features or LIKE[name])
            return tfds.core.DatasetInfo(builder=self, features=found, supervised_keys=keys, description="made")

        def _split_generators(self, dl_manager):
            return {split: enumerate(examples) for split, examples in splits.items()}

        def _generate_examples(self):
            raise NotImplementedError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TFDS's own
        builder = Builder(data_dir=str(folder), file_format=file_format)
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=shards))
    return pathlib.Path(builder.data_dir)


def opened(folder):
    """Returns what ``tfds.builder_from_directory`` makes of a directory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return tfds.builder_from_directory(str(folder))


def read(folder, split, **options):
    """Returns the list of what TFDS reads of a split, in the order of its files, and the tfds.core.DatasetInfo."""
    builder = opened(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        order = tfds.ReadConfig(interleave_cycle_length=1)
        dataset = builder.as_dataset(split=split, shuffle_files=False, read_config=order, **options)
        return list(tfds.as_numpy(dataset)), builder.info
