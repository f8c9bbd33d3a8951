"""NAME.prototxt: the net to deploy as text of the current form."""

from zoo.export.targets.base import Checked, Target, Written


class Prototxt(Target):
    """The net alone; not run, but read again."""

    endings = (".prototxt",)
    text = True
    without_keras = True

    def write(self, conversion):
        from zoo.export import metadata, prototxt_file

        prototxt_file.write(self.path, conversion.message, metadata.comments(conversion))
        return Written([self.path])

    def check(self, conversion):
        from zoo.export import prototxt_file

        prototxt_file.check(self.path, conversion.message)
        return Checked(["reads back as the same net"])
