"""Texts that forks read differently: each sign, none, two that contradict each other, and what is asked for.

Whatever the reader decides, the doctor says the same of the file: the same meaning, or the same refusal.
"""

import pytest

from zoo.errors import ZooError
from zoo.formats.prototxt import parse_net
from zoo.inspection.examine import examine
from zoo.layers.base.registry import variants
from zoo.netdef import forks
from zoo.netdef.net import net_def
from zoo.netdef.shape_inference import infer_what_is_known

INPUT = """input: "a" input_shape { dim: 1 dim: 4 dim: 6 dim: 6 }
input: "b" input_shape { dim: 1 dim: 4 dim: 6 dim: 6 }
input: "c" input_shape { dim: 1 dim: 4 dim: 6 dim: 6 }
input: "d" input_shape { dim: 1 dim: 4 dim: 6 dim: 6 }
"""


def layer(kind, fields="", bottoms="a", tops="y", name="l"):
    blobs = [f'bottom: "{each}"' for each in bottoms] + [f'top: "{each}"' for each in tops]
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(blobs)} {fields} }}\n'


STOCK = "BVLC"
INTERP = layer("Interp", "interp_param { zoom_factor: 2 }", name="i", tops="z")
SCALED = 'scale_filler { type: "constant" value: 1 }'
# Of a layer: (text, the variant that it is read as, the words that say why), or (text, None, those of the refusal).
CASES = [
    (layer("BN", f"bn_param {{ {SCALED} }}"), "segnet", "bn_param.scale_filler is set"),
    (layer("BN", "bn_param { bn_mode: INFERENCE }"), "segnet", "bn_param.bn_mode is set"),
    (layer("BN", "bn_param { frozen: true }"), "psp", "bn_param.frozen is set"),
    (layer("BN", "bn_param { momentum: 0.5 }"), "psp", "bn_param.momentum is set"),
    (layer("BN"), "psp", "the usual meaning; nothing in the text tells"),
    (layer("BN") + INTERP, "psp", "since the net has a layer Interp"),
    (layer("BN", f"bn_param {{ {SCALED} frozen: true }}"), None, "has fields of several"),
    (layer("BatchNorm"), STOCK, ""),
    (layer("BatchNorm", "batch_norm_param { use_global_stats: true }"), STOCK, ""),
    (layer("BatchNorm", "batch_norm_param { scale_bias: true }"), "nvidia", "batch_norm_param.scale_bias is set"),
    (layer("BatchNorm", f"batch_norm_param {{ {SCALED} }}"), "nvidia", "batch_norm_param.scale_filler is set"),
    (layer("SmoothL1Loss", bottoms="ab"), "ssd", "the usual meaning; nothing in the text tells"),
    (layer("SmoothL1Loss", "smooth_l1_loss_param { sigma: 3 }", "ab"), "frcnn", "smooth_l1_loss_param is set"),
    (layer("SmoothL1Loss", bottoms="abcd"), "frcnn", "it has 4 bottoms"),
    (layer("SmoothL1Loss", bottoms="abc"), "rfcn", "it has 3 bottoms"),
    (layer("SmoothL1Loss", "loss_param { normalization: FULL }", "ab"), "rfcn", "loss_param is set"),
    (layer("SmoothL1Loss", "smooth_l1_loss_param { sigma: 3 }", "abc"), None, "has fields of several"),
    (layer("SmoothL1Loss", "loss_param { normalization: FULL }", "abcd"), None, "has fields of several"),
    (layer("Normalize"), "ssd", "the usual meaning; nothing in the text tells"),
    (layer("Normalize", "norm_param { across_spatial: false }"), "ssd", "norm_param is set"),
    (layer("Normalize", "normalize_param { }"), None, "Normalize of happynear/caffe-windows"),
    (layer("L1Loss", bottoms="ab"), "nvidia", "the usual meaning; nothing in the text tells"),
    (layer("L1Loss", "l1_loss_param { l2_per_location: true }", "ab"), None, "FlowNet"),
    (layer("Upsample", "upsample_param { scale: 2 }", "ab"), "segnet", "it has 2 bottoms"),
    (layer("Upsample", "upsample_param { scale: 2 }"), "yolo", "it has 1 bottom"),
    (layer("Upsample", "upsample_param { scale: 2 }", "abc"), None, "wrong number of bottoms"),
    (layer("PriorBox", "prior_box_param { min_size: 3.5 }", "ab"), STOCK, ""),
    (layer("Pooling", "pooling_param { kernel_size: 2 ceil_mode: false }"), STOCK, ""),
    (layer("Pooling", "pooling_param { kernel_size: 2 ceil_mode: false round_mode: CEIL }"), None, "contradict"),
    (layer("Pooling", "pooling_param { kernel_size: 2 ceil_mode: true round_mode: CEIL }"), STOCK, ""),
    (layer("Dropout", "dropout_param { scale_train: false }"), STOCK, ""),
    (layer("Dropout", "dropout_param { scale_train: false sample_weights_test: true }"), None, "contradict"),
    (layer("Crop", "", "ab"), STOCK, ""),
]
ASKED = [
    (kind, name, bottoms)
    for kind, bottoms in [("BN", "a"), ("BatchNorm", "a"), ("SmoothL1Loss", "ab"), ("Normalize", "a"), ("L1Loss", "ab")]
    for name in variants(kind)
    if name
]


