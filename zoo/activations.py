"""Draws what the blobs of a net hold for an image: a cell for each channel, as the DeepVis toolbox shows them.

  python -m zoo.activations --config=lenet --weights=lenet.caffemodel --blobs=conv1,pool2,ip1
  python -m zoo.activations --config=deploy.prototxt --weights=net.caffemodel --images=cat.jpg --mean_value=104,117,123
  python -m zoo.activations --config=lenet --weights=lenet.caffemodel --item=7 --each --output=seven.png

Without --images it is the data that the config's test net reads, item number --item. All channels of a blob have one
scale, which the bar says, so that silent ones are dark; --each gives each its own. A blob that works in place is shown
as it is at the end, behind its ReLU. What has no height and width is shown as a cell for each value.
"""

from absl import flags

from zoo import command, look_flags

NET = look_flags.NetFlags()
SOURCE = look_flags.SourceFlags(None, "of which --item is looked at")
BLOBS = flags.DEFINE_list("blobs", [], "Blobs or layers to draw. Default: eight from the first to the last.")
ITEM = flags.DEFINE_integer("item", 0, "Which of the images, from 0.", lower_bound=0)
MOST = flags.DEFINE_integer("most", 64, "How many channels of a blob are drawn.", lower_bound=1)
EACH = flags.DEFINE_bool("each", False, "Give each channel a scale of its own, so that weak ones show.")
WRITTEN = look_flags.Written("activations.png", "the activations")


def main():
    """Reads the flags, runs the net on the image and draws."""
    WRITTEN.check()
    SOURCE.check()
    net = NET.open()
    from zoo.visualization.sheets.activations import activation_sheet, usual_blobs

    blobs = BLOBS.value or usual_blobs(net)
    source = SOURCE.open(net)
    fed, _ = source.item(ITEM.value)
    title = f"Activations for {SOURCE.title(ITEM.value)}: {NET.of(net)}"
    names = NET.classes(net, source)
    image = activation_sheet(net, fed, blobs, title, MOST.value, EACH.value, names)
    report = WRITTEN.end(f"Activations of {', '.join(blobs)}.", "activations", image, NET.weights)
    return report.then("what mattered", "zoo.saliency", *NET.again())


if __name__ == "__main__":
    command.run(main)
