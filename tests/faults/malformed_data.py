"""Malformed images, masks, lists and annotations: small changes of valid data sets, put to their preparation."""

import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from tests.annotated_files import LABELS, write_coco, write_cvat, write_labelme, write_yolo
from tests.faults.answers import ACCEPTED, REFUSED

ROOT = "data/small"
SIDE = 32
NAMES = {"train": ["a", "b", "c", "d"], "val": ["e", "f"]}
FOLDER = {
    "name": "tiny",
    "reader": "folder",
    "root": "small",
    "task": "multiclass",
    "classes": {0: "background", 1: "one", 2: "two"},
    "images": "images/{name}.png",
    "masks": "masks/{name}.png",
    "splits": {"train": "train.txt", "val": "val.txt"},
}
EXPORTS: dict[str, Callable[[Path, dict[str, list[str]]], None]] = {
    "coco": write_coco,
    "yolo": write_yolo,
    "labelme": write_labelme,
    "cvat": write_cvat,
}
OF_EXPORTS: dict[str, dict[str, Any]] = {
    "coco": {"annotations": "{split}/_annotations.coco.json", "images": "{split}"},
    "yolo": {"splits": {"folders": {"train": "train", "val": "val"}}},
    "labelme": {"annotations": "{split}/{name}.json"},
    "cvat": {"images": "images/{split}"},
}
# The file of each that speaks of the first image.
ANNOTATIONS = {
    "coco": "train/_annotations.coco.json",
    "yolo": "train/labels/a.txt",
    "labelme": "train/a.json",
    "cvat": "annotations.xml",
}
SHARES = (0.0, 0.02, 0.3, 0.5, 0.7, 0.9)  # of a file that is cut


@dataclass(frozen=True)
class DataCase:
    """A data set and the answer that its preparation must give.

    Attributes:
        family: what kind of mistake it is.
        name: in words.
        dataset: content of the data set's file.
        files: contents by path; None: there is no such file.
        expected: `refused`, or `accepted` where the rest of a file says all.
        says: what the answer must hold.
    """

    family: str
    name: str
    dataset: dict[str, Any]
    files: dict[str, bytes | None] = field(repr=False)
    expected: str = REFUSED
    says: tuple[str, ...] = ()


def data_cases() -> Iterator[DataCase]:
    """All of them, in a fixed order."""
    yield DataCase("images", "all right", FOLDER, _folder({}), expected=ACCEPTED)
    yield from _images()
    yield from _masks()
    yield from _lists()
    for reader in EXPORTS:
        yield DataCase("annotations", f"{reader}: all right", *_export(reader, {}), expected=ACCEPTED)
        yield from _annotations(reader)
    yield from _coco_values()


def _noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def _saved(values: np.ndarray | Image.Image, kind: str = "png", **options: Any) -> bytes:
    content = BytesIO()
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    image.save(content, kind, **options)
    return content.getvalue()


def _mask(seed: int) -> np.ndarray:
    return _noise(seed + 100, SIDE, SIDE) % 3


@cache
def _good() -> dict[str, bytes]:
    files = {f"{split}.txt": "".join(f"{name}\n" for name in names).encode() for split, names in NAMES.items()}
    for seed, name in enumerate(name for names in NAMES.values() for name in names):
        files[f"images/{name}.png"] = _saved(_noise(seed, SIDE, SIDE, 3))
        files[f"masks/{name}.png"] = _saved(_mask(seed))
    return files


def _folder(changes: dict[str, bytes | None]) -> dict[str, bytes | None]:
    """The files of the valid folder with other ones in their place."""
    return {f"{ROOT}/{path}": content for path, content in (_good() | changes).items()}


def _case(family: str, name: str, path: str, content: bytes | None, **more: Any) -> DataCase:
    return DataCase(family, name, FOLDER, _folder({path: content}), **{"says": (path,)} | more)