def read(text, phase="TEST"):
    """Returns the NetDef whose layers' own refusals are raised, too."""
    definition = net_def(parse_net(INPUT + text), phase)
    _, errors = infer_what_is_known(definition)
    for error in errors:
        raise error
    return definition


def told(text, tmp_path):
    """Returns the doctor's report."""
    path = tmp_path / "net.prototxt"
    path.write_text(INPUT + text)
    return examine(path)


@pytest.mark.parametrize(("text", "meant", "why"), CASES, ids=range(len(CASES)))
def test_reader_and_doctor_decide_alike(text, meant, why, tmp_path):
    report = told(text, tmp_path)
    stops = [finding.what for finding in report.findings if finding.kind == "stops"]
    if meant is None:
        with pytest.raises(ZooError, match=why) as raised:
            read(text)
        assert str(raised.value).partition(": ")[2].splitlines()[0]
        assert not report.sound and any(why in said for said in stops), stops
        return
    definition = read(text)
    (found,) = (each for each in definition.layers if each.place.layer == "l")
    kind = found.type if meant == STOCK else f"{found.type} ({meant})"
    assert found.kind == kind
    lines = [line for line in forks.told(definition.meanings) if line.startswith("layer l: ")]
    assert ([why in line for line in lines] or [not why]) == [True]
    assert report.sound and not stops
    fork = variants(found.type)["" if meant == STOCK else meant].fork
    assert fork is None or fork in report.forks
    guessed = [finding for finding in report.findings if finding.rule == "ambiguous-type"]
    assert bool(guessed) == ("usual meaning" in why)


@pytest.mark.parametrize(("kind", "name", "bottoms"), ASKED)
def test_what_is_asked_for_overrules(kind, name, bottoms, tmp_path):
    text = f'fork: "{name}"\n' + layer(kind, bottoms=bottoms)
    definition = read(text)
    assert definition.layers[-1].kind == f"{kind} ({name})"
    fork = variants(kind)[name].fork
    assert forks.told(definition.meanings) == [f"layer l: {kind} is read as in {fork} (asked for)"]
    report = told(text, tmp_path)
    assert report.sound and fork in report.forks
    assert not [finding for finding in report.findings if finding.rule == "ambiguous-type"]


def test_what_is_asked_for_overrules_signs_but_fields_of_another_fork_are_refused(tmp_path):
    text = 'fork: "psp"\n' + layer("BN", f"bn_param {{ {SCALED} }}")
    with pytest.raises(ZooError, match="scale_filler"):
        read(text)
    assert not told(text, tmp_path).sound
