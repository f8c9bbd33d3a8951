"""What is done to images on their way from one form into another, and what is known of them all afterwards."""

import pathlib
import sys

from data_prep.image_readers import Record, ahead
from zoo.errors import DataError
from zoo.formats import datum

KINDS = {b"\xff\xd8": "jpeg", b"\x89P": "png"}  # by the first bytes of an image file


def kind_of(data):
    """Returns "jpeg" or "png" for the bytes of such an image file, else None."""
    return KINDS.get(bytes(data[:2]))


def encode(image, ending, at):
    """Returns `image` as the bytes of an image file of the kind that ends in `ending`; raises DataError at `at`."""
    import cv2

    try:
        ok, data = cv2.imencode(f".{ending}", image)
    except cv2.error:
        ok = False
    if not ok:
        raise DataError("cannot be encoded", at=at, got=f"{image.shape} as {ending!r}", want="such as jpg or png")
    return data.tobytes()


class ImageTransform:
    """What is done to every image.

    Args:
        gray: whether to make it gray.
        resize: (H, W) to bring it to, or None.
        encode: the ending of the image files to store ("jpg", "png"), "" for that of each image's own name, or
            None: pixels from a list, and from elsewhere pixels or files as they come.
        is_list: whether images come from a list: decoded to colour unless `gray`, and called by their files' names.
    """

    def __init__(self, gray=False, resize=None, encode=None, is_list=False):
        self.gray, self.resize, self.encode, self.is_list = gray, resize, encode, is_list

    def __call__(self, record):
        """Returns (record, shape of its pixels (H, W, C)) after the change, or the DataError that it met."""
        try:
            record = record.loaded()
            image = record.pixels(self.gray, color=self.is_list and not self.gray)
            if self.resize:
                image = datum.resize(image, self.resize)
            ending = self._ending(record)
            if ending is None:
                return record._replace(data=image, encoded=False), image.shape
            if not self._stays(record, ending):
                record = record._replace(data=encode(image, ending, record.place), encoded=True)
            return record, image.shape
        except DataError as e:
            return e

    def _own_form(self, record):
        if self.is_list:
            return pathlib.PurePath(record.name).suffix[1:].lower()
        return kind_of(record.data) or "png"

    def _ending(self, record):
        """Returns the ending of the file to store, or None for pixels."""
        if self.encode is not None:
            return self.encode or self._own_form(record)
        return self._own_form(record) if record.encoded and not self.is_list else None

    def _stays(self, record, ending):
        """Whether the file itself is stored, as in io.cpp:110-113.

        Caffe stores a colour file even where gray was asked for; that is not followed.
        """
        if not record.encoded or self.resize:
            return False
        forms = {self._own_form(record), ending}
        same = len(forms) == 1 or forms == {"jpeg", "jpg"}
        return same and not (self.gray and record.pixels().shape[2] != 1)


class TransformedImages:
    """Changed images one after the other, and what is known of them all once they have passed.

    Args:
        source: the `ImageSource`.
        change: the `ImageTransform`.
        check_size: whether all have to have one shape.
        skip_corrupt: whether images that cannot be decoded are left out.

    Attributes:
        sizes: the (H, W) that there were.
        channels: the numbers of channels that there were.
        labels: the least and the largest label.
        skipped: messages of the images that were left out.
    """

    def __init__(self, source, change, check_size=False, skip_corrupt=False):
        self._source, self._change, self._check_size, self._skip = source, change, check_size, skip_corrupt
        self.sizes, self.channels, self.labels, self.skipped = set(), set(), (sys.maxsize, -sys.maxsize), []

    def __iter__(self):
        """Yields (number, `Record`, shape); the number counts those left out, too, as convert_imageset's keys do.

        Raises:
            DataError: an image that cannot be decoded, or of another shape, or none at all.
        """
        for number, changed in enumerate(ahead(self._change, self._source.records)):
            if isinstance(changed, DataError):
                if not self._skip:
                    raise changed
                self.skipped.append(str(changed))
                continue
            self._note(*changed)
            yield number, *changed
        if not self.sizes:
            raise DataError("no image is left", got=f"{len(self.skipped)} that cannot be decoded")

    def _note(self, record: Record, shape):
        self.sizes.add(tuple(shape[:2]))
        self.channels.add(shape[2])
        if self._check_size and (len(self.sizes) > 1 or len(self.channels) > 1):
            raise DataError("an image of another size", at=record.place, got=tuple(shape), hint="--check_size asked")
        self.labels = min(self.labels[0], record.label), max(self.labels[1], record.label)
