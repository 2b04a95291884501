"""Masks in files: values, colors, ranges, files of classes, and what is refused rather than read by luck."""

import io

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from segsweep.config.dataset import parse_dataset
from segsweep.data.classes import class_table
from segsweep.data.decoding import decode
from segsweep.data.mask_files import read_mask
from segsweep.data.palettes import color_number, color_of
from segsweep.data.preparation import prepare
from segsweep.data.raw_item import Item
from segsweep.data.readers import files, read
from segsweep.data.void import VOID
from segsweep.errors import InputError
from segsweep.planning.data_address import meaning_of

STREET = {"road": [128, 64, 128], "sky": [[70, 130, 180], [0, 0, 0]], "car": [0, 0, 142], "void": 255}
VALUES = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)


def dataset(**changes):
    settings = {"name": "d", "reader": "folder", "images": "{name}.png", "masks": "{name}.png"}
    return parse_dataset(settings | changes)


def decoded(mask, shape=(2, 3), **changes):
    """The mask that a file becomes, and problems."""
    item = Item("a", np.zeros((*shape, 3), np.uint8), mask)
    sample, problems = decode(item, class_table(dataset(**changes)), True)
    return None if sample is None else sample.mask.tolist(), problems


def refused(mask, shape=(2, 3), **changes):
    found, problems = decoded(mask, shape, **changes)
    assert found is None
    (problem,) = problems
    assert problem.startswith(str(mask))
    return problem


def saved(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


# Colors


def test_colors_are_classes_several_to_one_and_grays_among_them(tmp_path):
    colors = np.array([[[128, 64, 128], [70, 130, 180], [0, 0, 0]], [[0, 0, 142], [255] * 3, [128, 64, 128]]], np.uint8)
    expected = [[0, 1, 1], [2, VOID, 0]]
    assert class_table(dataset(palette=STREET)).names == ["road", "sky", "car"]  # named by the palette alone
    assert decoded(saved(tmp_path / "a.png", colors), palette=STREET) == (expected, [])
    np.save(tmp_path / "a.npy", colors)
    assert decoded(tmp_path / "a.npy", palette=STREET) == (expected, [])
    indexed = Image.fromarray(colors).quantize(8, dither=Image.Dither.NONE)
    assert indexed.mode == "P"
    indexed.save(tmp_path / "b.png")
    assert decoded(tmp_path / "b.png", palette=STREET) == (expected, [])
    assert decoded(saved(tmp_path / "c.bmp", colors), palette=STREET) == (expected, [])
    assert decoded(saved(tmp_path / "d.tif", colors), palette=STREET) == (expected, [])


def test_any_color_is_found_again():
    colors = np.random.default_rng(0).integers(0, 256, (50, 3))
    assert [color_of(color_number(*color)) for color in colors.tolist()] == colors.tolist()


def test_random_colors_give_the_classes_that_a_loop_over_pixels_gives(tmp_path):
    rng = np.random.default_rng(1)
    listed = rng.choice(np.arange(256**3), 12, replace=False)
    listed = np.stack([listed >> 16, listed >> 8 & 255, listed & 255], 1).astype(np.uint8)
    palette = {f"c{i}": listed[i : i + 3].tolist() for i in range(0, 12, 3)}
    chosen = rng.integers(0, 12, (9, 11))
    path = saved(tmp_path / "a.png", listed[chosen])
    assert decoded(path, (9, 11), palette=palette) == ((chosen // 3).tolist(), [])


def test_a_mask_of_colors_without_a_palette_lists_them_and_the_palette_to_write(tmp_path):
    colors = np.zeros((2, 3, 3), np.uint8)
    colors[0, :2] = [9, 8, 7]
    said = refused(saved(tmp_path / "a.png", colors), classes={0: "road", 1: "sky"})
    assert "Found, most frequent first: [0, 0, 0] (66.7 %), [9, 8, 7] (33.3 %)." in said
    assert "`palette: {road: [0, 0, 0], sky: [9, 8, 7]}`" in said


def test_colors_that_are_not_listed(tmp_path):
    colors = np.full((2, 3, 3), [128, 64, 128], np.uint8)
    colors[1, 2] = [1, 2, 3]
    said = refused(saved(tmp_path / "a.png", colors), palette=STREET)
    assert (
        "color [1, 2, 3] at row 1, column 2 (1 pixels) is no class and not void; allowed: road: [128, 64, 128]" in said
    )
    assert "add the color to `palette`" in said


def test_an_antialiased_mask_of_colors_says_how_many_lie_between(tmp_path):
    large = np.full((40, 40, 3), [0, 0, 142], np.uint8)
    large[10:30, 5:25] = [128, 64, 128]
    blurred = cv2.resize(large, (25, 25), interpolation=cv2.INTER_LINEAR)
    palette = {"road": [128, 64, 128], "car": [0, 0, 142]}
    wrong = {tuple(color) for color in blurred.reshape(-1, 3).tolist()} - {(128, 64, 128), (0, 0, 142)}
    assert len(wrong) > 3
    said = refused(saved(tmp_path / "a.png", blurred), (25, 25), palette=palette)
    assert f"{len(wrong)} colors that are no class and not void, in " in said
    assert f"{len(wrong)} of them lie between colors that are allowed, as after antialiasing, a JPEG, or" in said


# Values


def test_ranges_and_values_beyond_a_byte(tmp_path):
    instances = np.array([[0, 1, 300], [65535, 7, 0]], np.uint16)
    palette = {"background": 0, "cell": "1-299, 65535", "other": ["300"]}
    for path in (tmp_path / "a.png", tmp_path / "a.tif"):
        assert decoded(saved(path, instances), palette=palette) == ([[0, 1, 2], [1, 1, 0]], [])
    for dtype in (np.uint16, np.uint32, np.int64):
        tifffile.imwrite(tmp_path / "b.tif", instances.astype(dtype))
        assert decoded(tmp_path / "b.tif", palette=palette) == ([[0, 1, 2], [1, 1, 0]], [])
    np.save(tmp_path / "a.npy", instances.astype(np.int32) - 1)
    signed = {"background": 0, "cell": ["1-70000"], "void": -1}
    assert decoded(tmp_path / "a.npy", palette=signed) == ([[VOID, 0, 1], [1, 1, VOID]], [])
    said = refused(tmp_path / "a.png", palette={"background": 0, "cell": "1-300"})
    assert "value 65535 at row 1, column 0 (1 pixels)" in said


def test_signed_bytes_are_not_taken_for_large_ones(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 1, -1], [0, 0, 0]], np.int8))
    said = refused(tmp_path / "a.tif", classes={0: "a", 1: "b"}, void=[255])
    assert "value -1 at row 0, column 2" in said


