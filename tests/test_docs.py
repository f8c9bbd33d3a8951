"""What README and the other pages tell people to type: every module, flag and make target is there in a clean clone."""

import pathlib
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "WORKSPACE.md", ROOT / "Makefile"]
PAGES += [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "data_prep/README.md", ROOT / "configs/README.md"]
PAGES += [*sorted(ROOT.glob("configs/*.prototxt")), *sorted(ROOT.glob("docs_site/pages/*.md"))]
COMMAND = re.compile(r"python -m ([\w.]+)((?:[^`\n\\]|\\\n|\.\.\.\n)*)")
FLAG = re.compile(r"(?<![\w=-])--([A-Za-z_]\w*)")
OTHERS = ("tests", "tensorboard", "pytest", "pip", "venv", "build", "twine", "http")  # whose flags are not ours to know


def commands(text):
    """Yields (module, its arguments) of the commands in a page; README's `.cifar10` stands for data_prep.cifar10."""
    for module, arguments in COMMAND.findall(text):
        yield module.rstrip("."), arguments
    for module, arguments in re.findall(r"`\.(\w+)( [^`]*)?`", text):
        if (ROOT / "data_prep" / f"{module}.py").is_file():
            yield f"data_prep.{module}", arguments


def typed():
    """Returns {module: {(flag, name of the page)}} of all pages."""
    found = {}
    for page in PAGES:
        for module, arguments in commands(page.read_text(encoding="utf-8")):
            flags = found.setdefault(module, set())
            flags |= {(flag, page.name) for flag in FLAG.findall(arguments)}
    return {module: flags for module, flags in found.items() if module.split(".")[0] not in OTHERS}


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """What a clone would have: the files that git knows, as they are now, and the environment that `make` made."""
    if not (ROOT / ".venv" / "bin" / "activate").is_file():
        pytest.skip("needs .venv, as make install makes it")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if listed.returncode:
        pytest.skip("needs a git checkout")
    folder = tmp_path_factory.mktemp("clone")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    (folder / ".venv").symlink_to((ROOT / ".venv").resolve())
    return folder


def shell(clone, line):
    """Runs a line as someone types it who has read README: in the clone, after its activation of the environment."""
    activate = re.search(r"`(\. \.venv/bin/activate)`", (clone / "README.md").read_text())[1]
    return subprocess.run(["bash", "-c", f"{activate} && {line}"], cwd=clone, capture_output=True, text=True)


def test_the_environment_has_what_readme_types(clone):
    found = shell(clone, "command -v python tensorboard").stdout.split()
    assert [pathlib.Path(path).name for path in found] == ["python", "tensorboard"]
    assert all(pathlib.Path(path).parent == (ROOT / ".venv" / "bin").resolve() for path in found)


def test_make_has_the_targets_that_readme_types(clone):
    targets = set(re.findall(r"(?:^|`)make ([a-z-]+)", (clone / "README.md").read_text(), re.M))
    assert {"run", "test", "install"} <= targets
    known = set(re.findall(r"^([a-z-]+):", (clone / "Makefile").read_text(), re.M))
    assert targets <= known
    said = shell(clone, "make help").stdout
    assert all(re.search(rf"^{target}\b", said, re.M) for target in targets)


def test_every_module_and_flag_that_the_pages_type(clone):
    """--helpfull of each module knows the flags that stand after it on some page."""
    wanted = typed()
    assert len(wanted) > 12 and len(wanted["zoo.train"]) > 5

    def help_of(module):
        return module, shell(clone, f"python -m {module} --helpfull || python -m {module} --help")

    with ThreadPoolExecutor(2) as pool:
        said = dict(pool.map(help_of, wanted))
    wrong = [f"{module}: {process.stderr[-300:]}" for module, process in said.items() if process.returncode]
    for module, flags in wanted.items():
        known = set(re.findall(r"--(?:\[no\])?(\w+)", said[module].stdout))
        known |= {f"no{name}" for name in re.findall(r"--\[no\](\w+)", said[module].stdout)}
        wrong += [f"{page}: python -m {module} has no --{flag}" for flag, page in flags if flag not in known]
    assert not wrong, "\n".join(sorted(wrong))


# What BVLC/caffe at 9b8915401 has for people to run: its commands with their flags, tools and scripts.
CAFFE = """
train test time device_query -solver -model -phase -level -stage -snapshot -weights -iterations -sigint_effect
-sighup_effect -gpu convert_imageset -gray -shuffle -backend -resize_width -resize_height -check_size -encoded
-encode_type compute_image_mean extract_features upgrade_net_proto_text upgrade_net_proto_binary
upgrade_solver_proto_text parse_log.sh parse_log.py extract_seconds.py plot_training_log.py.example
plot_log.gnuplot.example summarize.py resize_and_crop_images.py launch_resize_and_crop_images.sh classify.py --model_def
--pretrained_model --center_only --images_dim --mean_file --input_scale --raw_scale --channel_swap --ext detect.py
draw_net.py --rankdir --phase --display_lrm train.py --gpus --timing download_model_binary.py
download_model_from_gist.sh upload_model_to_gist.sh copy_notebook.py gather_examples.sh build_docs.sh deploy_docs.sh
cpp_lint.py split_caffe_proto.py travis get_mnist.sh create_mnist.sh get_cifar10.sh create_cifar10.sh get_ilsvrc_aux.sh
create_imagenet.sh make_imagenet_mean.sh train_caffenet.sh resume_training.sh train_lenet.sh train_lenet_consolidated.sh
train_lenet_adam.sh train_lenet_rmsprop.sh train_lenet_docker.sh train_mnist_autoencoder.sh _adadelta _adagrad _nesterov
train_quick.sh train_full.sh train_full_sigmoid.sh train_full_sigmoid_bn.sh create_mnist_siamese.sh
train_mnist_siamese.sh convert_mnist_data convert_cifar_data convert_mnist_siamese_data classification.bin
feature_extraction assemble_data.py finetune_pascal_detection hdf5_classification net_surgery pycaffe web_demo matlab
"""


def test_from_caffe_names_everything_and_every_command_of_ours():
    page = (ROOT / "docs/from_caffe.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    missing = [word for word in CAFFE.split() if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", rows)]
    assert not missing
    told = {module for module, _ in commands(page)}
    ours = {"train", "evaluate", "convert", "benchmark", "devices", "upgrade", "classify", "detect"}
    ours |= {"extract_features", "draw", "parse_log", "plot_log"}
    assert {f"zoo.{name}" for name in ours} <= told


@pytest.mark.slow
def test_a_first_run_and_what_it_tells_to_type_next(clone):
    """As `make run`, on scikit-learn's digits and for five iterations; then the commands of its closing lines."""
    set_ = "--set='max_iter: 5 test_iter: 2 test_interval: 5'"
    for line in (
        "python -m data_prep.mnist --source=digits",
        f"python -m zoo.train --config=configs/lenet.prototxt {set_}",
        "python -m zoo.plot --run_dir=runs/lenet",
    ):
        process = shell(clone, line)
        assert process.returncode == 0, process.stderr
        if "zoo.train" in line:
            closing = process.stdout
    assert "small digits, NOT MNIST" in closing
    for title in ("score again", "convert"):
        (line,) = re.findall(rf"^  {title}: +(.+)$", closing, re.M)
        process = shell(clone, line)
        assert process.returncode == 0, (line, process.stderr)
    assert re.search(r"test accuracy = [\d.]+ \(after 5 iterations\)", closing)
    assert (clone / "runs/lenet/curves.png").is_file()
