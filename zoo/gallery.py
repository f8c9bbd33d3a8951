"""Makes one page of what a net has learned: kernels, activations, saliency, top patches, a dream, an embedding.

  python -m zoo.gallery --config=lenet --weights=lenet_iter_10000.caffemodel
  python -m zoo.gallery --config=deploy.prototxt --weights=net.caffemodel --images=photos/ --mean_value=104,117,123 \\
      --output=net_gallery

The directory --output gets index.html, which has all its images inside and opens without a network, and each image as
a PNG file. Images are those of --images, or the data that the config's test net reads. Below each part stands the
command that makes it alone, with flags to change it; what a net does not have, such as class scores, is left out, and
the page says why.
"""

import pathlib

from absl import flags

from zoo import command, given_files, look_flags, terminal
from zoo.errors import NetError, OutputError, ZooError
from zoo.formats import atomic, class_names
from zoo.images import files
from zoo.progress import Progress, waiting
from zoo.report import Report, python, typed

NET = look_flags.NetFlags()
SOURCE = look_flags.SourceFlags(1000, "that the net is looked at with")
BLOB = flags.DEFINE_string("blob", None, 'Blob with a value for each class. Default: the only output, or "prob".')
OUTPUT = flags.DEFINE_string("output", "gallery", "Directory for index.html and its images.")
RUN_DIR = flags.DEFINE_string("run_dir", None, "Run directory whose TensorBoard shows the images too, under IMAGES.")
UNITS, ROWS, THUMBNAILS = 9, 4, 500  # of a blob's patches, images of saliency, images of the embedding
SEVERAL = 20  # classes: up to so many, the dream is of each of them


def main():
    """Reads the flags, makes each part, writes the images and the page."""
    SOURCE.check()
    folder = pathlib.Path(OUTPUT.value)
    given_files.check(outputs=[folder / "index.html"], makes_folder=True)
    net = NET.open()
    from zoo.pages import page
    from zoo.pages.gallery import gallery_page

    parts = _Parts(net)
    sections = []
    with Progress(len(parts.names), "parts", "part") as progress:
        for name in progress.over(parts.names):
            sections.append(parts.section(name))
    made = {each.name: each.image for each in sections if each.image is not None}
    atomic.make_directory(folder, OutputError)
    for name, image in made.items():
        files.write(folder / f"{name}.png", image)
    page.write(folder / "index.html", gallery_page(f"What {net.name} has learned", parts.intro(), sections))
    report = Report(f"A gallery of {NET.of(net)}: {len(made)} of {len(sections)} parts.")
    report.made("page", folder / "index.html")
    report.made("images", folder, ", ".join(f"{name}.png" for name in made))
    for why in dict.fromkeys(each.why for each in sections if each.image is None):
        report.row("left out", f"{', '.join(each.name for each in sections if each.why == why)}: {why}")
    if RUN_DIR.value:
        from zoo.visualization import board

        board.write(RUN_DIR.value, {f"gallery/{name}": made[name] for name in made}, board.iteration(NET.weights))
        report.made("TensorBoard", pathlib.Path(RUN_DIR.value) / board.FOLDER)
    one = next((each for each in sections if each.image is not None), None)
    return report.then_typed("one alone", one.command.replace("python", python(), 1)) if one else report


