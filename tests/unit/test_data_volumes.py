"""Slices of volumes as images: the same pixels whatever the order in which a file stores its axes."""

import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
from nibabel import orientations

from segsweep.config.dataset import parse_dataset
from segsweep.data.classes import class_names
from segsweep.data.preparation import prepare
from segsweep.data.prepared import Prepared
from segsweep.data.readers import files, read
from segsweep.data.volumes import load_volume, volume_shape
from segsweep.errors import InputError
from segsweep.planning.data_fingerprint import of_listing
from segsweep.planning.remembered import Remembered
from tests.unit.test_data_image_files import dicom

SHAPE = (5, 6, 7)  # z, y, x
# x to the left, y to the back, z up
AFFINE = np.array([[-0.8, 0, 0, 40.0], [0, -0.9, 0, 50.0], [0, 0, 2.5, -30.0], [0, 0, 0, 1]])
NAMES = ("p1", "p2", "p3")
RNG = np.random.default_rng(0)
IMAGES = {name: RNG.integers(0, 4096, SHAPE).astype(np.uint16) for name in NAMES}
MASKS = {name: (image > 2000).astype(np.uint8) for name, image in IMAGES.items()}


def dataset(**changes):
    values = {
        "name": "scans", "reader": "volumes", "task": "binary", "classes": {0: "tissue", 1: "lesion"},
        "foreground": "lesion", "splits": {"train": "train.txt", "val": "val.txt"},
    }  # fmt: skip
    return parse_dataset(values | changes)


def nifti(path, values, axes="LPS"):
    """Save values (Z, Y, X) by the axes of DICOM, stored in the order and directions of others."""
    turn = orientations.ornt_transform(orientations.axcodes2ornt("LPS"), orientations.axcodes2ornt(axes))
    stored = values.swapaxes(0, 2)
    moved = AFFINE @ orientations.inv_ornt_aff(turn, stored.shape)
    path.parent.mkdir(exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(orientations.apply_orientation(stored, turn), moved), path)


@pytest.fixture
def root(tmp_path):
    for name in NAMES:
        nifti(tmp_path / f"images/{name}.nii.gz", IMAGES[name])
        nifti(tmp_path / f"masks/{name}.nii.gz", MASKS[name])
    (tmp_path / "train.txt").write_text("p1\np2\n")
    (tmp_path / "val.txt").write_text("p3\n")
    return tmp_path


def run(root, **changes):
    data = dataset(**changes)
    prepare(data, root, None, root / "out", "f")
    return Prepared.open(root / "out", class_names(data))


def problems(root, **changes):
    with pytest.raises(InputError) as caught:
        run(root, **changes)
    return caught.value.problems


def check(prepared, cut=lambda volume: volume, letter="z"):
    """All slices of all volumes are there, gray in three channels."""
    for split, names in (("train", ["p1", "p2"]), ("val", ["p3"])):
        expected = [(f"{name}_{letter}{k:03d}", name, k) for name in names for k in range(len(cut(IMAGES[name])))]
        assert prepared.splits[split].names == [name for name, *_ in expected]
        for i, (_, name, k) in enumerate(expected):
            assert (prepared.splits[split].image(i) == cut(IMAGES[name])[k][..., None]).all()
            assert (prepared.splits[split].mask(i) == cut(MASKS[name])[k]).all()
            assert prepared.splits[split].group(i) == name


def test_axial_slices_are_items_in_a_group_of_their_volume(root):
    check(run(root))


@pytest.mark.parametrize("axes", ["RAS", "ASL", "IPR"])
def test_the_order_of_stored_axes_changes_nothing(root, axes):
    """The mask may be stored in another order than its image, as tools for labels do."""
    nifti(root / "images/p1.nii.gz", IMAGES["p1"], axes)
    nifti(root / "masks/p2.nii.gz", MASKS["p2"], axes)
    check(run(root))


@pytest.mark.parametrize(("plane", "letter", "cut"), [
    ("coronal", "y", lambda volume: volume[::-1].swapaxes(0, 1)),
    ("sagittal", "x", lambda volume: np.moveaxis(volume[::-1], 2, 0)),
])  # fmt: skip
def test_other_planes_show_the_head_above(root, plane, letter, cut):
    check(run(root, plane=plane), cut, letter)


def test_further_dimensions_are_channels(root):
    for name in NAMES:
        nifti_4d = np.stack([IMAGES[name], IMAGES[name][::-1]], axis=3).swapaxes(0, 2)
        nibabel.save(nibabel.Nifti1Image(nifti_4d, AFFINE), root / f"images/{name}.nii.gz")
    prepared = run(root)
    assert (prepared.channels, prepared.dtype) == (2, "uint16")
    assert (prepared.splits["val"].image(1)[..., 1] == IMAGES["p3"][3]).all()


def test_stacks_of_pages_and_arrays(root):
    for name in NAMES:
        tifffile.imwrite(root / f"images/{name}.tif", IMAGES[name], photometric="minisblack")
        np.save(root / f"masks/{name}.npy", MASKS[name])
    check(run(root, images="images/{name}.tif", masks="masks/{name}.npy"))


def test_masks_of_true_and_false(root):
    for name in NAMES:
        nifti(root / f"images/{name}.nii.gz", IMAGES[name])
        np.save(root / f"masks/{name}.npy", MASKS[name].astype(bool))
    check(run(root, images="images/{name}.nii.gz", masks="masks/{name}.npy"))


def test_a_problem_of_all_slices_is_said_once(root):
    (root / "masks/p1.nii.gz").unlink()
    (problem,) = problems(root)
    assert problem.startswith(f"{root}/masks/p1.nii.gz: no such file")


