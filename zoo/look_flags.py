"""The flags and closing lines of the commands that look into a net: zoo.filters, .activations, .saliency and so on."""

import pathlib

from absl import flags

from zoo import command, config_flag, given_files, image_paths, user_code
from zoo.errors import ZooError, did_you_mean
from zoo.formats import class_names, limits
from zoo.images import files
from zoo.report import Report

flags.disclaim_key_flags()  # --help of the command that defines the flags lists them

WEIGHTS_HELP = "Weights files (.caffemodel, .caffemodel.h5, our .keras), loaded in turn."
RGB_HELP = (
    "The net wants R, G, B, not B, G, R. Not needed where the config's data is here and its card says raw R, G, B. "
    "Needed where it was trained on a database that Caffe's own create_cifar10.sh made: that holds R, G, B, and no "
    "database says so."
)


class Written:
    """The flags --output and --run_dir.

    Args:
        name: the default of --output.
        what: what is written, such as "the kernels".
    """

    def __init__(self, name, what):
        self._what = what
        self._output = flags.DEFINE_string("output", name, f"PNG file to write {what} to.")
        self._run_dir = flags.DEFINE_string(
            "run_dir", None, f"Run directory whose TensorBoard shows {what} too, under IMAGES."
        )

    def check(self):
        """Raises OutputError where no PNG file can be written as --output says, for before the work."""
        files.check(self._output.value)

    def end(self, heading, tag, image, weights):
        """Writes the image; returns the `Report` that says so.

        Args:
            heading: one sentence: what has been done.
            tag: what TensorBoard calls it.
            image: uint8 (H, W, 3).
            weights: paths of the weights files, whose names say the iteration.
        """
        path, report = self._output.value, Report(heading)
        files.write(path, image)
        report.made("image", path, f"{path} ({image.shape[1]} x {image.shape[0]})")
        if self._run_dir.value:
            from zoo.visualization import board

            board.write(self._run_dir.value, {tag: image}, board.iteration(weights))
            report.made("TensorBoard", pathlib.Path(self._run_dir.value) / board.FOLDER)
            report.then("watch", "tensorboard.main", "--logdir", self._run_dir.value)
        return report


class NetFlags:
    """The flags that say which net is looked into, and how it takes images."""

    def __init__(self):
        string, listed = flags.DEFINE_string, flags.DEFINE_list
        self._config = config_flag.define("Net or solver (prototxt), or the name of a packaged config.")
        self._weights = listed("weights", [], f"{WEIGHTS_HELP} Without any, what the net's fillers draw.")
        self._labels = string(
            "labels", None, "Names of the classes: imagenet, cifar10, mnist, a file with a name a line, or a split."
        )
        self._mean_value = listed("mean_value", None, "What is subtracted from images: one number, or one a channel.")
        self._mean_file = string("mean_file", None, "Mean image (.binaryproto, or .npy).")
        self._scale = flags.DEFINE_float("scale", None, "What the difference is multiplied by.")
        self._rgb = flags.DEFINE_bool("rgb", False, RGB_HELP)
        self._dims = listed("images_dim", [], "Height and width that images are brought to before the crop.")
        self._shape = flags.DEFINE_multi_string("input_shape", [], "Caffe shape of the input: 'data: 1,3,227,227'.")
        self._data_dir = string("data_dir", "data", "Where the config's data and mean file are looked for first.")
        limits.define_flags(limits.MEMORY_BYTES, limits.IMAGE_PIXELS)

    @property
    def config(self):
        """The path of the config."""
        return self._config.value

    @property
    def weights(self):
        """The paths of the weights files."""
        return self._weights.value

    def open(self):
        """Returns the `TrainedNet`; raises ZooError for what is wrong with it."""
        config_flag.check(self.config)
        given_files.check(self.weights)
        named = class_names.of(self._labels.value) if self._labels.value else ()
        command.quiet_tensorflow()
        user_code.load()
        from zoo.export import input_shapes
        from zoo.pycaffe.config_classifier import preparation_of
        from zoo.visualization.trained_net import TrainedNet

        self._named = named
        how = preparation_of(
            self._mean_value.value, self._mean_file.value, self._scale.value, self._rgb.value, self._dims.value
        )
        shapes = input_shapes.parse(self._shape.value) or None
        return TrainedNet(self.config, self.weights, how, shapes, self._data_dir.value)

    def names(self, count, source=None):
        """Returns short names of `count` classes: --labels, else those of the data, else as the count says.

        Raises:
            ZooError: --labels says another number of names.
        """
        if self._named and len(self._named) != count:
            want = f"{count}, as the net has classes"
            raise ZooError("--labels does not fit the net", got=f"{len(self._named)} names", want=want)
        return class_names.short_names(count, self._named or getattr(source, "classes", ()))

    def classes(self, net, source):
        """Returns as `names` does, of the net's own class scores; () where it has none, or several."""
        try:
            count = net.units(net.scores())
        except ZooError:
            return ()
        return self.names(count, source)

    def of(self, net):
        """Returns what titles say of the net and its weights, such as "LeNet, lenet_iter_10000"."""
        files_said = ", ".join(pathlib.Path(path).name.partition(".")[0] for path in self.weights)
        return f"{net.name}, {files_said or 'weights as its fillers draw them'}"

    def again(self, images=True):
        """Returns the words of this command that another one on the same net needs, with --images or without."""
        return command.again(
            *("config", "weights", "labels", "mean_value", "mean_file", "scale", "rgb", "images_dim"),
            *("input_shape", "data_dir", *(["images"] if images else []), "import", "fork", "allow_python_layers"),
        )


