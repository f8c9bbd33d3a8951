"""How every command starts and fails: flags, then one call; a user's mistake is one message and exit code 1."""

import atexit
import contextlib
import errno
import gc
import os
import pathlib
import re
import resource
import shlex
import shutil
import sys
import tempfile

from absl import app, flags, logging

from zoo.errors import ZooError

ADDRESSES = 7 << 29  # bytes of address space: with less TensorFlow cannot load itself, or start its threads
ADDRESSES_PER_CORE = 24 << 20  # and that much more for the threads of each core beyond two


def run(main, arguments=0):
    """Parses the flags and runs `main()`; does not return.

    Args:
        main: the command; it is given the words of the command line that are no flags.
        arguments: how many of these it takes at most.

    Exit codes: what `main` returns (None: 0); 0 for --help; 1 for a `ZooError`, said without a traceback, for flags
    that do not parse, and where memory or the disk behind standard output is full; 130 after Ctrl-C; 141 where whoever
    read standard output has gone, as `head` does.
    """
    atexit.register(gc.freeze)  # what a net leaves behind would be searched for cycles for a second or more, silently
    logging.use_absl_handler()
    logging.get_absl_handler().addFilter(lambda record: "tensorflow" not in record.pathname)  # its savers chat
    logging.set_verbosity(logging.INFO)
    try:
        app.run(lambda argv: _guarded(main, argv, arguments), flags_parser=_parsed)
    except OSError as error:
        if error.filename or error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        sys.exit(_output_failed(error))
    except SystemExit as end:
        sys.exit(flushed(end.code))


def say(text):
    """Says on stderr what takes a while, to a person who waits at a terminal; files and pipes stay as they are."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def printed(text):
    """Prints `text`, all that a command has to say; returns the exit code."""
    try:
        print(text)
    except OSError as error:
        return _output_failed(error)
    return flushed(0)


def flushed(code):
    """Writes out what is buffered for standard output; returns the exit code, `code` where that went well."""
    try:
        if sys.stdout is not None:  # as after >&-
            sys.stdout.flush()
    except OSError as error:
        return _output_failed(error) or code
    return code


def _output_failed(error):
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains of it once more at its end
    if isinstance(error, BrokenPipeError):
        return 141  # 128 + SIGPIPE, as a shell has it
    print(f"error: cannot write to standard output, got {error.strerror}", file=sys.stderr)
    return 1


def python():
    """Returns what a shell has to be told to start this Python: "python" where that is it, else its path."""
    path = pathlib.Path(sys.executable)
    if shutil.which("python") == str(path):
        return "python"
    with contextlib.suppress(ValueError):
        path = path.relative_to(pathlib.Path.cwd())
    return shlex.quote(str(path))


def _parsed(argv):
    """Returns `argv` without its flags; ends with 0 after --help, with 1, and one line, where they do not parse."""
    try:
        return flags.FLAGS([_underscored(word) for word in argv])
    except flags.Error as error:
        print(f"error: {_said(str(error))}", file=sys.stderr)
        sys.exit(1)
    except SystemExit:  # --help and its like, which absl calls an error
        sys.exit(0)


def _underscored(word):
    """Returns a flag that is typed with dashes, --batch-size=64, by its name; every other word as it is."""
    name, equals, value = word.partition("=")
    known = name.startswith("--") and len(name) > 2 and name[2:].replace("-", "_")
    if known and name[2:] not in flags.FLAGS and (known in flags.FLAGS or known.removeprefix("no") in flags.FLAGS):
        return f"--{known}{equals}{value}"
    return word


def _said(text):
    """Returns what is wrong with a flag, of absl's `text` for it."""
    missing = re.match(r"flag --(\w+)=None: Flag --\w+ must have a value other than None", text)
    if not missing:
        return ZooError(text.rstrip("."), hint="see --help")
    name = missing[1]
    examples = [line.strip() for line in (sys.modules["__main__"].__doc__ or "").splitlines() if f" --{name}=" in line]
    example = re.split(r"\s{2,}", examples[0])[0] if examples else "see --help"
    return ZooError(f"--{name} is missing", want=flags.FLAGS[name].help.rstrip("."), hint=example)


def _guarded(main, argv, arguments=0):
    try:
        if len(argv) > 1 + arguments:
            raise ZooError(f"options are given as --flag=value, got {argv[1 + arguments]!r}", hint="see --help")
        for word in sys.argv[1:]:
            _check_text(word)
        return main(*argv[1:])
    except ZooError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        print(f"error: {ZooError(error.strerror, got=str(error.filename))}", file=sys.stderr)
        return 1
    except MemoryError:
        print("error: out of memory", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        said = _exhausted(error)
        if said is None:
            raise
        print(f"error: out of memory, got {said} (a smaller batch_size)", file=sys.stderr)
        return 1


def _exhausted(error):
    """Returns the line in which TensorFlow, where it has been loaded, says that memory has ended; else None."""
    errors = getattr(sys.modules.get("tensorflow"), "errors", None)
    if errors is None or not isinstance(error, errors.ResourceExhaustedError):
        return None
    return next((line.strip() for line in str(error).splitlines() if "OOM when allocating" in line), None)


def _check_text(word):
    """Raises ZooError where a word of the command line is no text: TensorFlow and JSON take none that is not UTF-8."""
    raw = os.fsencode(word)
    shown = raw.decode("utf-8", "backslashreplace")
    if shown.encode() != raw:
        raise ZooError("a flag or path that is not UTF-8", got=shown, hint="rename what it names")
    if shown != word:
        got = f"{shown} and the encoding {sys.getfilesystemencoding()}"
        raise ZooError("a flag or path that the locale cannot say", got=got, hint="LC_ALL=C.UTF-8 in the environment")


def quiet_tensorflow():
    """Returns the module `tensorflow`, imported without the lines with which its C++ side greets.

    They are shown if the import fails. Commands and what they call import it by this alone (tests/test_command.py).
    Raises ZooError where the process may not have the address space for it (`ulimit -v`): it would hang, crash, or end
    in an error that says nothing of that.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    least = ADDRESSES + addresses_of_cores()
    if most != resource.RLIM_INFINITY and most < least:
        got, want = f"a limit of {most >> 10} kB of address space", f"{least >> 10} kB or more"
        raise ZooError("TensorFlow does not start", got=got, want=want, hint="the limit is that of `ulimit -v`")
    say("Loading TensorFlow ...")
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as greeting:
        os.dup2(greeting.fileno(), 2)
        try:
            import tensorflow
        except BaseException:
            greeting.seek(0)
            os.write(stderr, greeting.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    return tensorflow


def addresses_of_cores():
    """Returns bytes of address space that the threads of the cores beyond two take."""
    return max(0, cores() - 2) * ADDRESSES_PER_CORE


def cores():
    """Returns how many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
