"""Volumes, whose slices are images: NIfTI, DICOM series, stacks of TIFF pages, arrays of NumPy.

Where a file says how its volume lies in the patient, its axes become those of DICOM, whatever order they are stored in:
slices from the feet to the head, rows from front to back, columns from right to left.
"""

import io
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np

from segsweep.data.file_kinds import not_a_file
from segsweep.data.image_files import dicom, nifti, numpy_arrays, tiff
from segsweep.data.image_files.image_file import HEAD, library
from segsweep.data.image_files.pixels import converted
from segsweep.errors import InputError

AXES = "LPS"  # the axes of DICOM: to the left, to the back (posterior), up (superior)
KEPT = 4  # volumes in memory: image and mask of two that follow each other
SAME = 0.01  # millimeters by which two grids of voxels may be apart
PLANES = {"axial": "z", "coronal": "y", "sagittal": "x"}  # the axis across which each cuts


@dataclass
class Volume:
    """A volume.

    Attributes:
        values: (Z, Y, X) or (Z, Y, X, C), of any dtype; x to the left, y to the back, z up, where `affine` is known.
        affine: float64 (4, 4), from (x, y, z, 1) of a voxel to millimeters; None where the file does not say.
    """

    values: np.ndarray
    affine: np.ndarray | None

    def slice(self, plane: str, number: int) -> np.ndarray:
        """(H, W) or (H, W, C): of an axial one the front is above, of the others the head, if that is known."""
        axis = list(PLANES).index(plane)
        cut = self.values.take(number, axis)
        return cut if axis == 0 or self.affine is None else cut[::-1]


_loading = Lock()


def load_volume(path: Path) -> Volume:
    """A volume from its file, or of a DICOM series from its folder. The last few are kept.

    Raises:
        InputError: it cannot be read, or is no volume.
    """
    with _loading:  # threads that decode slices of one volume wait for each other
        found = _kept(path)
    if isinstance(found, InputError):
        raise found
    return found


@lru_cache(maxsize=KEPT)
def _kept(path: Path) -> Volume | InputError:
    try:
        return _load(path)
    except InputError as error:
        return error
    except Exception as error:  # libraries raise errors of many kinds on broken files
        return InputError(f"{path}: cannot be read as a volume ({error}). Replace the file.")


def volume_shape(path: Path) -> tuple[int, int, int]:
    """(Z, Y, X) of a volume, from headers alone; of a DICOM series from those of its first file.

    Raises:
        InputError: as `load_volume`.
    """
    try:
        return _shape(path)
    except InputError:
        raise
    except Exception as error:  # as above
        raise InputError(f"{path}: cannot be read as a volume ({error}). Replace the file.") from error


