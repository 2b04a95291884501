"""Images in files of every format: all bands and bits are read, or a clear problem says why not."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import imagecodecs
import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image

from segsweep.data.file_kinds import not_a_file
from segsweep.data.image_files import geo_tags, image_size, orientation, pixel_format, read_image
from segsweep.data.image_files.image_file import DEFAULT, Reading
from segsweep.data.image_files.pixels import upright
from segsweep.errors import InputError

RNG = np.random.default_rng(0)


def values(*shape, dtype="uint8", top=None):
    if dtype == "float32":
        return RNG.normal(size=shape).astype(dtype)
    return RNG.integers(0, (np.iinfo(dtype).max if top is None else top) + 1, shape).astype(dtype)


def same(path, expected, reading=DEFAULT):
    """The file is read as (H, W, C) of these values, and its header says so."""
    image = read_image(path, reading)
    expected = expected[..., None] if expected.ndim == 2 else expected
    assert (image.dtype, image.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(image, expected)
    assert pixel_format(path, reading) == (expected.shape[2], expected.dtype.name)
    assert image_size(path, reading) == expected.shape[:2]


def refused(path, *parts, reading=DEFAULT, call=read_image):
    with pytest.raises(InputError) as caught:
        call(path, reading)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}: ")
    for part in parts:
        assert part in problem
    return problem


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tif", "tga", "ppm"])
def test_8_bit_rgb_of_all_formats(tmp_path, suffix):
    image, path = values(7, 5, 3), tmp_path / f"a.{suffix}"
    Image.fromarray(image).save(path, **({"lossless": True} if suffix == "webp" else {}))
    same(path, image)


def test_jpeg_is_what_pillow_decodes(tmp_path):
    Image.fromarray(values(16, 16, 3)).save(tmp_path / "a.jpg")
    same(tmp_path / "a.jpg", np.asarray(Image.open(tmp_path / "a.jpg")))


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "pgm"])
def test_gray_has_one_channel(tmp_path, suffix):
    image, path = values(7, 5), tmp_path / f"a.{suffix}"
    Image.fromarray(image).save(path)
    same(path, image)


def test_the_name_does_not_decide(tmp_path):
    image = values(7, 5, 3)
    Image.fromarray(image).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.tif")
    same(tmp_path / "a.tif", image)


@pytest.mark.parametrize("bands", [1, 3])
def test_png_of_16_bits_is_whole(tmp_path, bands):
    """Pillow keeps the high byte of three channels only: of 12-bit data a sixteenth of the values."""
    image = values(7, 5, bands, dtype="uint16", top=4095)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(image))
    same(tmp_path / "a.png", image)


@pytest.mark.parametrize("mode", ["1", "P"])
def test_bits_and_palettes_are_read_as_their_colors(tmp_path, mode):
    for suffix in ("png", "tif"):
        Image.fromarray(values(7, 5, 3)).convert(mode).save(tmp_path / f"a.{suffix}")
        expected = np.asarray(Image.open(tmp_path / f"a.{suffix}").convert("L" if mode == "1" else "RGB"))
        same(tmp_path / f"a.{suffix}", expected)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("bands", [1, 2, 4, 5, 8])
def test_tiff_of_any_bands_and_depth(tmp_path, bands, dtype, planar):
    image = values(9, 7, bands, dtype=dtype)
    stored = image[..., 0] if bands == 1 else image if planar == "contig" else np.moveaxis(image, -1, 0)
    how = {} if bands == 1 else {"planarconfig": planar, "extrasamples": [0] * (bands - 1)}
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", **how)
    same(tmp_path / "a.tif", image)


@pytest.mark.parametrize("how", [
    {"compression": "lzw", "predictor": True}, {"compression": "deflate"}, {"compression": "zstd"},
    {"bigtiff": True}, {"byteorder": ">"}, {"tile": (16, 16)}, {"rowsperstrip": 3},
])  # fmt: skip
def test_tiff_as_it_is_packed(tmp_path, how):
    image = values(40, 33, 3, dtype="uint16")
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb", **how)
    same(tmp_path / "a.tif", image)


def test_tiff_compressed_as_jpeg_is_what_libtiff_decodes(tmp_path):
    smooth = np.add.outer(np.arange(40), np.arange(50))[..., None].repeat(3, 2).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.tif", compression="jpeg")
    same(tmp_path / "a.tif", np.asarray(Image.open(tmp_path / "a.tif")))


def test_tiff_in_which_0_is_white(tmp_path):
    image = values(7, 5)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="miniswhite")
    same(tmp_path / "a.tif", 255 - image)


def test_indexed_tiff_by_its_colors_of_16_bits_or_of_8(tmp_path):
    indices, colors = values(6, 9), values(3, 256)
    for factor in (257, 256, 1):  # 65535 / 255; shifted; and not scaled, as some programs write it
        table = colors.astype(np.uint16) * factor
        tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=table)
        same(tmp_path / "a.tif", colors.T[indices])


def test_pixels_that_gdal_marks_as_missing_are_said(tmp_path):
    image, nodata = values(6, 9, dtype="float32"), [(42113, "s", 0, "-9999", True)]
    tifffile.imwrite(tmp_path / "a.tif", image, extratags=nodata)
    warnings = []
    read_image(tmp_path / "a.tif", warnings=warnings)
    assert not warnings
    image[2, 3] = -9999
    tifffile.imwrite(tmp_path / "a.tif", image, extratags=nodata)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif", warnings=warnings)[..., 0], image)
    (warning,) = warnings
    assert "-9999" in warning
    assert "`void`" in warning


def test_a_tiff_that_ends_before_its_last_page_is_refused_and_nothing_is_printed(tmp_path, capfd):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for _ in range(3):
            file.write(values(6, 9), photometric="minisblack", contiguous=False)
    with tifffile.TiffFile(path) as file:
        second = file.pages[1].offset
    path.write_bytes(path.read_bytes()[:second])
    for call in (read_image, pixel_format):
        refused(path, "corrupted", call=call)
    assert capfd.readouterr().err == ""


def test_a_tag_of_a_scanner_that_is_wrong_is_said(tmp_path):
    image, path, warnings = values(6, 9), tmp_path / "a.tif", []
    tifffile.imwrite(path, image, extratags=[(65000, "H", 8, tuple(range(8)), True)])
    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags[65000]
    content = bytearray(path.read_bytes())
    content[tag.offset + 8 : tag.offset + 12] = struct.pack("<I", 10**6)  # where its values begin
    path.write_bytes(content)
    assert (read_image(path, warnings=warnings)[..., 0] == image).all()
    assert "invalid value offset" in warnings[0]


def test_arrays_of_numpy(tmp_path):
    for dtype in ("uint8", "uint16", "float32"):
        image = values(20, 18, 5, dtype=dtype)
        np.save(tmp_path / "a.npy", image)
        same(tmp_path / "a.npy", image)
        np.savez(tmp_path / "a.npz", image=image)
        same(tmp_path / "a.npz", image)
    np.save(tmp_path / "g.npy", image[..., 0])
    same(tmp_path / "g.npy", image[..., 0])
    np.savez(tmp_path / "two.npz", image=image, mask=image)
    refused(tmp_path / "two.npz", "2 arrays: image, mask")
    np.save(tmp_path / "first.npy", values(5, 64, 64))
    refused(tmp_path / "first.npy", "(5, 64, 64)", "(channels, height, width)", "np.moveaxis(image, 0, -1)")
    np.save(tmp_path / "four.npy", values(2, 3, 4, 5))
    refused(tmp_path / "four.npy", "(2, 3, 4, 5)")


@pytest.mark.parametrize(("dtype", "top", "expected"), [
    ("int16", 1000, "float32"), ("int32", 2**24, "float32"), (">u2", 60000, "uint16"), ("uint32", 70000, "float32"),
    ("float64", 0, "float32"), ("float16", 0, "float32"),
])  # fmt: skip
def test_other_types_become_float32_where_it_holds_them(tmp_path, dtype, top, expected):
    image = np.zeros((6, 5), dtype)
    image[2, 3] = top or 0.5
    np.save(tmp_path / "a.npy", image)
    found = read_image(tmp_path / "a.npy")
    assert (found.dtype.name, found[2, 3, 0], pixel_format(tmp_path / "a.npy")) == (expected, top or 0.5, (1, expected))


def test_values_that_no_image_holds_are_refused(tmp_path):
    for array, part in [
        (np.full((6, 5), 2**24 + 1, np.int32), "int32 with values up to 16777217"),
        (np.zeros((6, 5), np.complex64), "complex numbers"),
        (np.zeros((6, 5), bool), "true and false"),
        (np.full((6, 5), 1e39), "beyond those of float32"),
    ]:
        np.save(tmp_path / "a.npy", array)
        refused(tmp_path / "a.npy", part)


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "jpg"])
def test_orientation_of_exif_and_tiff(tmp_path, suffix, turned):
    """As Pillow turns it; a 16-bit TIFF is turned by the same function."""
    exif = Image.Exif()
    exif[274] = turned
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(values(8, 16, 3)).save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    with path.open("rb") as file, Image.open(file) as image:
        image.load()  # turns a TIFF already
        if suffix != "tif":
            from PIL import ImageOps

            image = ImageOps.exif_transpose(image)
        same(path, np.asarray(image))
    assert orientation(path) == turned
    assert image_size(path, Reading(orientation="ignore")) == (8, 16)


def test_upright_undoes_each_orientation():
    image = values(2, 3)
    places = {1: image, 2: image[:, ::-1], 3: image[::-1, ::-1], 4: image[::-1]}
    places |= {5: image.T, 6: np.rot90(image), 7: np.rot90(image.T, 2), 8: np.rot90(image, -1)}  # as a camera stores it
    for turned, stored in places.items():
        np.testing.assert_array_equal(upright(stored, turned), image)


def test_pages_are_chosen_or_refused(tmp_path):
    pages = values(3, 9, 7)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    refused(tmp_path / "a.tif", "3 images in one file", "`page: 0`", "`page: channels`")
    same(tmp_path / "a.tif", pages[2], Reading(page=2))
    same(tmp_path / "a.tif", np.moveaxis(pages, 0, -1), Reading(page="channels"))
    refused(tmp_path / "a.tif", "there is no page 3; it has 3, counted from 0", reading=Reading(page=3))
    for suffix in ("gif", "webp", "png"):
        frames = [Image.fromarray(page).convert("RGB") for page in pages]
        path = tmp_path / f"b.{suffix}"
        frames[0].save(
            path, save_all=True, append_images=frames[1:], **({"lossless": True} if suffix == "webp" else {})
        )
        refused(path, "3 images in one file", "`page: 0`")
    same(tmp_path / "b.webp", pages[1][..., None].repeat(3, 2), Reading(page=1))


def test_smaller_copies_in_a_tiff_are_no_pages(tmp_path):
    image = values(32, 32, 3)
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(image, photometric="rgb")
        file.write(image[::2, ::2], photometric="rgb", subfiletype=1)
    same(tmp_path / "a.tif", image)


@pytest.mark.parametrize("deep", [False, True])
def test_alpha_is_left_out_kept_or_refused(tmp_path, deep):
    image = values(7, 5, 4, dtype="uint16" if deep else "uint8")
    opaque = image.copy()
    opaque[..., 3] = np.iinfo(image.dtype).max
    paths = [tmp_path / "a.png", tmp_path / "a.tif"]
    for content in (opaque, image):
        paths[0].write_bytes(imagecodecs.png_encode(content))
        tifffile.imwrite(paths[1], content, photometric="rgb", extrasamples=["unassalpha"])
        for path in paths:
            same(path, content, Reading(channels=4))
            same(path, content[..., :3], Reading(alpha="drop"))
            if content is opaque:
                warnings = []
                read_image(path, warnings=warnings)
                assert warnings == ["an alpha channel is left out, all opaque"]
                same(path, opaque[..., :3])
            else:
                refused(path, "pixels are transparent", "`alpha: drop`", "`channels: 4`")


def test_a_transparent_color_is_alpha_as_well(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [2, 3]], np.uint8))
    image.save(tmp_path / "a.png", transparency=2)
    refused(tmp_path / "a.png", "1 of 4 pixels are transparent")
    image.save(tmp_path / "a.png", transparency=9)
    same(tmp_path / "a.png", np.asarray(image))


@pytest.mark.parametrize("bands", [2, 4])
def test_alpha_of_jpeg_2000_is_alpha(tmp_path, bands):
    image, path = values(64, 48, bands), tmp_path / "a.jp2"
    Image.fromarray(image).save(path)  # writes the box `cdef`
    refused(path, "transparent", f"`channels: {bands}`")
    same(path, image, Reading(channels=bands))
    same(path, image[..., :-1], Reading(alpha="drop"))
    content = imagecodecs.jpeg2k_encode(image, level=0, reversible=True, codecformat="j2k", mct=False)
    path.write_bytes(content)  # a bare codestream: bands like others
    same(path, image)


def test_avif_is_upright_and_has_one_image(tmp_path):
    image, path = np.asarray(Image.new("RGB", (64, 32), (200, 100, 50))), tmp_path / "a.avif"
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(image).save(path, exif=exif)
    assert read_image(path).shape == (64, 32, 3)
    assert image_size(path) == (64, 32)
    Image.fromarray(image).save(path, save_all=True, append_images=[Image.fromarray(255 - image)])
    refused(path, "2 images in one file", "`page: 0`")
    assert read_image(path, Reading(page=1)).mean() == pytest.approx(255 - image.mean(), abs=2)


def test_colors_that_are_not_rgb_are_kept_or_refused(tmp_path):
    image = values(8, 8, 4)
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="separated")
    Image.fromarray(image, "CMYK").save(tmp_path / "a.jpg")
    for path in (tmp_path / "a.tif", tmp_path / "a.jpg"):
        refused(path, "CMYK", "`channels: 4`")
        assert pixel_format(path, Reading(channels=4)) == (4, "uint8")
    same(tmp_path / "a.tif", image, Reading(channels=4))
    for mode in ("LAB", "YCbCr"):
        Image.fromarray(values(8, 8, 3)).convert(mode).save(tmp_path / "b.tif")
        refused(tmp_path / "b.tif", "neither gray nor RGB", reading=Reading(channels=3))


def test_what_pillow_would_cut_to_8_bits_is_read_whole_or_refused(tmp_path):
    deep = values(8, 9, 3, dtype="uint16")
    (tmp_path / "a.jp2").write_bytes(imagecodecs.jpeg2k_encode(deep, level=0))
    same(tmp_path / "a.jp2", deep)
    (tmp_path / "a.ppm").write_bytes(b"P6 4 2 65535\n" + bytes(48))
    refused(tmp_path / "a.ppm", "more than 8 bits", "PNG or TIFF")
    (tmp_path / "a.pgm").write_bytes(b"P5 4 2 4095\n" + bytes(16))
    refused(tmp_path / "a.pgm", "more than 8 bits")


@pytest.mark.parametrize(
    "name", ["a.png", "deep.png", "a.jpg", "a.webp", "strips.tif", "packed.tif", "a.npy", "a.nii.gz"]
)
def test_truncated_files_are_refused(tmp_path, name):
    path, image = tmp_path / name, values(64, 64, 3)
    if name == "deep.png":
        path.write_bytes(imagecodecs.png_encode(image.astype(np.uint16)))
    elif name.endswith(".tif"):
        tifffile.imwrite(path, image, rowsperstrip=8, compression="lzw" if name == "packed.tif" else None)
    elif name == "a.npy":
        np.save(path, image)
    elif name == "a.nii.gz":
        nibabel.save(nibabel.Nifti1Image(image[..., :1], np.eye(4)), path)
    else:
        Image.fromarray(image).save(path)
    content = path.read_bytes()
    for share in (0.5, 0.9, 0.1):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(Exception, match=r"\w"):  # of the decoder's own kind; preparation words it
            read_image(path)


def test_what_is_no_image_is_said(tmp_path):
    (tmp_path / "a.png").write_text("<html>404</html>")
    refused(tmp_path / "a.png", "not an image of a known format")


def test_a_header_that_asks_for_too_much_is_refused_before_it_is_decoded(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", values(7, 5), compression="deflate")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as file:
        for name in ("ImageWidth", "ImageLength"):
            file.pages[0].tags[name].overwrite(20000)
    refused(tmp_path / "a.tif", "20000x20000 pixels", "Cut it into tiles")
    header = struct.pack(">IIBBBBB", 20000, 20000, 8, 0, 0, 0, 0)
    chunks = [b"IHDR" + header, b"IDAT" + zlib.compress(bytes(100))]
    packed = [struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in chunks]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    refused(tmp_path / "a.png", "400000000 pixels", "cut the image into tiles")


def test_geotiff_tags_are_found(tmp_path):
    tags = [(33550, 12, 3, (10.0, 10.0, 0.0), True), (33922, 12, 6, (0.0, 0, 0, 5e5, 4e6, 0), True)]
    tifffile.imwrite(tmp_path / "a.tif", values(7, 5), extratags=tags)
    assert geo_tags(tmp_path / "a.tif") == {code: (kind, count, value) for code, kind, count, value, _ in tags}
    Image.fromarray(values(7, 5)).save(tmp_path / "b.png")
    assert geo_tags(tmp_path / "b.png") == {}


def test_one_slice_of_nifti(tmp_path):
    stored = values(5, 7, dtype="uint16")  # x, y
    nibabel.save(nibabel.Nifti1Image(stored[..., None], np.eye(4)), tmp_path / "a.nii.gz")
    same(tmp_path / "a.nii.gz", stored.T)
    signed = values(5, 7, dtype="int16")
    scaled = nibabel.Nifti1Image(signed, np.eye(4))
    scaled.header.set_slope_inter(0.5, -3)
    nibabel.save(scaled, tmp_path / "s.nii")
    same(tmp_path / "s.nii", (signed / 2 - 3).astype(np.float32).T)
    nibabel.save(nibabel.Nifti1Image(values(5, 7, 4), np.eye(4)), tmp_path / "v.nii")
    refused(tmp_path / "v.nii", "5x7x4 voxels", "`reader: volumes`")


def dicom(path, pixels, **tags):
    """A DICOM file as scanners write it, with some tags."""
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data = pydicom.Dataset()
    data.file_meta, data.Rows, data.Columns = meta, *pixels.shape[:2]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(pixels.dtype.kind == "i")
    data.PixelData = pixels.tobytes()
    for name, value in tags.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)


def test_dicom_in_the_unit_of_its_rescale(tmp_path):
    path = tmp_path / "IM0001"  # no suffix, as on a scanner's disk
    pixels = values(7, 5, dtype="uint16", top=4095)
    dicom(path, pixels)
    same(path, pixels)
    dicom(path, pixels, RescaleSlope=1, RescaleIntercept=-1024)
    same(path, pixels.astype(np.float32) - 1024)
    dicom(path, pixels, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11)
    same(path, 4095 - pixels)
    dicom(path, pixels.astype(np.uint8), PhotometricInterpretation="PALETTE COLOR")
    refused(path, "PALETTE COLOR, which is neither gray nor RGB")
    colors = values(7, 5, 3)
    dicom(path, colors, PhotometricInterpretation="RGB", SamplesPerPixel=3, PlanarConfiguration=0)
    same(path, colors)
    dicom(path, pixels.astype(np.int16))
    same(path, pixels.astype(np.float32))


def test_headers_of_common_images_are_read_without_numpy(tmp_path):
    """Planning asks for the channels of the first image, and is done before numpy would be imported."""
    for suffix in ("png", "jpg", "webp"):
        Image.fromarray(values(7, 5, 3)).save(tmp_path / f"a.{suffix}")
    program = """
