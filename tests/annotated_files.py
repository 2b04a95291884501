"""A small drawn data set, as the exports of annotation tools hold it: rectangles and triangles, cut by nothing."""

import json
from base64 import b64encode
from pathlib import Path

import numpy as np
import yaml
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 48, 32
LABELS = ("box", "roof")
Objects = list[tuple[str, list[tuple[int, int]]]]


def objects(number: int) -> Objects:
    """Label and corners of the objects of an image: a rectangle, and a triangle that never covers it."""
    left, top = 2 + number % 8, 3 + number % 5
    box = [(left, top), (left + 14, top), (left + 14, top + 12), (left, top + 12)]
    x = 26 + number % 6
    return [("box", box), ("roof", [(x, 28), (x + 16, 28), (x + 8, 8 + number % 4)])]


def image(number: int, found: Objects) -> Image.Image:
    """The image: noise, and each object in a color of its own."""
    noise = np.random.default_rng(number).integers(0, 60, (HEIGHT, WIDTH, 3), np.uint8)
    drawn = Image.fromarray(noise)
    for label, corners in found:
        right, bottom = np.max(corners, 0).tolist()
        inside = [(x - (x == right), y - (y == bottom)) for x, y in corners]  # Pillow draws the last pixel as well
        ImageDraw.Draw(drawn).polygon(inside, fill=(200, 90, 40) if label == "box" else (40, 110, 220))
    return drawn


def write_images(folder: Path, names: list[str], first: int = 0) -> dict[str, Objects]:
    """NAME.png of each name; the objects of each."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {name: objects(first + number) for number, name in enumerate(names)}
    for number, name in enumerate(names):
        image(first + number, found[name]).save(folder / f"{name}.png")
    return found


def coco(found: dict[str, Objects]) -> dict:
    """COCO's JSON of these images: a polygon, its box and area for each object."""
    annotations = []
    for number, members in enumerate(found.values(), 1):
        for label, corners in members:
            (left, top), (right, bottom) = np.min(corners, 0).tolist(), np.max(corners, 0).tolist()
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 10 * (LABELS.index(label) + 1),
                    "segmentation": [[float(value) for corner in corners for value in corner]],
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "iscrowd": 0,
                }
            )
    return {
        "images": [
            {"id": number, "file_name": f"{name}.png", "width": WIDTH, "height": HEIGHT}
            for number, name in enumerate(found, 1)
        ],
        "annotations": annotations,
        "categories": [{"id": 10 * number, "name": label} for number, label in enumerate(LABELS, 1)],
    }


def write_coco(root: Path, splits: dict[str, list[str]]) -> None:
    """As Roboflow exports it: FOLDER/_annotations.coco.json beside the images, for each folder and its names."""
    first = 0
    for folder, names in splits.items():
        found = write_images(root / folder, names, first)
        (root / folder / "_annotations.coco.json").write_text(json.dumps(coco(found)))
        first += len(names)


def write_yolo(root: Path, splits: dict[str, list[str]]) -> None:
    """As Ultralytics and Roboflow have it: data.yaml, FOLDER/images and FOLDER/labels."""
    first, named = 0, {}
    for folder, names in splits.items():
        found = write_images(root / folder / "images", names, first)
        named["val" if folder == "valid" else folder] = f"../{folder}/images"
        for name, members in found.items():
            lines = [
                " ".join([str(LABELS.index(label)), *(f"{x / WIDTH} {y / HEIGHT}" for x, y in corners)])
                for label, corners in members
            ]
            write_lines(root / folder / "labels" / f"{name}.txt", lines)
        first += len(names)
    (root / "data.yaml").write_text(yaml.safe_dump(named | {"nc": len(LABELS), "names": list(LABELS)}))


def write_labelme(root: Path, splits: dict[str, list[str]]) -> None:
    """As LabelMe saves it: FOLDER/NAME.json beside FOLDER/NAME.png; each second file embeds its image instead."""
    first = 0
    for folder, names in splits.items():
        for number, (name, members) in enumerate(write_images(root / folder, names, first).items()):
            file, embedded = root / folder / f"{name}.png", None
            if number % 2:
                embedded = b64encode(file.read_bytes()).decode()
                file.unlink()
            shapes = [{"label": label, "points": corners, "shape_type": "polygon"} for label, corners in members]
            content = {
                "version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": file.name, "imageData": embedded,
                "imageHeight": HEIGHT, "imageWidth": WIDTH,
            }  # fmt: skip
            file.with_suffix(".json").write_text(json.dumps(content))
        first += len(names)


def write_cvat(root: Path, splits: dict[str, list[str]]) -> None:
    """As CVAT exports it: annotations.xml for all, the folders being subsets, and images/FOLDER/NAME.png."""
    first, elements = 0, []
    for folder, names in splits.items():
        for name, members in write_images(root / "images" / folder, names, first).items():
            shapes = "".join(
                f'<polygon label="{label}" points="{";".join(f"{x}.00,{y}.00" for x, y in corners)}" z_order="0"/>'
                for label, corners in members
            )
            size = f'width="{WIDTH}" height="{HEIGHT}"'
            elements.append(f'<image id="{len(elements)}" name="{name}.png" subset="{folder}" {size}>{shapes}</image>')
        first += len(names)
    text = "".join(elements)
    (root / "annotations.xml").write_text(f"<annotations><version>1.1</version>{text}</annotations>")


def write_lines(path: Path, lines: list[str]) -> None:
    """A text file of these lines; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