class _Parts:
    """Makes the parts of the gallery of a `TrainedNet`."""

    names = ("filters", "activations", "saliency", "patches", "dream", "embedding")

    def __init__(self, net):
        self._net, self._source, self._scores = net, None, None
        self._no_scores = NetError("no class scores")
        try:
            self._source = SOURCE.open(net)
        except ZooError as error:
            terminal.warning(f"there are no images to look at the net with: {error}")
        try:
            self._scores = net.scores(BLOB.value)
        except NetError as error:
            if BLOB.value:
                raise
            self._no_scores = error
        self._names = () if self._scores is None else NET.names(net.units(self._scores), self._source)

    def intro(self):
        """Returns what the page says first."""
        names = ", ".join(pathlib.Path(path).name for path in NET.weights)
        said = f"Weights: {names or 'none, as its fillers drew them'}."
        if self._source is None:
            return f"{said} There were no images to look at it with."
        return f"{said} Looked at with {SOURCE.total(self._source)} images: {self._source.title}."

    def section(self, name):
        """Returns the `Section` of one part."""
        from zoo.pages.gallery import Section

        title, text = TEXTS[name]
        try:
            with waiting(title):
                image, words = getattr(self, f"_{name}")()
        except ZooError as error:
            place = f"{error.at}: " if error.at else ""  # a path of this machine says nothing to who reads the page
            return Section(name, title, text, why=str(error).removeprefix(place))
        module = {"dream": "deep_dream"}.get(name, name)
        if name == "filters":
            words = [f"--weights={NET.weights[-1]}", *words]
        else:
            words = [*NET.again(images=name != "dream"), *words]
        return Section(name, title, text, f"python -m zoo.{module} {typed(words)}", image)

    @staticmethod
    def _blob():
        return [f"--blob={BLOB.value}"] if BLOB.value else []

    def _images(self):
        if self._source is None:
            raise ZooError("there are no images to look at it with", hint="--images=FOLDER")
        return self._source

    def _planes(self):
        """Returns the names of blobs with height and width that convolutions give; if any is rectified, of those."""
        from zoo.visualization.backward import RECTIFIERS

        net, types = self._net, {}
        for layer in net.definition.layers:
            for top in layer.tops:
                types.setdefault(top.name, []).append(layer.type)
        found = [name for name in net.blobs if "Convolution" in types[name][0] and net.is_plane(net.value(name))]
        return [name for name in found if types[name][-1] in RECTIFIERS] or found

    def _filters(self):
        from zoo.formats import caffemodel
        from zoo.visualization.sheets import kernels

        if not NET.weights:
            raise ZooError("no weights file to read kernels from")
        weights = caffemodel.read(NET.weights[-1])
        found = kernels.with_kernels(weights)
        found = [name for name in found if min(weights[name][0].shape[2:], default=0) > 1] or found
        layers = list(dict.fromkeys([*found[:2], *found[len(found) // 2 :][:1]]))[:3]
        named = kernels.labels(NET.weights[-1:])
        image = kernels.kernel_sheet(named, layers, 16, None, f"Kernels: {NET.of(self._net)}")
        return image, [f"--layers={','.join(layers)}"]

    def _activations(self):
        from zoo.visualization.sheets.activations import activation_sheet, usual_blobs

        fed, _ = self._images().item(0)
        title = f"Activations for {SOURCE.title(0)}: {NET.of(self._net)}"
        return activation_sheet(self._net, fed, usual_blobs(self._net), title, classes=self._names), []

    def _saliency(self):
        from zoo.visualization.saliency import METHODS
        from zoo.visualization.sheets.saliency import SaliencyRows, saliency_sheet

        source = self._images()
        if self._scores is None:
            raise self._no_scores
        rows = SaliencyRows(self._net, METHODS, self._scores, self._names)
        count = min(ROWS, SOURCE.total(source))
        panels = [
            rows.row(fed, SOURCE.title(number), None if labels is None else int(labels[0]))
            for number, (fed, labels) in enumerate(source.batches(1, count))
        ]
        image = saliency_sheet(panels, f"What matters for the likeliest class: {NET.of(self._net)}")
        return image, [*self._blob(), f"--count={count}"]

    def _patches(self):
        from zoo.visualization.patches import strongest
        from zoo.visualization.sheets.patches import patch_panel, patch_sheet

        source, net, blobs = self._images(), self._net, self._planes()
        if not blobs:
            raise ZooError("no convolution gives a plane")
        half = max(net.input.shape[2:]) / 2
        blob = [name for name in blobs if max(net.fields[net.value(name)].size) <= half or name == blobs[0]][-1]
        ref, total = net.value(blob), SOURCE.total(source)
        units = list(range(min(UNITS, net.units(ref))))
        found = strongest(net, ref, units, source.batches(net.usual_batch, total))
        names = tuple(map(class_names.short, source.classes))
        panels = [patch_panel(net, ref, unit, found[unit], names) for unit in units]
        image = patch_sheet(net, ref, panels, f"What excites {blob}: {NET.of(net)}", f"{total} images")
        return image, [f"--blob={blob}", f"--most={UNITS}", f"--count={total}"]

    def _dream(self):
        from zoo.visualization import deep_dream
        from zoo.visualization.sheets.dreams import Dreamer, dream_sheet

        if self._scores is not None and 1 < len(self._names) <= SEVERAL:
            dreamer = Dreamer(self._net, deep_dream.OF_CLASSES)
            labels = list(range(len(self._names)))
            panels = dreamer.panels(self._scores, deep_dream.channels(labels), self._names)
            image = dream_sheet(panels, f"A dream of all classes from noise: {NET.of(self._net)}")
            return image, ["--class=all", *self._blob()]
        blobs, path = self._planes(), SOURCE.first
        if not blobs:
            raise ZooError("no convolution gives a plane")
        blob = blobs[len(blobs) // 2]
        dreamer = Dreamer(self._net, deep_dream.Ascent(), path, largest=384)
        panels = dreamer.panels(self._net.value(blob), deep_dream.squares, [blob])
        start, words = ("noise", []) if path is None else (path.stem, [f"--images={path}", "--largest=384"])
        return dream_sheet(panels, f"A dream of {blob} from {start}: {NET.of(self._net)}"), [f"--blob={blob}", *words]

    def _embedding(self):
        from zoo.visualization import embedding
        from zoo.visualization.sheets.embeddings import embedding_sheet

        source, net = self._images(), self._net
        blobs = self._planes()
        if self._scores is None and not blobs:
            raise self._no_scores
        ref = net.value(blobs[-1]) if self._scores is None else net.features(self._scores)
        total = min(THUMBNAILS, SOURCE.total(source))
        vectors, fed, labels = embedding.features(net, ref, source.batches(net.usual_batch, total))
        places = embedding.tsne(vectors)
        note = f"t-SNE of {len(vectors)} x {vectors.shape[1]} values of {ref}"
        title = f"What looks alike to {ref}: {NET.of(net)}"
        names = tuple(map(class_names.short, source.classes))
        image = embedding_sheet(net, places, fed, labels, names, title, note)
        return image, [f"--blob={ref}", f"--count={total}"]


TEXTS = {
    "filters": (
        "Kernels",
        "The weights of convolutions. Those of the first layer are looked at as what they are, small images: edges, "
        "spots, colours. Deeper ones read the channels of the layer before and say less by themselves.",
    ),
    "activations": (
        "Activations",
        "What each blob holds for one image, a cell for each channel: which of its features the net finds, and where.",
    ),
    "saliency": (
        "What matters",
        "Which pixels the score of the likeliest class depends on, by four methods. They answer different questions: "
        "the gradient which pixel would change it most, occlusion what is missed when it is covered.",
    ),
    "patches": (
        "What excites a unit",
        "For units of one layer the parts of images that excite them most, and, of each, the pixels that do.",
    ),
    "dream": (
        "A dream",
        "An image changed step by step until the net finds in it most of what it looks for.",
    ),
    "embedding": (
        "Like to like",
        "Each image lies where its features put it: groups are what looks alike to the net, and what lies among "
        "strangers is what it is likely to take for something else.",
    ),
}


if __name__ == "__main__":
    command.run(main)