import sys
from pathlib import Path
from segsweep.data.image_files import pixel_format
kinds = {pixel_format(path) for path in Path(sys.argv[1]).iterdir()}
sys.exit(kinds != {(3, "uint8")} or "numpy" in sys.modules)
"""
    scripts = Path(__file__).parents[2] / "workflow" / "scripts"
    done = subprocess.run([sys.executable, "-c", program, tmp_path], cwd=scripts, check=False)
    assert done.returncode == 0


def test_what_is_no_file_is_said_and_never_opened(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    refused(tmp_path / "fifo", "a FIFO, not a file", call=pixel_format)
    (tmp_path / "link").symlink_to("gone.png")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "empty").touch()
    (tmp_path / "file").write_text("x")
    found = {path.name: not_a_file(path) for path in [*tmp_path.iterdir(), tmp_path / "none", tmp_path]}
    assert found.pop("loop").startswith("cannot be read (")
    assert found == {
        "fifo": "a FIFO, not a file", "link": "a link to gone.png, which is not there", "empty": "empty",
        "file": None, "none": "no such file", tmp_path.name: "a folder, not a file",
    }  # fmt: skip


def test_a_missing_file_is_told_of_one_that_may_be_meant(tmp_path):
    for name in ("a.JPG", "b.tar.png", "a\u0308.png", ".c.png"):
        (tmp_path / name).touch()
    found = {name: not_a_file(tmp_path / name) for name in ("A.jpg", "a.png", "b.tar.png.png", "\u00e4.png", "c.png")}
    assert found == {
        "A.jpg": "no such file, but 'a.JPG' is there", "a.png": "no such file, but 'a.JPG' is there",
        "b.tar.png.png": "no such file, but 'b.tar.png' is there", "c.png": "no such file",
        "\u00e4.png": "no such file, but 'a\u0308.png' is there, in another Unicode form",
    }  # fmt: skip
    assert not_a_file(tmp_path / "deep/a.png") == "no such file"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.png").touch()
    assert not_a_file(tmp_path / "deep\\a.png") == r"no such file, but one with / in place of \ "[:-1]
    (tmp_path / "c.jpg").touch()
    assert not_a_file(tmp_path / "c.png") == "no such file, but 'c.jpg' is there"
