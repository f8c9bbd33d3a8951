"""NAME.stablehlo: the net to deploy as one program without variables, for one batch size."""

from zoo.errors import UnsupportedError
from zoo.export.targets.base import Reader, Target, Written


class StableHlo(Target):
    """The program, a JSON that describes its arguments, and an .npz with its parameters."""

    endings = (".stablehlo",)
    forgetful = True
    one_size = True

    def accept(self, request):
        if request.batch == "any":
            raise UnsupportedError("a .stablehlo file is for one batch size", got="--batch=any", want="--batch=N")

    def write(self, conversion):
        from zoo.export import metadata
        from zoo.export.stablehlo.deploy import deploy_program

        sources = metadata.sources(conversion.config, conversion.weights)
        notes = {"sources": sources, "folded": conversion.origin is not None}
        notes["preprocessing"] = {blob: known.as_dict() for blob, known in conversion.preprocessing.items()}
        return write_program(deploy_program(conversion, notes), self.path)

    def how_to_load(self, conversion):
        return [in_jax(self.path)]

    def readers(self, conversion):
        from zoo.export import runtimes

        return [Reader("JAX", lambda: runtimes.jax(self.path))]


def in_jax(path):
    """Returns the command that runs the program at `path`."""
    return f"python -m zoo.export.stablehlo.in_jax {path} --batches=FILE.npz"


def write_program(program, path):
    """Writes a StableHLO `Program`; what it takes is said in the `Written`."""
    from zoo.export.stablehlo.program import write

    paths = write(program, path)
    count = sum(value.role == "state" for value in program.arguments)
    lines = [f"state: {count} arrays, in {path}.npz"]
    lines += [f"input {value.name}: {', '.join(map(str, value.shape))}" for value in program.arguments[count:]]
    return Written(paths, lines)