def test_a_palette_for_predictions_leaves_the_numbers_of_the_classes():
    table = class_table(dataset(palette={"b": [3, 3, 4], "a": [5, 6, 7]}, classes={0: "a", 9: "b"}))
    assert (table.names, table.index[0], table.index[9]) == (["a", "b"], 0, 1)
    assert table.palette.ranges == (
        (color_number(3, 3, 4), color_number(3, 3, 4), 1),
        (color_number(5, 6, 7),) * 2 + (0,),
    )


def test_an_antialiased_mask_of_values_says_how_many_lie_between_and_how_to_read_it(tmp_path):
    blurred = np.array([[0, 40, 90], [128, 200, 255]], np.uint8)
    path, classes = saved(tmp_path / "a.png", blurred), {0: "paper", 255: "ink"}
    said = refused(path, task="binary", classes=classes, foreground="ink")
    assert "4 values that are no class and not void, in 4 of 6 pixels, such as 40 at row 0, column 1" in said
    assert "4 of them lie between values that are allowed" in said
    assert "`palette: {paper: 0-127, ink: 128-255}`" in said
    said = refused(path, palette={"ink": 255, "paper": 0})
    assert "`palette: {paper: 0-127, ink: 128-255}`" in said  # in the order of the values
    palette = {"paper": "0-127", "ink": "128-255"}
    found = decoded(path, task="binary", classes={0: "paper", 1: "ink"}, foreground="ink", palette=palette)
    assert found == ([[0, 0, 0], [1, 1, 1]], [])


