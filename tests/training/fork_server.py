"""Starts `python -m MODULE` again and again without the seconds that importing TensorFlow takes: a process forks.

Run as a module it is that process: it imports what the trainer imports, then obeys lines of JSON on its standard input.
A child runs the module as `__main__`, just as the interpreter would; it differs from a process of its own only in what
has been imported. TensorFlow is imported but not used before the fork, so it has no threads of its own yet.
"""

import json
import os
import pathlib
import resource
import runpy
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]


class ForkServer:
    """The client's side; a context.

    Args:
        modules: directories where its processes look for modules first, such as a sitecustomize.py.
        within: the command that runs it, such as "ip", "netns", "exec" and a name; its processes are there, too.
    """

    def __init__(self, *modules, within=()):
        self._within = within
        self._path = os.pathsep.join(map(str, (*modules, ROOT)))

    def __enter__(self):
        env = {**os.environ, "PYTHONPATH": self._path, "TF_CPP_MIN_LOG_LEVEL": "3"}
        pipe = subprocess.PIPE
        self._server = subprocess.Popen(
            [*self._within, sys.executable, "-m", __name__], cwd=ROOT, env=env, stdin=pipe, stdout=pipe, text=True
        )
        self._folder = tempfile.TemporaryDirectory()
        self._count = 0
        return self

    def __exit__(self, *exc):
        self._server.stdin.close()
        self._server.wait(30)
        self._server.stdout.close()
        self._folder.cleanup()

    def ask(self, **what):
        """Sends one order and returns the answer."""
        print(json.dumps(what), file=self._server.stdin, flush=True)
        return json.loads(self._server.stdout.readline())

    def start(self, *args, module="zoo.train", cwd=ROOT, file_size=None):
        """Starts a command; returns its `Process`.

        Args:
            file_size: bytes beyond which no file of it may grow; a write beyond fails as on a full disk.
        """
        self._count += 1
        output = pathlib.Path(self._folder.name, str(self._count))
        for suffix in (".out", ".err"):
            output.with_suffix(suffix).touch()
        argv = [module, *map(str, args)]
        pid = self.ask(do="start", argv=argv, cwd=str(cwd), output=str(output), file_size=file_size)
        return Process(self, pid, output)

    def run(self, *args, timeout=180, **options):
        """Runs a command to its end; returns its `Process`."""
        process = self.start(*args, **options)
        process.wait(timeout)
        return process


class Process:
    """A command that was started.

    Attributes:
        pid: its process id.
        returncode: as of `subprocess`; None before its end has been waited for.
    """

    def __init__(self, server, pid, output):
        self._server, self.pid, self._output, self.returncode = server, pid, output, None

    def poll(self):
        """Returns the exit status, negative for a signal, or None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.ask(do="poll", pid=self.pid)
        return self.returncode

    def wait(self, timeout=180):
        """Waits for the end and returns the exit status."""
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                self.send_signal(9)
                raise TimeoutError(f"still running after {timeout} s:\n{self.stderr}")
            time.sleep(0.01)
        return self.returncode

    def wait_for(self, happened, timeout=180):
        """Waits until `happened()` is true; the process has to live as long."""
        deadline = time.monotonic() + timeout
        while not happened():
            if self.poll() is not None:
                raise ChildProcessError(f"ended with {self.returncode}:\n{self.stderr}")
            if time.monotonic() > deadline:
                raise TimeoutError(self.stderr)
            time.sleep(0.002)

    def send_signal(self, number):
        """Sends it a signal."""
        os.kill(self.pid, number)

    @property
    def stdout(self):
        """What it has printed so far."""
        return self._output.with_suffix(".out").read_text()

    @property
    def stderr(self):
        """What it has said on standard error so far."""
        return self._output.with_suffix(".err").read_text()


def _child(order):
    for number, suffix in ((1, ".out"), (2, ".err")):
        handle = os.open(order["output"] + suffix, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, number)
        os.close(handle)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(order["cwd"])
    if order["file_size"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"],) * 2)
    sys.argv = order["argv"]
    try:
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _poll(pid):
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _serve():
    from zoo import command

    command.quiet_tensorflow()
    import zoo.training.trainer  # noqa: F401

    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "start":
            pid = os.fork()
            if not pid:
                code = _child(order)
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
            answer = pid
        else:
            answer = _poll(order["pid"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve()
