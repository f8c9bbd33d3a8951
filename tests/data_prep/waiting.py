"""Images at which commands and all their processes wait: how a test finds them at work, at a known place."""

import os
import pathlib

HOOK = """
import os, sys

def _wait(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        pipe = os.fsdecode(args[0]) + ".wait"
        if pipe.endswith(".JPEG.wait") and os.path.exists(pipe):
            with open(pipe, "rb") as file:
                file.read()

sys.addaudithook(_wait)
"""


class Waiting:
    """Makes whoever opens one of `paths` wait for as long as a pipe ``<path>.wait`` has no writer that has closed it.

    Args:
        folder: where the hook may be written.
        paths: of the images, each ending in ".JPEG".
    """

    def __init__(self, folder, paths):
        hook = pathlib.Path(folder, "hook")
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(HOOK)
        self.env = {**os.environ, "PYTHONPATH": str(hook)}
        self.pipes = {path: pathlib.Path(f"{path}.wait") for path in paths}
        for pipe in self.pipes.values():
            os.mkfifo(pipe)

    def end(self):
        """Lets nobody wait from here on."""
        for pipe in self.pipes.values():
            pipe.unlink(missing_ok=True)