def test_a_jpeg_is_read_by_ranges_only_however_lucky(tmp_path):
    path = saved(tmp_path / "a.jpg", np.zeros((2, 3), np.uint8))
    assert "JPEG, which blurs values at the edges" in refused(path, classes={0: "a", 255: "b"})
    assert "JPEG, which" in refused(path, palette={"a": [0, 0, 0], "b": [1, 1, 1]})
    assert decoded(path, palette={"a": "0-127", "b": "128-255"}) == ([[0] * 3] * 2, [])
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((16, 16), np.uint8), compression="jpeg", tile=(16, 16))
    assert "JPEG, which" in refused(tmp_path / "a.tif", (16, 16), classes={0: "a", 255: "b"})


def test_webp_and_avif_are_read_only_without_loss(tmp_path):
    classes = {"classes": {0: "a", 1: "b", 2: "c", 255: "d"}}
    lossless = saved(tmp_path / "a.webp", VALUES, lossless=True)
    assert decoded(lossless, **classes) == ([[0, 1, 2], [2, 3, 0]], [])
    for options in ({}, {"exif": Image.Exif()}, {"icc_profile": b"odd"}):  # chunks before that of the pixels
        assert "WebP with loss, which blurs" in refused(saved(tmp_path / "b.webp", VALUES, **options), **classes)
    saved(tmp_path / "c.webp", VALUES, lossless=True, icc_profile=b"odd")
    assert decoded(tmp_path / "c.webp", **classes)[1] == []
    assert "AVIF, which blurs" in refused(saved(tmp_path / "a.avif", VALUES), **classes)


# Kinds of files


def test_transparency_says_nothing_and_is_refused(tmp_path):
    array = np.dstack([VALUES] * 3 + [np.full_like(VALUES, 255)])
    classes = {"classes": {0: "a", 1: "b", 2: "c"}, "void": [255]}
    assert decoded(saved(tmp_path / "a.png", array), **classes) == (VALUES.tolist(), [])
    array[0, 0, 3] = array[0, 1, 3] = 0
    assert "2 transparent pixels. A mask says by its values" in refused(saved(tmp_path / "a.png", array), **classes)
    gray = Image.merge("LA", [Image.fromarray(VALUES)] * 2)
    gray.save(tmp_path / "b.png")
    assert "5 transparent pixels" in refused(tmp_path / "b.png", **classes)


def test_floats_and_deep_colors_get_a_line_each(tmp_path):
    classes = {"classes": {0: "a", 1: "b"}}
    np.save(tmp_path / "a.npy", np.zeros((2, 3), np.float32))
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 3), np.float32))
    for name in ("a.npy", "a.tif"):
        assert "type float32: a mask holds whole numbers. Save it as such" in refused(tmp_path / name, **classes)
    for channels in (3, 4):  # of gray with alpha Pillow makes four as well
        cv2.imwrite(str(tmp_path / "b.png"), np.full((2, 3, channels), 65535, np.uint16))
        said = refused(tmp_path / "b.png", palette={"a": [0, 0, 0], "b": [255, 255, 255]})
        assert "several channels of 16 bits" in said
    Image.new("CMYK", (3, 2)).save(tmp_path / "c.tif")
    assert "mode CMYK" in refused(tmp_path / "c.tif", **classes)
    assert "has colors of 8 bits" in refused(saved(tmp_path / "d.png", np.full((2, 3), 300, np.uint16)), palette=STREET)


def test_what_is_no_image_gets_a_line(tmp_path):
    classes = {"classes": {0: "a", 1: "b"}}
    (tmp_path / "a.png").touch()
    assert "a.png: empty" in refused(tmp_path / "a.png", **classes)
    (tmp_path / "a.png").write_text("<html>")
    assert "a.png: no image of a known format. A mask is a PNG" in refused(tmp_path / "a.png", **classes)
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    said = refused(saved(tmp_path / "a.png", noise), (20, 30), **classes)
    assert " more (so many come from antialiasing, a JPEG, or an image that is no mask)" in said


