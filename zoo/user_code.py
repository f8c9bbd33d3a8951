"""The flags that decide what layer types there are and what they mean: the user's own code, and the fork meant."""

from absl import flags

flags.disclaim_key_flags()  # --help of each command that uses them lists them
IMPORT = flags.DEFINE_list(
    "import",
    [],
    "Modules that register layer types of your own: files (my_layers.py), module names, or names that an installed "
    'package has in the entry-point group "caffe_zoo.layers" ("installed": all of these). They are code, and run.',
)
ALLOWED = flags.DEFINE_bool(
    "allow_python_layers",
    False,
    "Run the classes that Python layers of the config name: that is code, so only for configs that you trust. They are "
    "looked for on PYTHONPATH and in the working directory; `import caffe` in them means zoo.pycaffe.",
)
FORK = flags.DEFINE_list(
    "fork",
    [],
    "The fork of Caffe whose meaning a layer type has where forks mean different things by one name, such as segnet or "
    "psp for BN, and the text does not tell; a wrong name lists them all.",
)


def given():
    """Returns the flags that were given, as they are typed: other commands on the same config need them too."""
    imports = [f"--import={','.join(IMPORT.value)}"] if IMPORT.value else []
    forks = [f"--fork={','.join(FORK.value)}"] if FORK.value else []
    return [*imports, *forks, *(["--allow_python_layers"] if ALLOWED.value else [])]


def load():
    """Does what the flags say; to be called before a net is read."""
    if IMPORT.value:
        from zoo.layers.base.loading import load_types

        for source in IMPORT.value:
            load_types(source)
    if FORK.value:
        from zoo.netdef import forks

        forks.ask(FORK.value)
    if ALLOWED.value:
        from zoo import pycaffe
        from zoo.layers.base import user_classes

        pycaffe.install()
        user_classes.allow()
