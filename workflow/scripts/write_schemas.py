"""Write the JSON schemas of all YAML files for editors, and the reference pages of docs/, from the code.

And what planning knows of albumentations, and of the encoders of segmentation_models_pytorch and timm.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter

from segsweep import registry, tables
from segsweep.config.albumentations_transforms import SIGNATURES
from segsweep.config.components import PLAIN_ENCODERS
from segsweep.config.encoder_names import ENCODERS
from segsweep.config.load import Request
from segsweep.config.study import Study
from segsweep.data.augmentation.albumentations_backend import signatures
from segsweep.reference_pages import components_page, settings_page

ROOT = Path(__file__).parents[2]
LEFT_OUT = ("$defs", "title", "outcome")  # of the schema of config.yaml, which has no key of these names
AS_READ = {"sort_keys": False, "allow_unicode": True, "width": 120}
FILES = {
    "study": Study,
    "dataset": registry.union("dataset"),
    "config": Request,
}


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=Path(), help="root of the project")
    arguments = parser.parse_args(argv)
    for path, text in contents().items():
        target = arguments.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return 0


def contents() -> dict[str, str]:
    """Path, relative to the root, and content of each generated file."""
    files = {
        f"workflow/schemas/{name}.schema.json": json.dumps(schema(cls), indent=2, ensure_ascii=False) + "\n"
        for name, cls in FILES.items()
    }
    files["workflow/schemas/config.schema.yaml"] = catalog_schema()
    files[f"workflow/scripts/segsweep/config/{SIGNATURES.name}"] = json.dumps(signatures(), indent=1) + "\n"
    files[f"workflow/scripts/segsweep/config/{ENCODERS.name}"] = json.dumps(encoders(), indent=1) + "\n"
    return files | {
        "docs/settings.md": settings_page(),
        "docs/components.md": components_page(ROOT),
        "docs/tables.md": tables.page(),
    }


def encoders() -> dict[str, Any]:
    """Names of encoders: of segmentation_models_pytorch with those of their weights, and all that timm knows."""
    import segmentation_models_pytorch
    from timm.models import _registry

    known = segmentation_models_pytorch.encoders.encoders
    own = {name: sorted(one["pretrained_settings"]) for name, one in known.items() if name not in PLAIN_ENCODERS}
    return {"smp": own, "timm": sorted(_registry._model_entrypoints)}  # deprecated names included, as timm takes them


def schema(cls: Any) -> dict:
    """A JSON schema that editors understand."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | TypeAdapter(cls).json_schema(by_alias=True)


def catalog_schema() -> str:
    """The schema of config.yaml as Snakemake's workflow catalog makes its table of it: YAML, without references."""
    whole = schema(Request)
    lines = [
        "# Generated from the settings' classes by `make schemas`.",
        yaml.safe_dump(spelled_out(whole, whole), **AS_READ),
    ]
    return "\n".join(lines)


def spelled_out(part: Any, whole: dict) -> Any:
    """A part of a schema with what it refers to in its place, and `X or null` as a list of types."""
    if isinstance(part, list):
        return [spelled_out(one, whole) for one in part]
    if not isinstance(part, dict):
        return part
    if name := part.get("$ref", "").removeprefix("#/$defs/"):
        part = whole["$defs"][name] | {key: value for key, value in part.items() if key != "$ref"}
    if options := [one for one in part.get("anyOf", ()) if one != {"type": "null"}]:
        (option,) = map(spelled_out, options, [whole] * len(options))
        rest = {key: value for key, value in part.items() if key != "anyOf"}
        part = option | {"type": [option["type"], "null"]} | rest
    return {key: spelled_out(value, whole) for key, value in part.items() if key not in LEFT_OUT}


if __name__ == "__main__":
    sys.exit(main())