def test_several_images_in_one_file(tmp_path):
    classes = {"classes": {0: "a", 1: "b", 2: "c"}, "void": [255]}
    tifffile.imwrite(tmp_path / "a.tif", np.stack([VALUES, VALUES]), photometric="minisblack")
    assert "2 images in one file; a mask is one" in refused(tmp_path / "a.tif", **classes)
    frames = [Image.fromarray(frame) for frame in (VALUES, VALUES[::-1])]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert "2 images in one file" in refused(tmp_path / "a.gif", **classes)
    with tifffile.TiffWriter(tmp_path / "b.tif") as tiff:  # as maps are written, with a smaller copy
        tiff.write(VALUES.astype(np.uint16))
        tiff.write(VALUES[::2, ::2].astype(np.uint16), subfiletype=1)
    assert decoded(tmp_path / "b.tif", **classes) == ([[0, 1, 2], [2, 255, 0]], [])


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_mask_is_upright_where_it_says_how(tmp_path, suffix, orientation):
    upright = np.arange(6, dtype=np.uint8).reshape(2, 3)
    turns = {1: 0, 3: 2, 6: 1}  # quarters, counter-clockwise, from upright to stored
    exif = Image.Exif()
    exif[274] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    path = tmp_path / f"a.{suffix}"
    saved(path, np.rot90(upright, turns[orientation]), exif=exif, **options)
    assert read_mask(path).tolist() == upright.tolist()
    assert read_mask(path, turned=False).tolist() == np.rot90(upright, turns[orientation]).tolist()


def test_a_tiff_of_indices_that_is_turned_and_should_not_be_is_refused(tmp_path):
    indexed = Image.fromarray(VALUES).convert("P")
    exif = Image.Exif()
    exif[274] = 6
    indexed.save(tmp_path / "a.tif", exif=exif)
    assert read_mask(tmp_path / "a.tif").shape == (3, 2)
    with pytest.raises(InputError, match=r"a\.tif: a TIFF of colors or indices with a tag Orientation"):
        read_mask(tmp_path / "a.tif", turned=False)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
@pytest.mark.parametrize("compression", [None, "zstd"])
def test_deep_masks_are_upright_too(tmp_path, dtype, compression):
    stored = np.rot90(np.arange(6).reshape(2, 3), 1).astype(dtype)
    orientation = [(274, 3, 1, 6, True)]
    tifffile.imwrite(tmp_path / "a.tif", stored, compression=compression, extratags=orientation)
    assert read_mask(tmp_path / "a.tif").tolist() == [[0, 1, 2], [3, 4, 5]]
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[:-2])
    if compression is None:  # what is cut off is not zero
        assert "ends after" in refused(tmp_path / "a.tif", classes={0: "a", 1: "b"})


def test_an_open_file_is_read_as_its_path_would_be(tmp_path):
    for suffix, array in (("png", VALUES), ("tif", VALUES.astype(np.uint16))):
        path = saved(tmp_path / f"a.{suffix}", array)
        assert read_mask(path.read_bytes(), where="row 3").tolist() == VALUES.tolist()
    file = io.BytesIO()
    Image.fromarray(VALUES).save(file, "JPEG")
    with pytest.raises(InputError, match=r"^row 3: JPEG"):
        read_mask(file.getvalue(), where="row 3")


def test_one_bit_is_zero_or_one(tmp_path):
    saved(tmp_path / "a.png", VALUES == 1)
    assert decoded(tmp_path / "a.png", classes={0: "a", 1: "b"}) == ([[0, 1, 0], [0, 0, 0]], [])
    black_and_white = {"a": [0, 0, 0], "b": [255, 255, 255]}
    assert decoded(tmp_path / "a.png", palette=black_and_white) == ([[0, 1, 0], [0, 0, 0]], [])


def test_sides_that_are_swapped_come_from_a_turn(tmp_path):
    said = refused(saved(tmp_path / "a.png", VALUES.T.copy()), classes={0: "a", 1: "b", 2: "c"}, void=[255])
    assert "2x3 pixels, its image has 3x2 (width x height). One of the two is turned. Images and masks" in said


# A file for each class


PETS = {"masks": {"cat": "cat/{name}.png", "dog": "dog/{name}.png"}, "classes": {0: "rest", 1: "dog", 2: "cat"}}


def pets(folder, cat, dog):
    paths = []
    for name, mask in (("cat", cat), ("dog", dog)):
        (folder / name).mkdir(exist_ok=True)
        paths.append(saved(folder / name / "a.png", np.array(mask, np.uint8)))
    return paths


