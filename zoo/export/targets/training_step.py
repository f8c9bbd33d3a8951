"""NAME.step.stablehlo: one iteration of a solver's training; the only target that is not written from a deploy net."""

from zoo.errors import UnsupportedError
from zoo.export.targets.base import Target
from zoo.export.targets.stablehlo import in_jax, write_program


class TrainingStep(Target):
    """The program of forward, backward and update, with the files of `StableHlo`."""

    endings = (".step.stablehlo",)
    of_solver = True

    def accept(self, request):
        if request.verify:
            hint = "run it with python -m zoo.export.stablehlo.in_jax, see docs/stablehlo.md"
            raise UnsupportedError("--verify does not run a training step", got=self.path, hint=hint)
        if request.phase:
            what, hint = "a training step is of phase TRAIN and takes no --phase", "leave it out"
            raise UnsupportedError(what, got=f"--phase={request.phase}", hint=hint)
        given = {
            "--summary": request.summary,
            "--fold": request.fold,
            "--outputs": request.outputs,
            "--batch": request.batch,
        }
        others = [name for name, value in given.items() if value]
        if len(request.targets) > 1 or others:
            got = ", ".join([*(target.path for target in request.targets), *others])
            raise UnsupportedError(
                "a .step.stablehlo file is written alone", got=got, want="--output=NAME.step.stablehlo"
            )

    def write_step(self, request):
        """Writes the training step of a solver; returns what was `Written`."""
        from zoo.converters.solver import solver_def
        from zoo.export import input_shapes
        from zoo.export.metadata import sources
        from zoo.export.stablehlo.step import step_program
        from zoo.netdef.config import net_state, open_config

        config = open_config(request.config).changed(request.changes, request.data_dir)
        solver, shapes = solver_def(config.solver()), input_shapes.parse(request.input_shapes)
        state = net_state(request.level, request.stages)
        step = request.open_step(solver, shapes, data_dir=request.data_dir, state=state, weights=request.weights)
        notes = {"sources": sources(request.config, request.weights or solver.weights)}
        return write_program(step_program(step, notes), self.path)

    def how_to_load(self, conversion):
        return [in_jax(self.path)]
