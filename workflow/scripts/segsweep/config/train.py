"""One complete training setting: what a cell of a study is."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from segsweep import registry
from segsweep.config.losses import Loss
from segsweep.config.settings import Settings, key
from segsweep.own_code.names import own_name

Side = Annotated[int, Field(ge=8, le=16384)]
Size = tuple[Side, Side]
MOST_EPOCHS = 1_000_000


def weights_file(weights: str | None) -> Path | None:
    """The file that `encoder_weights` names; None where they have a name or there are none."""
    return Path(weights) if weights and ("/" in weights or Path(weights).suffix) else None


class Patches(Settings):
    """Pages of masks, cut into patches at preparation. Networks see patches; scores, ensembles, images of the report
    and files to submit are of whole pages, stitched as `overlap` says. Each pixel of a page counts once, in scores as
    in class weights (whose `median_frequency` takes patches for images). `val/loss` is a mean over patches, as
    `train/loss` is.
    """

    page_size: Side | None = key(
        2048,
        "Longer side of a page before cutting. Smaller pages are enlarged to it, with a note in the report; "
        "null: each page keeps its own scale.",
        unit="pixels",
    )
    size: Side = key(512, "Side of a patch; at most `page_size`.", unit="pixels")
    overlap: int = key(
        0,
        "Overlap of neighbouring patches, less than `size`. There the logits of a pixel are their mean, each weighted "
        "by the product of the pixel's distances to the nearest edge of that patch, across and down; classes and "
        "probabilities follow from these logits.",
        unit="pixels",
        revision=2,
        ge=0,
    )

    @model_validator(mode="after")
    def _covers_pages(self):
        if self.overlap >= self.size:
            raise ValueError(
                f"overlap is {self.overlap}, the patch {self.size} pixels: the next patch would lie where the first "
                f"one does. Lower overlap below {self.size}, for example to {self.size // 2}"
            )
        if self.page_size is not None and self.size > self.page_size:
            raise ValueError(
                f"size is {self.size}, page_size {self.page_size}: a patch would be larger than any page. Lower size "
                f"to {self.page_size} or less, or raise page_size"
            )
        return self


class Data(Settings):
    """What the network sees."""

    image_size: Size | None = key(
        None, "Images are resized to this at preparation.", unit="pixels, height and width", title="image size"
    )
    crop: Size | None = key(
        None,
        "Size of the random crop in training, after augmentation.",
        unit="pixels, height and width",
        title="crop size",
    )
    patches: Patches | None = key(None, "Pages cut into patches.")
    preprocessing: Literal["standardize", "normalize", "none"] = key(
        "standardize",
        "ImageNet's mean and deviation (of images that are not 8-bit RGB the data set's own), the data set's own, or "
        "only scaling to 0..1.",
        title="preprocessing",
    )
    augmentation: str = key(
        "none",
        "Name of a file in config/augmentations, a path, or a function that makes a transform: `my/aug.py:build`.",
        title="augmentation",
    )
    augmentation_backend: Literal["albumentations", "torchvision", "own"] = key(
        "albumentations",
        "The library that carries the augmentation out. torchvision knows fewer transforms (docs/data.md); `own` is "
        "that of any function of your own.",
        title="augmentation backend",
    )
    augmentation_device: Literal["loader", "device"] = key(
        "loader",
        "Where: in the loader's threads, or with torchvision on the device that trains, of images that came there as "
        "they are stored. The outcome is the same up to rounding.",
        outcome=False,
    )
    image_sampling: registry.union("imagesampling") = key(
        registry.default("imagesampling"), "How often an epoch has each training image."
    )
    train_subset: int | None = key(
        None, "That many training images, or patches where pages are cut, drawn by `subset_seed`.", ge=1
    )
    val_subset: int | None = key(
        None, "That many validation images, whole pages where they are cut, drawn by `subset_seed`.", ge=1
    )
    subset_seed: int = key(0, "Draws the subsets: the same for all cells.", ge=0)

    @model_validator(mode="before")
    @classmethod
    def _in_force(cls, values: Any) -> Any:
        """Without augmentation it does not matter what would carry it out: leave that out, as it was by default. And
        what a function of a person's own gives, it carries out itself."""
        if not isinstance(values, dict):
            return values
        if own_name(values.get("augmentation")):
            return values | {"augmentation_backend": "own", "augmentation_device": "loader"}
        if values.get("augmentation", "none") != "none":
            return values
        idle = {"augmentation_backend": "torchvision", "augmentation_device": "device"}
        return {name: value for name, value in values.items() if value != idle.get(name, ...)}

    @model_validator(mode="after")
    def _one_size(self):
        if self.patches and (self.image_size or self.crop):
            raise ValueError("patches excludes image_size and crop: the patch is the image")
        return self

    @model_validator(mode="after")
    def _backend_is_own(self):
        if self.augmentation_backend == "own" and not own_name(self.augmentation):
            raise ValueError(
                f"augmentation_backend is own, and augmentation {self.augmentation} is no function of your own. Leave "
                "out augmentation_backend"
            )
        return self

    @model_validator(mode="after")
    def _backend_knows_device(self):
        if self.augmentation_device == "device" and self.augmentation_backend != "torchvision":
            raise ValueError(
                f"augmentation_device is device, and {self.augmentation_backend} augments images in the loader only. "
                "Set augmentation_backend to torchvision, or augmentation_device to loader"
            )
        return self

    @property
    def revision(self) -> int:
        """2 where a part of the patches is drawn: those that are scored are drawn by pages."""
        return 2 if self.patches and (self.train_subset or self.val_subset) else 1


