"""The flags that change a config without editing its file: --set, and short names for what is changed most often."""

from absl import flags

from zoo.netdef import changes
from zoo.training.shorthand import Shorthand

flags.disclaim_key_flags()  # --help of the command that defines them lists them


def define_set():
    """Defines --set and returns its holder; `given` makes changes of it."""
    return flags.DEFINE_string("set", "", changes.HELP)


def given(text):
    """Returns the `Change`s of --set."""
    return [changes.Change(text)] if text.strip() else []


def define_shorthand():
    """Defines --set and the short names; returns a function that gives the `Shorthand` of the flags."""
    number, whole = flags.DEFINE_float, flags.DEFINE_integer
    holders = {
        "set": define_set(),
        "batch_size": whole(
            "batch_size", None, "Items in a training batch: batch_size of each data layer that trains.", 1
        ),
        "test_batch_size": whole("test_batch_size", None, "Items in a test batch; test_iter stays what it is.", 1),
        "epochs": number(
            "epochs",
            None,
            "Passes over the training data: max_iter becomes as many iterations as they take. test_interval, snapshot "
            "and display stay, in iterations.",
            0,
        ),
        "lr": number("lr", None, "The learning rate at the start: base_lr."),
        "momentum": number("momentum", None, "momentum of the solver; for Adam the decay of its first moment."),
        "gamma": number("gamma", None, "By what lr_policy lets the rate fall: gamma."),
        "seed": whole("seed", None, "Fixes all that is random, a run and its repetition are then equal: random_seed."),
        "log_interval": whole("log_interval", None, "Every how many iterations the loss is said: display.", 0),
        "dry_run": flags.DEFINE_bool(
            "dry_run",
            False,
            "Try everything once: one iteration, one test batch, in a run directory that is removed at the end.",
        ),
    }
    return lambda: Shorthand(**{name: holder.value for name, holder in holders.items()})