def _png(width: int, height: int, *chunks: bytes, depth: int = 8, color: int = 0) -> bytes:
    """A PNG of this size in its header, with these chunks behind."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks)


def _chunk(name: bytes, content: bytes, crc: int | None = None) -> bytes:
    crc = zlib.crc32(name + content) if crc is None else crc
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)


@cache
def _bomb(side: int) -> bytes:
    """A PNG of one bit a pixel, all of them 0: kilobytes."""
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    return _png(side, side, _chunk(b"IDAT", rows), _chunk(b"IEND", b""), depth=1)


def _npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


@cache
def _others() -> dict[str, bytes]:
    """What is no image, or a broken one, whatever it is called."""
    end = _chunk(b"IEND", b"")
    tiff = _saved(_noise(9, SIDE, SIDE, 3), "tiff")
    start = struct.unpack("<I", tiff[4:8])[0]
    return {
        "0 bytes": b"",
        "one byte": b"\x89",
        "a PNG's signature": b"\x89PNG\r\n\x1a\n",
        "text": b"This is no image.\n" * 20,
        "HTML": b"<!DOCTYPE html><html><body>404</body></html>",
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"/>',
        "JSON": b'{"error": "not found"}',
        "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n",
        "an empty ZIP": b"PK\x05\x06" + bytes(18),
        "a PDF": b"%PDF-1.7\n%%EOF\n",
        "zeros": bytes(3000),
        "noise": _noise(7, 3000).tobytes(),
        "a PNG of 0 x 0": _png(0, 0, _chunk(b"IDAT", zlib.compress(b"")), end),
        "a PNG without pixels": _png(SIDE, SIDE, end),
        "a PNG of too few pixels": _png(SIDE, SIDE, _chunk(b"IDAT", zlib.compress(bytes(100))), end),
        "a PNG of another number of bits": _png(
            SIDE, SIDE, _chunk(b"IDAT", zlib.compress(bytes(33 * 32))), end, depth=5
        ),
        "a PNG of 2^31 x 2^31": _png(2**31 - 1, 2**31 - 1, _chunk(b"IDAT", b""), end),
        "a PNG of 100,000 x 100,000": _png(100_000, 100_000, _chunk(b"IDAT", b""), end),
        "a PNG with a chunk of 2 GB": _png(SIDE, SIDE, struct.pack(">I", 2**31 - 1) + b"IDAT" + bytes(20)),
        "a PNG whose text unpacks to 30 MB": _png(
            SIDE, SIDE, _chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(30_000_000))), end
        ),
        "a PNG of 16384 x 16384 from kilobytes": _bomb(16384),
        "a TIFF whose directory is beyond its end": tiff[:4] + struct.pack("<I", 2**31) + tiff[8:],
        "a TIFF without a directory": tiff[:4] + bytes(4) + tiff[8:],
        "a TIFF whose directory has 65,535 entries": tiff[:start] + b"\xff\xff" + tiff[start + 2 :],
        "a TIFF whose directory is its own next one": tiff[: start + 2 + 12 * tiff[start]]
        + struct.pack("<I", start)
        + tiff[start + 6 + 12 * tiff[start] :],
        "an animated GIF": _saved(
            Image.new("L", (SIDE, SIDE)), "gif", save_all=True, append_images=[Image.new("L", (SIDE, SIDE), 9)]
        ),
        "an array of objects": _npy("{'descr': '|O', 'fortran_order': False, 'shape': (32, 32), }", b"\x80\x04N."),
        "an array of 10^18 numbers": _npy(
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 1000000000), }"
        ),
        "an array cut": _npy("{'descr': '|u1', 'fortran_order': False, 'shape': (32, 32), }", bytes(100)),
        "an array of negative shape": _npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-32, 32), }", bytes(99)),
        "an array whose header is code": _npy("__import__('os').system('touch X')"),
    }


def _images() -> Iterator[DataCase]:
    path = "images/a.png"
    for name, content in _others().items():
        yield _case("images", name, path, content)
    values = _noise(11, SIDE, SIDE, 3)
    for kind in ("png", "jpeg", "tiff", "bmp", "webp", "gif", "jpeg2000"):
        content = _saved(values, kind)
        yield _case("images", f"a whole {kind}", path, content, expected=ACCEPTED, says=())
        for share in SHARES[1:]:
            yield _case("images", f"{kind} cut at {share:.0%}", path, content[: int(share * len(content))])
    yield _case("images", "no file", path, None)
    yield _case("images", "a file of another case", "images/A.PNG", b"", expected=ACCEPTED, says=())
    yield _case("images", "16 bits among 8", path, _saved(Image.fromarray(_noise(3, SIDE, SIDE).astype(np.uint16))))
    yield _case("images", "gray among colors", path, _saved(_noise(3, SIDE, SIDE)), expected=ACCEPTED, says=())
    said = "the same pixels under two names"
    yield _case("images", "a copy of another one", path, _good()["images/b.png"], expected=ACCEPTED, says=(said,))
    yield _case("images", "one of the validation", path, _good()["images/e.png"], says=("has the same pixels as 'a'",))
    content = bytearray(_saved(values))
    for place in (40, 1000, len(content) - 20):
        flipped = bytes([*content[:place], content[place] ^ 1, *content[place + 1 :]])
        yield _case("images", f"a PNG with one bit of byte {place} turned", path, flipped)


def _masks() -> Iterator[DataCase]:
    path = "masks/a.png"
    for name, content in _others().items():
        yield _case("masks", name, path, content)
    values = _mask(0)
    wrong: dict[str, np.ndarray | Image.Image] = {
        "another size": _mask(0)[:16],
        "turned by 90 degrees": np.zeros((SIDE, SIDE // 2), np.uint8),
        "of one pixel": np.zeros((1, 1), np.uint8),
        "a value of no class": np.where(np.arange(SIDE) == 5, np.uint8(7), values),
        "255 that is not void": np.where(np.arange(SIDE) == 5, np.uint8(255), values),
        "256 values": np.arange(SIDE * SIDE).reshape(SIDE, SIDE).astype(np.uint8),
        "colors": np.stack([values * 80] * 3, 2),
        "16 bits": np.full((SIDE, SIDE), 300, np.uint16),
        "negative values": Image.fromarray(np.full((SIDE, SIDE), -1, np.int32)),
        "fractions": Image.fromarray(np.full((SIDE, SIDE), 0.5, np.float32)),
    }
    for name, found in wrong.items():
        kind = "tiff" if name in ("negative values", "fractions") else "png"
        yield _case("masks", name, path, _saved(found, kind))
    for share in SHARES[1:]:
        content = _saved(_noise(5, SIDE, SIDE) % 3)
        yield _case("masks", f"cut at {share:.0%}", path, content[: int(share * len(content))])
    yield _case("masks", "a JPEG", path, _saved(values, "jpeg"))
    yield _case("masks", "no file", path, None)
    yield DataCase(
        "masks",
        "all of the images themselves",
        FOLDER | {"masks": "images/{name}.png"},
        _folder({}),
        says=("images/a",),
    )


def _lists() -> Iterator[DataCase]:
    good = _good()["train.txt"]
    wrong: dict[str, bytes | None] = {
        "no file": None,
        "empty": b"",
        "only comments": b"# a\n# b\n",
        "a name without a file": good + b"nosuch\n",
        "5,000 names without a file": "".join(f"n{i}\n" for i in range(5_000)).encode(),
        "a name twice": good + b"a\n",
        "a name twice, written otherwise": good + b"./a\n",
        "a name of the validation": good + b"e\n",
        "NUL in a name": good + b"a\0b\n",
        "NUL behind the end": good + bytes(10),
        "a control character": good + b"a\x07\n",
        "latin-1": good + "Größe\n".encode("latin-1"),
        "UTF-16": good.decode().encode("utf-16"),
        "an image": _good()["images/a.png"],
        "a path out of the folder": good + b"../../../etc/passwd\n",
        "an absolute path": good + b"/etc/passwd\n",
        "a device": good + b"../../../../../../../../dev/zero\n",
        "a name of 5,000 characters": good + b"x" * 5000 + b"\n",
        "a line of 10 MB": good + b"x" * 10_000_000,
        "endings too": b"a.png\nb.png\n",
        "braces": good + b"{name}\n",
    }
    for name, content in wrong.items():
        yield _case("lists", name, "train.txt", content, says=())
    for name, content in {
        "CRLF": good.replace(b"\n", b"\r\n"),
        "BOM": b"\xef\xbb\xbf" + good,
        "no line end": good.rstrip(),
        "blank lines": good.replace(b"\n", b"\n\n"),
    }.items():
        yield _case("lists", name, "train.txt", content, expected=ACCEPTED, says=())


@cache
def _written(reader: str) -> dict[str, bytes]:
    """The files of an export."""
    with TemporaryDirectory() as folder:
        EXPORTS[reader](Path(folder), {"train": NAMES["train"], "valid": NAMES["val"]})
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(Path(folder).rglob("*"))
            if path.is_file()
        }


def _export(reader: str, changes: dict[str, bytes | None]) -> tuple[dict[str, Any], dict[str, bytes | None]]:
    """The data set's file of an export, and its files with other ones in their place."""
    settings = {
        "name": "tiny",
        "reader": reader,
        "root": "small",
        "task": "multiclass",
        "classes": dict(enumerate(("background", *LABELS))),
        "splits": {"folders": {"train": "train", "val": "valid"}},
    }
    settings |= OF_EXPORTS[reader]
    return settings, {f"{ROOT}/{path}": content for path, content in (_written(reader) | changes).items()}