class Clip(Settings):
    """Bounds the gradient of the network before each step."""

    whole: ClassVar[bool] = True  # a norm excludes a value, so that one cannot be laid over the other

    norm: float | None = key(None, "Largest norm; a gradient above it is scaled down to it.", gt=0, title="clip norm")
    per: Literal["all", "parameter"] = key(
        "all",
        "The norm over all parameters together (torch's `clip_grad_norm_`, Keras's `global_clipnorm`), or of each "
        "parameter by itself (Keras's `clipnorm`).",
        title="clip norm per",
    )
    value: float | None = key(
        None,
        "Largest absolute value of an element (torch's `clip_grad_value_`, Keras's `clipvalue`).",
        gt=0,
        title="clip value",
    )

    @model_validator(mode="after")
    def _one_bound(self):
        if (self.norm is None) == (self.value is None):
            given = "both" if self.norm is not None else "neither"
            raise ValueError(f"clip has either norm or value, got {given}; write for example {{norm: 1.0}}")
        if self.value is not None and self.per != "all":
            raise ValueError("per speaks of a norm, and value bounds each element by itself; leave out per")
        return self


class EarlyStopping(Settings):
    """Ends a run that no longer improves."""

    monitor: str | None = key(None, "Column watched; the study's metric if not set.")
    patience: int = key(10, "Epochs in a row without improvement after which the run ends.", unit="epochs", ge=1)
    min_delta: float = key(
        0.0, "An epoch improves if it is better than the best one by more than this, in the column's unit.", ge=0
    )


class Ema(Settings):
    """Exponential moving average of the weights, which is what is evaluated and kept."""

    decay: float = key(
        0.999, "Share of the average that stays at each optimizer step.", ge=0, lt=1, title="decay of the average"
    )
    warmup: bool = key(
        False, "After n steps the decay is at most (1 + n) / (10 + n), so that the first weights are forgotten sooner."
    )


class Postprocess(Settings):
    """From maps to text polygons (DB), from scores to boxes (multitask)."""

    thresh: float = key(0.3, "Probability above which a pixel is text.", tasks=("text",), gt=0, lt=1)
    box_thresh: float = key(0.6, "Mean probability that a polygon needs.", tasks=("text",), ge=0, lt=1)
    max_candidates: int = key(1000, "Contours looked at in an image.", tasks=("text",), ge=1)
    unclip_ratio: float = key(1.5, "How far shrunk polygons are grown again.", tasks=("text",), gt=0)
    shape: Literal["quad", "polygon"] = key("quad", "Rotated boxes or polygons.", tasks=("text",))
    score_threshold: float = key(0.05, "Score that a box needs (multitask).", tasks=("multitask",), ge=0, lt=1)
    nms_iou: float = key(
        0.5, "Boxes of a class that overlap more are one (multitask).", tasks=("multitask",), gt=0, le=1
    )
    top_k: int = key(100, "Boxes kept in an image (multitask).", tasks=("multitask",), ge=1)


class Train(Settings):
    """A complete training setting."""

    model: registry.union("model") = key(registry.default("model"), "The network.")
    data: Data = key(Data(), "What the network sees.")
    optimizer: registry.union("optimizer") = key(registry.default("optimizer"), "What takes the steps.")
    scheduler: registry.union("schedule") = key(registry.default("schedule"), "How the learning rate changes.")
    loss: Loss = key(Loss(), "What is minimized.")
    postprocess: Postprocess = key(Postprocess(), "From outputs to boxes and polygons.")
    batch_size: int = key(8, "Images in a batch.", unit="images", ge=1, le=1_000_000, title="batch size")
    accumulate: int = key(
        1, "Batches whose gradients make one step.", unit="batches", ge=1, le=1_000_000, title="accumulated batches"
    )
    epochs: int = key(10, "Passes through the training split.", unit="epochs", ge=1, le=MOST_EPOCHS, title="epochs")
    precision: Literal["fp32", "bf16", "fp16", "auto"] = key(
        "fp32",
        "Arithmetic of the forward pass: 32 bits, or mixed precision by torch.autocast. `bf16` is for GPUs of compute "
        "capability 8.0 (A100, RTX 30) and CPUs with AVX512-BF16 or AMX; `fp16` for GPUs before (V100, T4, RTX 20): "
        "the gradient is scaled. `auto` takes the first of bf16, fp16 and fp32 that the device computes without "
        "emulation; the run keeps it.",
        title="arithmetic precision",
    )
    channels_last: bool = key(False, "Memory format; rounding differs.")
    clip_norm: float | None = key(
        None,
        "Largest norm of the gradient: trains as `clip: {norm: 1.0}` does, but is another key, so that a run with the "
        "one is not taken for a run with the other.",
        gt=0,
    )
    clip: Clip | None = key(
        None, "Bounds the gradient: its norm over all or by parameter, or its elements.", title="gradient clipping"
    )
    ema: Ema | None = key(
        None, "Moving average of the weights, which is what is evaluated and kept.", title="averaging of the weights"
    )
    early_stopping: EarlyStopping | None = key(None, "Ends a run that no longer improves.")
    on_oom: Literal["fail", "skip", "accumulate"] = key(
        "skip",
        "Out of memory: fail the job, record the status `oom` (`skip`), or halve the micro-batch and continue. What "
        "ended with the status `oom` trains again once this says otherwise.",
        outcome=False,
    )
    deterministic: bool = key(True, "Deterministic algorithms on a GPU as well.")
    workers: int = key(0, "Loader threads; the outcome does not depend on them.", outcome=False, ge=0, le=1024)