class SourceFlags:
    """The flags that say which images are taken: --images, or else the config's own data; and --count.

    Args:
        count: the default of --count; None for no such flag.
        why: what for, as the help says it.
    """

    def __init__(self, count, why):
        help_of_images = (
            f"Image files, and directories of them, {why}. Default: the data that the config's test net reads."
        )
        self._images = flags.DEFINE_list("images", [], help_of_images)
        self._count = None
        if count is not None:
            self._count = flags.DEFINE_integer("count", count, "How many images are taken at most.", lower_bound=1)

    @property
    def count(self):
        """How many are taken at most; None for no limit."""
        return None if self._count is None else self._count.value

    def check(self):
        """Raises DataError where a directory holds no images, for before the net is built."""
        self._paths = image_paths.images(self._images.value)

    def open(self, net):
        """Returns the `ImageFiles` or `ConfigData` for a `TrainedNet`; raises ZooError where there is neither."""
        from zoo.visualization.sources import ConfigData, ImageFiles

        return ImageFiles(net, self._paths[: self.count]) if self._paths else ConfigData(net)

    @property
    def first(self):
        """The path of the first image file, or None."""
        return self._paths[0] if self._paths else None

    def total(self, source):
        """Returns how many are taken of the opened source."""
        return min(each for each in (self.count, source.count) if each is not None)

    def title(self, number):
        """Returns what image number `number` is called on a sheet."""
        return self._paths[number].stem if self._paths else f"image {number}"


def counted(batches, progress):
    """Yields the batches, (fed, labels), and counts the items of each when it has been dealt with."""
    for fed, labels in batches:
        yield fed, labels
        progress.add(len(fed))


def numbers(flag, texts):
    """Returns the whole numbers, 0 or more, of a flag's list; raises ZooError for anything else."""
    for text in texts:
        if not text.isdecimal():
            raise ZooError(f"{flag} takes whole numbers from 0 on", got=text, want="such as 0,3,17")
    return [int(text) for text in texts]


def size(flag, texts):
    """Returns (height, width) of a flag's list, or None where it is empty; raises ZooError for anything else."""
    sides = numbers(flag, texts)
    if sides and (len(sides) != 2 or min(sides) < 1):
        raise ZooError(flag, got=",".join(texts), want="height and width, such as 300,400")
    return (sides[0], sides[1]) if sides else None


def one_image(given):
    """Returns the path of the only image of --images, or None; raises ZooError where there are several."""
    paths = image_paths.images(given)
    if len(paths) > 1:
        raise ZooError("one image to begin with", got=f"{len(paths)} images", want="--images=FILE")
    return paths[0] if paths else None


def check_known(flag, given, known):
    """Raises ZooError for a word of a flag's list that is not one of `known`, and for an empty list."""
    for word in given:
        if word not in known:
            hint = did_you_mean(word, known)
            raise ZooError(f"{flag} knows no such word", got=repr(word), want=", ".join(known), hint=hint)
    if not given:
        raise ZooError(f"{flag} is empty", want=", ".join(known))