def _annotations(reader: str) -> Iterator[DataCase]:
    """Changes that mean nothing in any format."""
    path = ANNOTATIONS[reader]
    good = _written(reader)[path]
    text = good.decode()
    first = re.search(r"(?<=[\s,\[\"])\d+\.\d+(?=[\s,\]\"])" if reader != "labelme" else r"(?<=\[)\d+(?=,)", text)
    wrong: dict[str, bytes | None] = {
        f"cut at {share:.0%}": good[: int(share * len(good))] for share in SHARES if share or reader != "yolo"
    }
    wrong |= {
        "no file": None,
        "NUL": good[:20] + b"\0" + good[20:],
        "latin-1": good.replace(b"box", "größe".encode("latin-1")) if reader != "yolo" else good + b"\xff",
        "UTF-16": text.encode("utf-16"),
        "an image": _good()["images/a.png"],
        "100,000 brackets": b"[" * 100_000,
        "100,000 braces": b'{"a":' * 100_000,
        "100,000 elements in each other": b"<a>" * 100_000,
        "null": b"null",
        "a list": b"[]",
        "a text": b'"x"',
    }
    for value in ("NaN", "nan", "Infinity", "-inf", "1e999", "abc", "1" * 5000, "-1e30", "null", '""', "[1]", "{}"):
        changed = text[: first.start()] + value + text[first.end() :]
        wrong[f"{value[:9]} as a coordinate"] = changed.encode()
    for name, content in wrong.items():
        if name == "no file" and reader in ("yolo", "labelme"):
            continue  # of an image without one, see the readers' own tests
        expected = ACCEPTED if (reader, name) == ("cvat", "UTF-16") else REFUSED  # XML says so in its first bytes
        yield DataCase("annotations", f"{reader}: {name}", *_export(reader, {path: content}), expected=expected)
    if reader == "cvat":
        for name, content in _xml(text).items():
            yield DataCase("annotations", f"{reader}: {name}", *_export(reader, {path: content}))


