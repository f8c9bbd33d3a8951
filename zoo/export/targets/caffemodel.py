"""NAME.caffemodel and NAME.caffemodel.h5: weights of the current form, as Caffe reads them."""

from zoo import command, terminal
from zoo.export.targets.base import Checked, Reader, Target, Written


class Caffemodel(Target):
    """The weights, binary or HDF5; not run, but compared byte by byte."""

    endings = (".caffemodel", ".caffemodel.h5")
    without_keras = True

    def write(self, conversion):
        from zoo.converters import weights
        from zoo.formats import caffemodel

        for layer in [] if self.path.endswith(".h5") else weights.lost(conversion.array_net):
            what = "no .caffemodel gives it its parameters back: an earlier layer has its name"
            terminal.warning(f"{layer.at()}: {what} (a .keras file does)")
        arrays, shared = weights.arrays(conversion.array_net), weights.shared(conversion.array_net)
        caffemodel.write(self.path, arrays, conversion.message, shared=shared)
        return Written([self.path])

    def how_to_load(self, conversion):
        return ["--weights of zoo.train and of this command, or Caffe's own -weights"]

    def check(self, conversion):
        command.quiet_tensorflow()  # which neither the file nor what was converted to it needed
        from zoo.export import verify

        count, wrong = verify.same_bytes(conversion, self.path)
        return Checked(wrong or [f"{count} parameter blobs, the same bytes"], not wrong)

    def readers(self, conversion):
        if conversion.origin is None:
            return ()  # the bytes are those of the weights files
        from zoo.export import runtimes

        return [Reader("NumPy", lambda: runtimes.numpy_reference(self.path, conversion), timed=False)]