def test_a_file_for_each_class_and_one_class_of_what_is_left(tmp_path):
    saved(tmp_path / "a.png", np.zeros((2, 3, 3), np.uint8))
    (tmp_path / "train.txt").write_text("a")
    (tmp_path / "val.txt").write_text("")
    masks = pets(tmp_path, [[255, 255, 0], [0, 0, 9]], [[0, 0, 1], [0, 0, 0]])
    settings = dataset(**PETS, void=[9])
    (item,) = read(settings, tmp_path)["train"]
    assert files(settings, tmp_path)["train"] == [("a", [tmp_path / "a.png", *masks])]
    sample, problems = decode(item, class_table(settings), True)
    assert problems == []
    assert sample.mask.tolist() == [[2, 2, 1], [0, 0, VOID]]


def test_overlaps_and_gaps_of_the_files_of_classes(tmp_path):
    found, problems = decoded(pets(tmp_path, [[1, 1, 0]], [[0, 1, 0]]), (1, 3), **PETS)
    assert found is None
    assert "cat/a.png, " in problems[0]
    assert "1 pixels are of several classes, the first at row 0, column 1. A pixel has one class" in problems[0]
    both = PETS | {"classes": {0: "cat", 1: "dog"}}
    assert decoded(pets(tmp_path, [[1, 1, 0]], [[0, 0, 1]]), (1, 3), **both) == ([[0, 0, 1]], [])
    found, problems = decoded(pets(tmp_path, [[1, 0, 0]], [[0, 0, 1]]), (1, 3), **both)
    assert "1 pixels are of no class, the first at row 0, column 1" in problems[0]
    found, problems = decoded(pets(tmp_path, [[1, 3, 0]], [[4, 0, 1]]), (1, 3), **both)
    assert ["cat/a.png: value 3" in problems[0], "dog/a.png: value 4" in problems[1]] == [True, True]


def test_colors_in_the_file_of_a_class(tmp_path):
    colors = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    found, problems = decoded([saved(tmp_path / "a.png", colors)] * 2, **PETS)
    assert found is None
    assert "a.png: colors, but a file for each class holds values; allowed: 0 (without the label), 1 or" in problems[0]
    assert "palette" not in problems[0]


def test_a_binary_task_with_one_file(tmp_path):
    settings = {
        "task": "binary",
        "masks": {"ink": "{name}.png"},
        "classes": {0: "paper", 1: "ink"},
        "foreground": "ink",
    }
    assert decoded([saved(tmp_path / "a.png", (VALUES > 1) * np.uint8(255))], **settings)[0] == [[0, 0, 1], [1, 1, 0]]


def test_masks_of_all_forms_are_prepared_to_the_same_bits(tmp_path):
    rng = np.random.default_rng(2)
    names, root = ["sky", "road", "car"], tmp_path / "d"
    colors = rng.choice(256, (4, 3), replace=False).astype(np.uint8)
    (root / "i").mkdir(parents=True)
    for folder in ("index", "color", "deep", *names):
        (root / folder).mkdir()
    for name in "abc":
        mask = rng.integers(0, 4, (12, 16))  # 3 is void
        saved(root / f"i/{name}.png", rng.integers(0, 256, (12, 16, 3), np.uint8))
        saved(root / f"index/{name}.png", mask.astype(np.uint8))
        saved(root / f"color/{name}.png", colors[mask])
        saved(root / f"deep/{name}.png", (mask * 1000 + rng.integers(0, 1000, mask.shape)).astype(np.uint16))
        for number, folder in enumerate(names):
            saved(root / f"{folder}/{name}.png", np.select([mask == 3, mask == number], [9, 255]).astype(np.uint8))
    (root / "train.txt").write_text("a\nb\n")
    (root / "val.txt").write_text("c\n")
    classes = dict(enumerate(names))
    forms = [
        {"masks": "index/{name}.png", "classes": classes, "void": [3]},
        {"masks": "color/{name}.png", "palette": dict(zip([*names, "void"], colors.tolist(), strict=True))},
        {
            "masks": "deep/{name}.png",
            "palette": {name: f"{i}000-{i}999" for i, name in enumerate([*names, "void"])},
        },
        {"masks": {name: f"{name}/{{name}}.png" for name in ("car", "sky")}, "classes": classes, "void": [9]},
        {"masks": {name: f"{name}/{{name}}.png" for name in names}, "classes": classes, "void": [9]},
    ]
    prepared = []
    for form in forms:
        settings = parse_dataset({"name": "d", "reader": "folder", "images": "i/{name}.png"} | form)
        manifest = prepare(settings, root, None, tmp_path / "out", "x")
        prepared.append([manifest[key] for key in ("files", "statistics", "splits")])
    assert all(one == prepared[0] for one in prepared[1:])


