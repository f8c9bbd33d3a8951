"""TensorBoard of this environment, served in this process."""

import contextlib
import threading
import warnings


@contextlib.contextmanager
def served(folder):
    """Gives the address, ending in "/", at which TensorBoard shows the runs in `folder`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what it brings along
        from tensorboard import default, program

        board = program.TensorBoard(default.get_plugins())
        board.configure(argv=["tensorboard", f"--logdir={folder}", "--port=0", "--host=127.0.0.1", "--load_fast=false"])
        server = board._make_server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.get_url()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
