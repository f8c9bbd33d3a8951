"""Shows which pixels of an image matter for a class: gradient, guided backpropagation, Grad-CAM, occlusion.

  python -m zoo.saliency --config=lenet --weights=lenet.caffemodel
  python -m zoo.saliency --config=deploy.prototxt --weights=net.caffemodel --images=cat.jpg --mean_value=104,117,123
  python -m zoo.saliency --config=deploy.prototxt --weights=net.caffemodel --images=photos/ --class="tabby" \\
      --method=gradcam,occlusion --output=tabby.png

A row for each image: of --images, or of the data that the config's test net reads. The class is the likeliest of each
image unless --class says one, by number or name. All methods explain its score, before the Softmax:
  gradient    which pixels change it most (Simonyan 2013)
  guided      the same, keeping only what comes back positive through every ReLU (Springenberg 2015)
  gradcam     where the last planes of the net, or those of --layer, speak for it (Selvaraju 2017)
  occlusion   how much it falls where a grey square covers the image (Zeiler and Fergus 2013): slow, as the net runs
              once for each place of the square
"""

from absl import flags

from zoo import command, look_flags
from zoo.progress import Progress

NET = look_flags.NetFlags()
SOURCE = look_flags.SourceFlags(4, "a row for each")
METHODS = ("gradient", "guided", "gradcam", "occlusion")
METHOD = flags.DEFINE_list("method", list(METHODS), f"What to show, a column for each: {', '.join(METHODS)}.")
CLASS = flags.DEFINE_string("class", None, "The class that is explained. Default: the likeliest of each image.")
BLOB = flags.DEFINE_string("blob", None, 'Blob with a value for each class. Default: the only output, or "prob".')
LAYER = flags.DEFINE_string("layer", None, "Blob or layer of Grad-CAM. Default: the last that has height and width.")
SQUARE = flags.DEFINE_integer("square", None, "Pixels of occlusion's square. Default: a fifth of the image.", 1)
STRIDE = flags.DEFINE_integer("stride", None, "By how many pixels it moves. Default: a third of the square.", 1)
WRITTEN = look_flags.Written("saliency.png", "what matters")


def main():
    """Reads the flags, explains each image and draws."""
    look_flags.check_known("--method", METHOD.value, METHODS)
    WRITTEN.check()
    SOURCE.check()
    net = NET.open()
    from zoo.visualization.sheets.saliency import SaliencyRows, label_of, saliency_sheet

    scores = net.scores(BLOB.value)
    planes = None if LAYER.value is None else net.planes(LAYER.value)
    source = SOURCE.open(net)
    names = NET.names(net.units(scores), source)
    label = None if CLASS.value is None else label_of(CLASS.value, names, NET.config)
    rows = SaliencyRows(net, METHOD.value, scores, names, label, planes, SQUARE.value, STRIDE.value)
    total = SOURCE.total(source)
    with Progress(total * rows.steps(), "saliency", "step") as progress:
        rows.progress = progress.add
        panels = [
            rows.row(fed, SOURCE.title(number), None if labels is None else int(labels[0]))
            for number, (fed, labels) in enumerate(source.batches(1, total))
        ]
    of = "the likeliest class" if label is None else names[label]
    image = saliency_sheet(panels, f"What matters for {of}: {NET.of(net)}")
    report = WRITTEN.end(f"Saliency of {len(panels)} images for {of}.", "saliency", image, NET.weights)
    return report.then("what a unit sees", "zoo.patches", *NET.again(), f"--blob={net.last_planes(scores)}")


if __name__ == "__main__":
    command.run(main)