def _xml(text: str) -> dict[str, bytes]:
    """What XML allows and nobody wants."""
    laughs = '<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    return {
        "a billion laughs": f"<!DOCTYPE x [{laughs}]>{text.replace('1.1', '&l11;')}".encode(),
        "an entity of a file": (
            f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>{text.replace("box", "&e;", 1)}'
        ).encode(),
    }


def _coco_values() -> Iterator[DataCase]:
    """Values of wrong types and meanings in COCO's JSON, at each key in turn."""
    path = ANNOTATIONS["coco"]
    good = json.loads(_written("coco")[path])

    def case(name: str, change: Callable[[dict[str, Any]], None], expected: str = REFUSED) -> DataCase:
        content = json.loads(json.dumps(good))
        change(content)
        return DataCase(
            "annotations", f"coco: {name}", *_export("coco", {path: json.dumps(content).encode()}), expected=expected
        )

    for part in ("images", "annotations", "categories"):
        for value in (None, 3, "x", {}, [3], ["x"], [None], [[]], [{}]):
            if (part, value) != ("annotations", None):
                yield case(f"{part}: {value!r}", lambda content, part=part, value=value: content.update({part: value}))
    keys = {
        "images": {"id": (None, True, [], {}), "file_name": (None, 3, [], "", "../x.png", "/etc/passwd", "a\0.png"),
                   "width": ("x", -1, 0, 1.5, 7, 10**9), "height": ("x", -1, 0, 1.5, 7, [])},
        "annotations": {"image_id": (None, 99, "1", [], {}), "category_id": (None, 99, "x", [], {}),
                        "segmentation": (3, "x", [3], ["x"], [[1, 2, 3]], [[1, 2, 3, 4]], [[1, 2, 3, 4, 5, "x"]], [[]],
                                         [[float("nan")] * 6], [[float("inf"), 1, 2, 3, 4, 5]], [[1e300] * 6],
                                         [[0.0] * 6], [[1, 1, 2, 2, 3, 3]], [[-99, -99, -90, -99, -95, -90]],
                                         {"size": [32, 48]}, {"counts": "x"}, {"size": [32, 48], "counts": [-1, 1537]},
                                         {"size": [32, 48], "counts": [10**9]}, {"size": [32, 48], "counts": "????"},
                                         {"size": [10**9, 10**9], "counts": "x"}, {"size": [32, 48], "counts": [1]},
                                         {"size": [3, 4], "counts": [12]}, {"size": "x", "counts": [12]},
                                         {"size": [32, 48], "counts": [1.5, 1534.5]})},
        "categories": {"id": (None, True, [], 20), "name": (None, 3, [], "", "other", "roof")},
    }  # fmt: skip
    for part, of_part in keys.items():
        for key, values in of_part.items():
            for value in values:

                def change(content: dict[str, Any], part: str = part, key: str = key, value: Any = value) -> None:
                    content[part][0][key] = value

                yield case(f"{part}.{key}: {value!r:.40}", change)
    yield case("an id of images twice", lambda content: content["images"][1].update({"id": 1}))
    yield case("a file_name twice", lambda content: content["images"][1].update({"file_name": "a.png"}))
    yield case("no images", lambda content: content.update({"images": []}))
    yield case("no categories", lambda content: content.update({"categories": []}))
    yield case("nothing annotated", lambda content: content.update({"annotations": []}))