def test_a_stack_that_ends_before_its_last_page_is_refused(root):
    path = root / "images/p1.tif"
    with tifffile.TiffWriter(path) as file:
        for page in IMAGES["p1"]:
            file.write(page, photometric="minisblack", contiguous=False)
    with tifffile.TiffFile(path) as file:
        third = file.pages[2].offset
    path.write_bytes(path.read_bytes()[:third])
    with pytest.raises(InputError, match=r"p1\.tif: a corrupted TIFF"):
        load_volume(path)
    with pytest.raises(InputError, match=r"p1\.tif: a corrupted TIFF"):
        volume_shape(path)


def series(folder, values, **tags):
    """A folder with a file for each slice, in an order of names that is not that of the slices."""
    folder.mkdir(parents=True)
    for k, pixels in enumerate(values):
        about = {
            "ImagePositionPatient": [-40.0, -50.0, -30.0 + 2.5 * k], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [0.9, 0.8], "SeriesInstanceUID": "1.2.3", "InstanceNumber": k + 1,
        }  # fmt: skip
        dicom(folder / f"IM{(7 * k) % len(values)}", pixels, **about | tags)


def test_a_dicom_series_and_its_mask_in_nifti(root):
    for name in NAMES:
        series(root / "scans" / name, IMAGES[name])
    check(run(root, images="scans/{name}"))
    before = of_listing(files(dataset(images="scans/{name}"), root), Remembered(None))
    (root / "scans/p3/IM0").unlink()
    after = of_listing(files(dataset(images="scans/{name}"), root), Remembered(None))
    assert [split for split in before if before[split] != after[split]] == ["val"]
    (problem,) = problems(root, images="scans/{name}")
    assert "masks/p3.nii.gz" in problem
    assert "7x6x5 and 7x6x4 voxels" in problem


def test_hounsfield_units_are_float32(root):
    for name in NAMES:
        series(root / "scans" / name, IMAGES[name], RescaleSlope=1, RescaleIntercept=-1024)
    prepared = run(root, images="scans/{name}", channels=1)
    assert (prepared.channels, prepared.dtype) == (1, "float32")
    assert (prepared.splits["val"].image(2)[..., 0] == IMAGES["p3"][2].astype(np.float32) - 1024).all()


def test_what_is_wrong_is_one_line_a_volume(root):
    content = (root / "images/p1.nii.gz").read_bytes()
    (root / "images/p1.nii.gz").write_bytes(content[: len(content) // 2])
    (root / "images/p2.nii.gz").unlink()
    nifti(root / "masks/p3.nii.gz", MASKS["p3"][:, :, 1:])
    found = problems(root)
    assert len(found) == 3
    assert found[0].startswith(f"{root / 'images/p1.nii.gz'}: cannot be read as a volume")
    assert found[1].startswith(f"{root / 'images/p2.nii.gz'}: no such file")
    assert "train.txt:2" in found[1]
    assert "have 6x6x5 and 7x6x5 voxels" in found[2]


def test_a_mask_must_lie_where_its_image_lies(root):
    image = nibabel.load(root / "masks/p1.nii.gz")
    moved = image.affine.copy()
    moved[0, 3] += 1
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), moved), root / "masks/p1.nii.gz")
    nibabel.save(nibabel.Nifti1Image(image.get_fdata() * 0.5, image.affine), root / "masks/p2.nii.gz")
    found = problems(root)
    assert len(found) == 2
    assert "masks/p1.nii.gz: its voxels lie elsewhere" in found[0]
    assert "masks/p2.nii.gz: " in found[1]
    assert "are no whole numbers" in found[1]


def test_folders_of_dicom_that_are_no_series(root):
    for name in NAMES:
        series(root / "scans" / name, IMAGES[name])
    other = pydicom.dcmread(root / "scans/p1/IM0")
    other.SeriesInstanceUID = "1.2.4"
    other.save_as(root / "scans/p1/IM0")
    (root / "scans/p2/notes.txt").write_text("x" * 200)
    other.ImagePositionPatient = [-40.0, -50.0, -27.5]
    other.SeriesInstanceUID = "1.2.3"
    other.save_as(root / "scans/p3/IM0")
    nifti(root / "masks/p2.nii.gz", np.zeros((6, 6, 7), np.uint8))
    found = problems(root, images="scans/{name}")
    assert len(found) == 3
    assert "scans/p1: 2 DICOM series" in found[0]
    assert "scans/p2/notes.txt: no DICOM file" in found[1]
    assert "scans/p3: several slices at one place" in found[2]


def test_hidden_masks_and_drawn_splits(root):
    nifti(root / "images/p4.nii.gz", RNG.integers(0, 4096, SHAPE).astype(np.uint16))
    (root / "test.txt").write_text("p4\n")
    prepared = run(root, splits={"train": "train.txt", "val": "val.txt", "test": "test.txt"})
    assert not prepared.splits["test"].labeled
    (root / "images/p4.nii.gz").unlink()
    prepared = run(root, splits={"random": {"val": 0.34, "stratify": False}})
    groups = {split: {one.group(i) for i in range(len(one))} for split, one in prepared.splits.items()}
    assert [len(groups["train"]), len(groups["val"])] == [2, 1]
    assert not groups["train"] & groups["val"]


def test_headers_alone_say_how_many_slices_there_are(root):
    items = read(dataset(), root)
    assert [len(items["train"]), len(items["val"])] == [10, 5]
    assert files(dataset(), root)["val"] == [("p3", [root / "images/p3.nii.gz", root / "masks/p3.nii.gz"])]
