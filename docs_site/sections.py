"""The site's sections, which are its navigation: what the bar at the top names, and the pages of each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """One section.

    Attributes:
        name: of its index page, without the ending.
        title: what the bar at the top calls it.
        intro: what stands above the list of its pages, Markdown.
        pages: names of its pages in the site, without endings, in order. Those that are written from the code follow.
    """

    name: str
    title: str
    intro: str
    pages: tuple[str, ...] = ()


SECTIONS = (
    Section(
        "start",
        "Start",
        "From nothing to a trained net, then step by step with what each command prints.",
        (
            "tutorials/first_five_minutes",
            "tutorials/lenet",
            "tutorials/imagenet",
            "tutorials/lecture",
            "tutorials/lab",
            "tutorials/dropout",
            "notebooks/lenet",
            "notebooks/caffemodel_to_keras",
        ),
    ),
    Section(
        "guides",
        "Guides",
        "How to get one thing done.",
        (
            "from_caffe",
            "from_opencv",
            "python",
            "net_page",
            "seeing",
            "tensorboard",
            "data_prep",
            "fine_tuning",
            "detection",
            "doctor",
            "onnx",
            "quantized",
            "stablehlo",
            "own_layers",
            "scripting",
        ),
    ),
    Section(
        "commands/index",
        "Commands",
        "A page for each command, with every flag. `python -m zoo.train` in a checkout is `caffe-zoo train` where the "
        "package is installed; each says the same with `--help`.",
    ),
    Section(
        "models/index",
        "Models",
        "One file is one model: the solver on top, its net inside, in Caffe's own language. `python -m zoo.train "
        "--config=NAME` trains it.",
    ),
    Section(
        "reference",
        "Reference",
        "Layer types, and what Python code can call.",
        ("layers", "fork_layers"),
    ),
    Section(
        "proof",
        "Proof",
        "What is claimed, and how each claim was tried.",
        ("equality", "real_models", "classic_notebooks", "reliability", "targets", "speed", "data_speed", "security"),
    ),
    Section(
        "project",
        "Project",
        "How the code is organised, and how to change it.",
        ("workspace", "contributing", "changelog"),
    ),
)
