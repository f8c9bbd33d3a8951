"""What OpenCV makes of images, as digests, to hold one version against another; it imports nothing of ours.

  OLD_PYTHON benchmarks/opencv_pixels.py IMAGES > old.txt
  NEW_PYTHON benchmarks/opencv_pixels.py IMAGES > new.txt
  diff old.txt new.txt

IMAGES is a directory with .jpg, .JPEG or .png files, of which the first 60 are decoded and the first 12 worked on.
What this package reads, resizes, distorts, encodes and draws by is among the functions: a line is a function's name,
the image and the digest of what it gave, shape and type included.
"""

import hashlib
import pathlib
import sys

import cv2
import numpy as np

SIZES = ((256, 256), (227, 227), (300, 300), (28, 28), (500, 333))


def say(what, array):
    """Prints a line."""
    array = np.ascontiguousarray(array)
    said = array.tobytes() + f"{array.shape} {array.dtype}".encode()
    print(what.replace(" ", "_"), hashlib.sha256(said).hexdigest()[:16])


def decoded(name, data):
    """All ways in which a file is decoded."""
    for flag in ("IMREAD_COLOR", "IMREAD_GRAYSCALE", "IMREAD_UNCHANGED"):
        say(f"{flag} {name}", cv2.imdecode(data, getattr(cv2, flag)))
    say(f"IGNORE_ORIENTATION {name}", cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION))


def worked_on(name, image):
    """What augmentation, encoding and drawing do."""
    for kind in (np.uint8, np.float32):
        for size in SIZES:
            for rule in ("INTER_LINEAR", "INTER_NEAREST", "INTER_AREA", "INTER_CUBIC", "INTER_LANCZOS4"):
                small = cv2.resize(image.astype(kind), size, interpolation=getattr(cv2, rule))
                say(f"resize {rule} {kind.__name__} {size} {name}", small)
    for there, back in (("BGR2HSV", "HSV2BGR"), ("BGR2YCrCb", "YCrCb2BGR"), ("BGR2GRAY", "GRAY2BGR")):
        turned = cv2.cvtColor(image, getattr(cv2, f"COLOR_{there}"))
        say(f"{there} {name}", turned)
        say(f"{back} {name}", cv2.cvtColor(turned, getattr(cv2, f"COLOR_{back}")))
    say(f"RGB2GRAY {name}", cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    say(f"GaussianBlur {name}", cv2.GaussianBlur(image, (7, 7), 1.5))
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    say(f"equalizeHist {name}", cv2.equalizeHist(grey))
    say(f"CLAHE {name}", cv2.createCLAHE(clipLimit=4).apply(grey))
    say(f"erode {name}", cv2.erode(image, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3), (1, 1))))
    for border in ("BORDER_CONSTANT", "BORDER_REFLECT", "BORDER_REPLICATE"):
        say(f"{border} {name}", cv2.copyMakeBorder(image, 3, 4, 5, 6, getattr(cv2, border), value=(1, 2, 3)))
    for ending, options in ((".jpg", [cv2.IMWRITE_JPEG_QUALITY, 92]), (".png", [cv2.IMWRITE_PNG_COMPRESSION, 9])):
        say(f"imencode {ending} {name}", cv2.imencode(ending, image, options)[1])
    say(f"blobFromImage {name}", cv2.dnn.blobFromImage(image, 0.017, (224, 224), (104, 117, 123), True, True))
    drawn = image.copy()
    cv2.rectangle(drawn, (5, 5), (20, 20), (0, 255, 0), 2, cv2.LINE_AA)
    cv2.circle(drawn, (15, 15), 7, (0, 1, 255), cv2.FILLED, cv2.LINE_AA)
    say(f"shapes {name}", drawn)
    cv2.putText(drawn, "face 0.98", (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    say(f"putText {name}", drawn)


def main(folder):
    """Prints all lines."""
    endings = (".jpg", ".jpeg", ".png")
    paths = sorted(path for path in pathlib.Path(folder).rglob("*") if path.suffix.lower() in endings)[:60]
    for path in paths:
        decoded(path.name, np.fromfile(path, np.uint8))
    for path in paths[:12]:
        worked_on(path.name, cv2.imread(str(path)))
    worked_on("noise", np.random.default_rng(0).integers(0, 256, (37, 53, 3), np.uint8))


if __name__ == "__main__":
    main(sys.argv[1]) if len(sys.argv) == 2 else sys.exit(__doc__)
