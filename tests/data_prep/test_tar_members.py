"""Tar archives: no member is passed over, whatever is damaged, and what a header declares is not believed."""

import io
import random
import tarfile

import pytest

from data_prep import archives, tar_members
from data_prep.image_files import collect
from tests.data_prep import ilsvrc
from zoo.errors import DataError

NAMES = [f"n0000000{i % 2 + 1}_{i}.JPEG" for i in range(8)]


def flat():
    return ilsvrc.tar({name: name.encode() * 30 for name in NAMES})


def nested():
    return ilsvrc.tar({f"{c}.tar": ilsvrc.tar({f"{c}_{i}.JPEG": b"x" * 600 for i in range(4)}) for c in ("a", "b")})


def listed(path, data):
    path.write_bytes(data)
    return [file.member for file in archives.listing(path)]


@pytest.mark.parametrize("archive", [flat, nested])
def test_a_flipped_byte_of_any_header_is_found(tmp_path, archive):
    """tarfile alone takes such a header for the end, and so 3 of 8 images for all."""
    data = archive()
    want = listed(tmp_path / "x.tar", data)
    assert len(want) == 8
    places = [at for at in range(0, len(data), 512) if data[at + 257 : at + 262] == b"ustar"]
    assert len(places) >= 8
    drawn = random.Random(0)
    for at in places:
        for place in (at + 3, at + 130, at + drawn.randrange(100, 512)):
            damaged = bytearray(data)
            damaged[place] ^= 1 << drawn.randrange(8)
            try:
                assert listed(tmp_path / "x.tar", damaged) == want  # in the padding of the checksum's own digits
            except DataError as e:
                assert "x.tar" in str(e)
            else:
                assert 148 <= place - at < 156


def test_the_message_says_where(tmp_path):
    data = bytearray(nested())
    at = data.index(b"b_2.JPEG")
    data[at] ^= 1
    with pytest.raises(
        DataError, match=rf"x.tar: b.tar: the archive is damaged, got neither of them at byte {at}, want"
    ):
        listed(tmp_path / "x.tar", data)


@pytest.mark.parametrize("archive", [flat, nested])
def test_every_length_but_the_whole_is_cut_short(tmp_path, archive):
    data = archive()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        last = tar.getmembers()[-1]
    end = last.offset_data + last.size + -last.size % 512 + 1024
    assert len(listed(tmp_path / "x.tar", data[:end])) == 8
    for length in [*range(512, end, 512), end - 1, end - 513]:
        with pytest.raises(DataError, match="cut short|not a complete tar|damaged"):
            listed(tmp_path / "x.tar", data[:length])


def test_what_follows_the_end_is_no_padding(tmp_path):
    for data in (flat() + flat(), flat()[:-1] + b"x"):
        with pytest.raises(DataError, match="the archive is damaged"):
            listed(tmp_path / "x.tar", data)


def special(pax=None, **fields):
    """Returns an archive whose third member has these fields, or `pax` headers."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for i, name in enumerate(NAMES):
            info = tarfile.TarInfo(name)
            info.size = 600
            if i == 2:
                info.pax_headers = pax or {}
                for field, value in fields.items():
                    setattr(info, field, value)
            archive.addfile(info, io.BytesIO(b"x" * 600) if info.isreg() else None)
    return out.getvalue()


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"pax": {"size": "abc"}}, "the archive is damaged"),
        ({"pax": {"size": "-5120"}}, "a damaged header, got size -5120"),
        ({"pax": {"size": "9" * 30}}, "cut short, got .* where n00000001_2.JPEG ends at 999999|cut short"),
        ({"pax": {"GNU.sparse.map": "a,b", "GNU.sparse.size": "10"}}, "not a complete tar archive, got ValueError"),
        ({"pax": {"GNU.sparse.map": "0,9", "GNU.sparse.size": "10"}}, "stored as a plain file, got a sparse file"),
        ({"pax": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}}, "not a complete tar archive, got ValueError"),
        ({"type": tarfile.SYMTYPE, "linkname": "/dev/zero"}, "n00000001_2.JPEG: .*plain file, got a link"),
        ({"type": tarfile.LNKTYPE, "linkname": NAMES[0]}, "n00000001_2.JPEG: .*plain file, got a link"),
        ({"type": tarfile.FIFOTYPE}, "n00000001_2.JPEG: .*plain file, got no file"),
        ({"name": NAMES[0]}, f"{NAMES[0]}: two images of one name"),
    ],
)
def test_members_that_cannot_be_read_in_place(tmp_path, fields, said):
    with pytest.raises(DataError, match=said):
        listed(tmp_path / "x.tar", special(**fields))


def test_a_long_name_that_declares_gigabytes(tmp_path):
    data = bytearray(special(name="n/" * 90 + "n00000001_2.JPEG"))
    at = data.index(b"@PaxHeader") // 512 * 512
    data[at + 124 : at + 136] = b"77777777777\0"  # 8 GB
    data[at + 148 : at + 156] = b" " * 8
    data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + 512])
    with pytest.raises(DataError, match="not a complete tar archive, got a header of 85899"):
        listed(tmp_path / "x.tar", data)


def test_an_inner_archive_without_images(tmp_path):
    with pytest.raises(DataError, match="x.tar: b.tar: no images in the archive"):
        listed(tmp_path / "x.tar", ilsvrc.tar({"a.tar": flat(), "b.tar": ilsvrc.tar({"x.txt": b""})}))


def test_names_that_are_not_utf8(tmp_path):
    """An image's is kept, byte for byte; a class needs one that can be text."""
    name = b"n00000001_\xe9.JPEG".decode("utf-8", "surrogateescape")
    (tmp_path / "x.tar").write_bytes(ilsvrc.tar({name: b"x", "n00000001_1.JPEG": b"x"}))
    files, _ = collect(tmp_path / "x.tar")
    assert [str(file) for file in files] == [f"{tmp_path}/x.tar: n00000001_{end}.JPEG" for end in ("1", r"\xe9")]
    assert files[1].name.encode("utf-8", "surrogateescape") == b"n00000001_\xe9.JPEG"
    (tmp_path / "x.tar").write_bytes(ilsvrc.tar({"cat\udce9/1.JPEG": b"x"}))
    with pytest.raises(DataError, match=r"a class whose name is not UTF-8, got cat\\xe9"):
        collect(tmp_path / "x.tar")
    assert tar_members.text("caf\u00e9") == "caf\u00e9"
