"""How every command starts and ends: flags, then one call, then what it says; a user's mistake is one message.

What is printed on the way goes to stdout; with --json to stderr, for stdout then holds one JSON object; with --quiet
nowhere. So a command prints as it likes, and returns a `Report` of what it has made.
"""

import atexit
import contextlib
import errno
import gc
import os
import re
import resource
import sys
import tempfile
import time

from absl import app, flags, logging

from zoo import progress, terminal
from zoo.errors import ZooError
from zoo.report import Report, python, typed

_BEGUN = time.monotonic()
flags.disclaim_key_flags()  # --help of the command lists the flags that all have

ADDRESSES = 7 << 29  # bytes of address space: with less TensorFlow cannot load itself, or start its threads
ADDRESSES_PER_CORE = 24 << 20  # and that much more for the threads of each core beyond two


def run(main, arguments=0):
    """Parses the flags and runs `main()`; does not return.

    Args:
        main: the command; it is given the words of the command line that are no flags. It returns a `Report`, an exit
            code, or None for 0.
        arguments: how many of these words it takes at most.

    Exit codes: what `main` returns; 0 for --help; 1 for a `ZooError`, said without a traceback, for flags
    that do not parse, and where memory or the disk behind standard output is full; 130 after Ctrl-C; 141 where whoever
    read standard output has gone, as `head` does.
    """
    atexit.register(gc.freeze)  # what a net leaves behind would be searched for cycles for a second or more, silently
    logging.use_absl_handler()
    logging.get_absl_handler().addFilter(_is_of_use)
    logging.set_verbosity(logging.INFO)
    flags.DEFINE_bool("quiet", False, "Print nothing but errors; the exit code tells.")
    flags.DEFINE_bool(
        "json",
        False,
        "Print one JSON object on stdout instead of text: what was made, how good it is, what to type next, and what "
        "this command has besides. All else goes to stderr. docs/scripting.md has the keys.",
    )
    try:
        app.run(lambda argv: _ended(main, argv, arguments), flags_parser=_parsed)
    except OSError as error:
        if error.filename or error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        sys.exit(_output_failed(error))
    except SystemExit as end:
        sys.exit(flushed(end.code))


def _is_of_use(record):
    """Returns whether a record is to be seen: TensorFlow's savers and NumExpr chat, as do others below a warning."""
    if "tensorflow" in record.pathname:
        return False
    return record.name == "absl" or record.levelno > logging.converter.absl_to_standard(logging.INFO)


def wants_json():
    """Returns whether --json was given."""
    return _given("json")


def same(*more):
    """Returns this command as it was typed, with the words `more` after it."""
    return f"{python()} -m {_module()} {typed([*sys.argv[1:], *more])}".rstrip()


def again(*names):
    """Returns those of the flags `names` that were given, as words that another command takes."""
    words = []
    for flag in (flags.FLAGS[name] for name in names if name in flags.FLAGS):
        if not flag.present:
            continue
        if isinstance(flag, flags.MultiFlag):
            words += [f"--{flag.name}={value}" for value in flag.value]
        elif flag.boolean:
            words.append(f"--{flag.name}" if flag.value else f"--no{flag.name}")
        else:
            value = getattr(flag.value, "typed", flag.value)  # of --config, a packaged config's name
            words.append(f"--{flag.name}={','.join(value) if isinstance(value, list) else value}")
    return words


def _given(name):
    return name in flags.FLAGS and flags.FLAGS.is_parsed() and bool(flags.FLAGS[name].value)


def _ended(main, argv, arguments):
    """Runs `main` and says what it returns; returns the exit code."""
    with _on_the_way(_given("quiet"), _given("json")) as stderr:
        report, error = _guarded(main, argv, arguments, stderr)
    if not isinstance(report, Report):
        report = Report(code=report or 0)
    if _given("json"):
        print(report.document(_module(), time.monotonic() - _BEGUN, error))
    elif error is None and not _given("quiet"):
        for line in report.lines(sys.stdout):
            print(line)
    return report.code


def _module():
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else None


