"""How every command starts and fails: flags, then one call; a user's mistake is one message and exit code 1."""

import os
import sys
import tempfile

from absl import app, logging

from zoo.errors import ZooError


def run(main):
    """Parses the flags and runs `main()`; does not return.

    Exit codes: what `main` returns (None: 0); 1 for a `ZooError`, said without a traceback, and for flags that do not
    parse; 130 after Ctrl-C.
    """
    logging.use_absl_handler()
    logging.get_absl_handler().addFilter(lambda record: "tensorflow" not in record.pathname)  # its savers chat
    logging.set_verbosity(logging.INFO)
    app.run(lambda argv: _guarded(main, argv))


def _guarded(main, argv):
    try:
        if len(argv) > 1:
            raise ZooError(f"every option is a flag, got {argv[1]!r}", hint="see --help")
        return main()
    except ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def quiet_tensorflow():
    """Imports TensorFlow without the lines with which its C++ side greets; they are shown if the import fails."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as greeting:
        os.dup2(greeting.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except BaseException:
            greeting.seek(0)
            os.write(stderr, greeting.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