def same_grid(one: Volume, other: Volume) -> bool:
    """Whether the voxels of two volumes lie at the same places; where one does not say, whether they are as many."""
    if one.values.shape[:3] != other.values.shape[:3]:
        return False
    if one.affine is None or other.affine is None:
        return True
    corners = np.array([[x, y, z, 1] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float)
    corners[:, :3] *= np.array(one.values.shape[2::-1]) - 1
    return np.abs(corners @ (one.affine - other.affine).T).max() <= SAME


def _load(path: Path) -> Volume:
    if path.is_dir():
        return _series(path)
    kind = _kind(path)
    with path.open("rb") as file:
        if kind is nifti:
            volume = nifti.load(file, str(path))
            values = nifti.values_of(volume)
            return _in_lps(path, values.reshape(_without_last_ones(values.shape)), volume.affine)
        if kind is tiff:
            return Volume(_pages(path, file), None)
        if kind is dicom:
            data = dicom.load(file, str(path))
            return Volume(_three(path, dicom.values_of(data, None)), None)
        return Volume(_three(path, np.load(file, allow_pickle=False)), None)


def _shape(path: Path) -> tuple[int, int, int]:
    if path.is_dir():
        first = _headers(path, 1)[0]
        shape = (int(first.Columns), int(first.Rows), len(_files(path)))
        affine = _affine([first, first])
        return shape[::-1] if affine is None else _turned_shape(shape, affine)
    kind = _kind(path)
    with path.open("rb") as file:
        if kind is nifti:
            volume = nifti.load(file, str(path))
            return _turned_shape(_three_sides(path, volume.shape), volume.affine)
        if kind is tiff:
            with tiff.tiff_file(file, str(path), []) as pages:
                found = tiff.pages_of(str(path), pages)
                return len(found), found[0].imagelength, found[0].imagewidth
        if kind is dicom:
            data = dicom.load(file, str(path))
            return int(data.get("NumberOfFrames", 1) or 1), int(data.Rows), int(data.Columns)
    return _three_sides(path, np.load(path, mmap_mode="r", allow_pickle=False).shape)


def _kind(path: Path):
    """The module of the format of a file.

    Raises:
        InputError: it is none of a volume.
    """
    if wrong := not_a_file(path):
        raise InputError(f"{path}: {wrong}. Add it, or leave the volume out.")
    with path.open("rb") as file:
        head = file.read(HEAD)
    kind = next((one for one in (nifti, dicom, tiff, numpy_arrays) if one.matches(head)), None)
    if kind is None or head.startswith(numpy_arrays.ZIP):
        raise InputError(
            f"{path}: no volume; one is a NIfTI, TIFF, DICOM or .npy file, or a folder with a DICOM series. Convert it."
        )
    return kind


def _in_lps(path: Path, values: np.ndarray, affine: np.ndarray) -> Volume:
    """A volume of stored axes (x, y, z) by those of DICOM."""
    turn = _turn(affine)
    _three_sides(path, values.shape)
    orientations = library("nibabel", str(path), "NIfTI files").orientations
    turned = orientations.apply_orientation(values, turn)
    moved = affine @ orientations.inv_ornt_aff(turn, values.shape[:3])
    return Volume(converted(str(path), turned.swapaxes(0, 2)), moved)


def _turn(affine: np.ndarray) -> np.ndarray:
    from nibabel import orientations

    return orientations.ornt_transform(orientations.io_orientation(affine), orientations.axcodes2ornt(AXES))


def _turned_shape(shape: tuple[int, ...], affine: np.ndarray) -> tuple[int, int, int]:
    """(Z, Y, X) of stored sides (x, y, z)."""
    places = _turn(affine)[:, 0].astype(int).tolist()
    return tuple(shape[places.index(axis)] for axis in (2, 1, 0))


def _without_last_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _three_sides(path: Path, shape: tuple[int, ...]) -> tuple[int, ...]:
    shape = _without_last_ones(shape)
    if len(shape) not in (3, 4):
        raise InputError(
            f"{path}: an array of the shape {shape}; a volume has three sides, and perhaps channels. Save it so."
        )
    return shape[:3]


def _three(path: Path, values: np.ndarray) -> np.ndarray:
    _three_sides(path, values.shape)
    return converted(str(path), values.astype(np.uint8) if values.dtype == bool else values)


def _pages(path: Path, file: io.BufferedReader) -> np.ndarray:
    with tiff.tiff_file(file, str(path), []) as pages:
        return converted(str(path), tiff.stack_of(str(path), tiff.pages_of(str(path), pages)))


def _series(path: Path) -> Volume:
    """The volume of all DICOM files of a folder."""
    headers = _headers(path)
    kinds = Counter(str(one.get("SeriesInstanceUID", "")) for one in headers)
    if len(kinds) > 1:
        found = ", ".join(f"{uid} ({count} files)" for uid, count in kinds.items())
        raise InputError(f"{path}: {len(kinds)} DICOM series: {found}. Put each into a folder of its own.")
    sizes = Counter((int(one.Rows), int(one.Columns)) for one in headers)
    if len(sizes) > 1:
        found = ", ".join(f"{columns}x{rows} ({count} files)" for (rows, columns), count in sizes.items())
        raise InputError(f"{path}: slices of several sizes: {found}. Leave those of one size in the folder.")
    affine = _affine(headers)
    if affine is None:
        headers.sort(key=lambda one: int(one.get("InstanceNumber", 0) or 0))
    else:
        headers.sort(key=_depth)
        depths = [_depth(one) for one in headers]
        if len({round(depth, 3) for depth in depths}) < len(depths):
            raise InputError(
                f"{path}: several slices at one place, such as phases or echoes. Put each of them into a folder."
            )
        affine = _affine(headers)
    values = np.stack([dicom.values_of(one) for one in headers])  # (Z, Y, X)
    return (
        Volume(converted(str(path), values), None) if affine is None else _in_lps(path, values.swapaxes(0, 2), affine)
    )


def _files(path: Path) -> list[Path]:
    found = sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith("."))
    if not found:
        raise InputError(f"{path}: an empty folder; a DICOM series is a folder with a file for each slice. Fill it.")
    return found


def _headers(path: Path, most: int | None = None) -> list:
    found = []
    for file in _files(path)[:most]:
        with file.open("rb") as opened:
            if not dicom.matches(opened.read(HEAD)):
                raise InputError(f"{file}: no DICOM file, in a folder that is read as a DICOM series. Take it out.")
            opened.seek(0)
            found.append(dicom.load(opened, str(file)))
    return found


def _depth(data) -> float:
    """Where a slice lies along the normal of its plane, in millimeters."""
    right, down = np.array(data.ImageOrientationPatient, float).reshape(2, 3)
    return float(np.cross(right, down) @ np.array(data.ImagePositionPatient, float))


def _affine(slices: list) -> np.ndarray | None:
    """From (column, row, slice, 1) to millimeters, in the axes of NIfTI; None where the files do not say.

    Source: DICOM PS3.3, C.7.6.2.1.1, equation C.7.6.2.1-1; its x and y point the other way than NIfTI's.
    """
    if any("ImagePositionPatient" not in one or "ImageOrientationPatient" not in one for one in slices):
        return None
    first, last = slices[0], slices[-1]
    right, down = np.array(first.ImageOrientationPatient, float).reshape(2, 3)
    height, width = map(float, first.get("PixelSpacing", (1, 1)))
    step = _depth(last) - _depth(first)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = right * width, down * height
    affine[:3, 2] = np.cross(right, down) * (step / (len(slices) - 1) if step else 1)
    affine[:3, 3] = first.ImagePositionPatient
    affine[:2] *= -1
    return affine