# What a data set's file cannot say, and what it means


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"palette": {"a": [1, 2, 300]}}, r"a: \[1, 2, 300\] is no color: red, green and blue are 0 to 255 each"),
        ({"palette": {"a": "9-1"}}, "a: 9-1 ends before it begins. Write 1-9"),
        ({"palette": {"a": 0.5}}, r"a: found 0\.5; write a value \(7\), a range"),
        ({"palette": {"a": "red"}}, "a: found 'red'; write a value"),
        ({"palette": {"a": True}}, "a: found True; write a value"),
        ({"palette": {"a": []}}, r"a: found \[\]; write a value"),
        ({"palette": {7: "a"}}, "found 7: 'a'; the name of a class comes first"),
        ({"palette": [1]}, r"found \[1\]; write \{CLASS"),
        ({"palette": {"a": 1, "b": 2}, "void": [3]}, "write what is void into it"),
        ({"palette": {"a": 1}, "task": "multilabel", "masks": "{name}.npy"}, "the task is multilabel. Leave it out"),
        ({"palette": {"a": 1, "b": 2}, "masks": {"a": "{name}.png"}}, "a file for each class there is nothing"),
        ({"palette": {"a": 1}, "reader": "icdar", "task": "text"}, "'palette' is a key of the reader folder"),
    ],
)
def test_palettes_that_are_written_wrong(changes, said):
    reader = {} if "reader" not in changes else {"images": None, "masks": None}
    settings = {k: v for k, v in ({"name": "d", "reader": "folder"} | changes | reader).items() if v is not None}
    with pytest.raises(InputError, match=said):
        parse_dataset(settings)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"palette": {"a": 1, "bb": 2}, "classes": {0: "a", 1: "b"}},
            "`palette` names 'bb', which is no class. Did you",
        ),
        ({"palette": {"a": 1}, "classes": {0: "a", 1: "b"}}, "does not say what stands for the class 'b'"),
        ({"palette": {"a": "1-5", "b": "5-9"}}, "`palette` names 5 twice, for 'a' and 'b'"),
        ({"palette": {"a": [0, 0, 7], "b": [[0, 0, 7]]}}, r"`palette` names \[0, 0, 7\] twice"),
        ({"classes": {0: "a", 300: "b"}}, "holds the value 300; .*, or say with `palette` what stands in the masks"),
        ({"palette": {"a": [0, 0, 7], "b": "3-5"}}, "has colors, and for 'b' the values 3 to 5"),
        (
            PETS | {"classes": {0: "rest", 1: "sky", 2: "cat", 3: "dog"}},
            "the classes rest, sky have no file in `masks`",
        ),
        (PETS | {"classes": {0: "cat", 1: "dgo"}}, "`masks` names 'dog', which is no class. Did you mean 'dgo'"),
    ],
)
def test_palettes_and_files_that_do_not_fit_the_classes(changes, said):
    with pytest.raises(InputError, match=said):
        class_table(dataset(**changes))


def test_addresses_know_what_a_palette_means_and_not_what_classes_are_called():
    def meaning(**changes):
        return meaning_of(dataset(**changes))

    plain = meaning(classes={0: "a", 1: "b"})
    assert "palette" not in plain
    one = meaning(palette={"a": 0, "b": [1], "void": 2})
    assert one == meaning(palette={"c": ["0"], "void": "2-2", "d": 1})
    assert one != meaning(palette={"a": 1, "b": 0, "void": 2})
    assert meaning(palette={"a": [0, 0, 0], "b": [0, 0, 1]}) != meaning(palette={"a": 0, "b": 1})
    swapped = PETS | {"classes": {0: "rest", 1: "cat", 2: "dog"}}
    assert meaning(**PETS) != meaning(**swapped)


def test_a_palette_survives_being_written_as_json():
    settings = dataset(palette=STREET)
    assert parse_dataset(settings.model_dump(mode="json")) == settings
