"""The flag with which a command may run Python layers: classes that a net names, written for pycaffe."""

from absl import flags

ALLOWED = flags.DEFINE_bool(
    "allow_python_layers",
    False,
    "Run the classes that Python layers of the config name: that is code, so only for configs that you trust. They are "
    "looked for on PYTHONPATH and in the working directory; `import caffe` in them means zoo.pycaffe.",
)


def allow_if_asked():
    """Does what the flag says."""
    if ALLOWED.value:
        from zoo import pycaffe
        from zoo.layers import python

        pycaffe.install()
        python.allow()