@contextlib.contextmanager
def _on_the_way(quiet, json):
    """Sends what is printed while the block runs where it belongs; yields the stderr on which errors are said."""
    stdout, stderr = sys.stdout, sys.stderr
    if not (quiet or json):
        above = _Above(stdout) if terminal.live(stdout) and terminal.live(stderr) else stdout
        with contextlib.redirect_stdout(above):
            yield stderr
        return
    with contextlib.ExitStack() as stack:
        nowhere = stack.enter_context(open(os.devnull, "w"))
        instead = nowhere if quiet or stderr is None else stderr
        stack.enter_context(contextlib.redirect_stdout(instead))
        if quiet:
            handler = logging.get_absl_handler()
            handler.addFilter(_is_error)
            stack.callback(handler.removeFilter, _is_error)
            stack.enter_context(contextlib.redirect_stderr(nowhere))
        if stdout is sys.__stdout__ and stdout is not None:  # what other programs and C++ print goes the same way
            stdout.flush()
            kept = os.dup(stdout.fileno())
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, stdout.fileno())
            os.dup2(instead.fileno(), stdout.fileno())
        yield stderr


class _Above:
    """A terminal's stdout, on which what is printed comes above the bar that is drawn on the same terminal."""

    def __init__(self, stream):
        self._stream, self._begins = stream, True

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        """Writes `text`; the bar is drawn again when it changes."""
        if text and self._begins:
            self._stream.flush()
            terminal.step_aside()
        self._begins = text.endswith("\n") if text else self._begins
        return self._stream.write(text)


def _is_error(record):
    return record.levelno >= logging.converter.absl_to_standard(logging.ERROR)


def say(text):
    """Says on stderr a fact for a person who waits at a terminal; files and pipes stay as they are."""
    if terminal.live(sys.stderr):
        terminal.step_aside()
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
    terminal.error(f"cannot write to standard output, got {error.strerror}")
    return 1


def _parsed(argv):
    """Returns `argv` without its flags; ends with 0 after --help, with 1, and one line, where they do not parse."""
    try:
        return flags.FLAGS([_underscored(word) for word in argv])
    except flags.Error as error:
        terminal.error(_said(str(error)))
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
        text = re.sub(
            r"\('Non-boolean argument to boolean flag', .*\)$", "it is on or off, and takes no other value", text
        )
        unknown = re.match(r"Unknown command line flag '(\w+)'(?:\. Did you mean: (.*?) \?)?$", text)
        if not unknown:
            return ZooError(text.rstrip("."), hint="see --help")
        near = f"did you mean {unknown[2]}? " if unknown[2] else ""
        field = f"; a field of solver or net: --set='{unknown[1]}: ...'" if "set" in flags.FLAGS else ""
        return ZooError(f"Unknown command line flag '{unknown[1]}'", hint=f"{near}see --help{field}")
    name = missing[1]
    examples = [line.strip() for line in (sys.modules["__main__"].__doc__ or "").splitlines() if f" --{name}=" in line]
    example = re.split(r"\s{2,}", examples[0])[0] if examples else "see --help"
    return ZooError(f"--{name} is missing", want=flags.FLAGS[name].help.rstrip("."), hint=example)


def _guarded(main, argv, arguments=0, stderr=None):
    """Returns (what `main` returns, None), or (exit code, the error that was said on `stderr`)."""
    try:
        if len(argv) > 1 + arguments:
            raise ZooError(f"options are given as --flag=value, got {argv[1 + arguments]!r}", hint="see --help")
        for word in sys.argv[1:]:
            _check_text(word)
        return main(*argv[1:]), None
    except ZooError as error:
        said = str(error)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        said = str(ZooError(error.strerror, got=str(error.filename)))
    except MemoryError:
        said = "out of memory"
    except KeyboardInterrupt:
        terminal.step_aside()
        print("interrupted", file=stderr or sys.stderr)
        return 130, "interrupted"
    except Exception as error:
        exhausted = _exhausted(error)
        if exhausted is None:
            raise
        said = f"out of memory, got {exhausted} (a smaller batch_size)"
    terminal.error(said, stderr)
    return 1, said


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

    They are shown if the import fails, and where TF_CPP_MIN_LOG_LEVEL in the environment is 0. Where it is not set it
    becomes 3, so that nothing is said later either, such as that there is no GPU. Commands and what they call import
    TensorFlow by this alone (tests/test_command.py).
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
    with progress.waiting("Loading TensorFlow"), _greeting_kept(os.environ["TF_CPP_MIN_LOG_LEVEL"]):
        import tensorflow
    return tensorflow


@contextlib.contextmanager
def _greeting_kept(level):
    """Keeps what is written to stderr to itself, unless the block fails or somebody has set `level` to see it all."""
    if level == "0":
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as greeting:
        os.dup2(greeting.fileno(), 2)
        try:
            yield
        except BaseException:
            greeting.seek(0)
            os.write(stderr, greeting.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def addresses_of_cores():
    """Returns bytes of address space that the threads of the cores beyond two take."""
    return max(0, cores() - 2) * ADDRESSES_PER_CORE


def cores():
    """Returns how many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
