"""What a study's models predict of images that nobody prepared, looked at as validation in training looks at images."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segsweep.config.dataset import parse_dataset
from segsweep.data.classes import class_names
from segsweep.data.image_files.image_file import Reading
from segsweep.data.loading import MULTIPLE
from segsweep.data.prepared import Prepared
from segsweep.data.prepared_facts import largest_trained, open_without_images
from segsweep.errors import InputError
from segsweep.execution.cuda import torch_device
from segsweep.inference.chosen_models import ChosenModels
from segsweep.inference.ensemble import Ensemble
from segsweep.inference.predicted_image import PredictedImage
from segsweep.inference.prediction_options import PredictionOptions, takes_windows
from segsweep.inference.prediction_stream import Looked, PredictionStream
from segsweep.inference.trained_model import TrainedModel, load_model
from segsweep.inference.unseen_images import Cut, UnseenImage, prepared_size, read_unseen, size_of
from segsweep.planning.plan_file import StudyPlan
from segsweep.store.segment_store import SegmentStore

MUCH_LARGER = 4  # times the area of the largest training image: then windows, if nothing else is said
DEFAULTS = PredictionOptions()


@dataclass
class ImagePredictor:
    """Models of one setting that look at any image.

    Attributes:
        models: that decide together, all of the same prepared data.
        ensemble: how several decide.
        reading: what the data set's file says of its images.
        options: how images are looked at.
        micro_batch: most images, patches or windows that pass the network at once; halved for good where the memory
            does not suffice.
        largest: greatest height and width of the training images; None where it is not known.
    """

    models: list[TrainedModel]
    ensemble: Ensemble
    reading: Reading
    options: PredictionOptions
    micro_batch: int
    largest: tuple[int, int] | None = None

    @classmethod
    def load(
        cls,
        plan: StudyPlan,
        chosen: ChosenModels,
        store: SegmentStore,
        options: PredictionOptions = DEFAULTS,
        *,
        device: str = "auto",
        folder: Path = Path(),
    ) -> "ImagePredictor":
        """Load the best epochs of chosen runs. Of their data the manifest alone is needed, and no image.

        Args:
            plan: of the study.
            chosen: see `segsweep.inference.chosen_models.choose_models`.
            store: of all segments.
            options: how images are looked at.
            device: `auto`, `cpu`, `cuda` or `cuda:N`.
            folder: of the project, from which the plan's paths start.

        Raises:
            InputError: weights or the manifest are missing, the runs are of several settings, or the options do not go
                with the task.
        """
        cells = list(dict.fromkeys(run.cell for run in chosen.runs))
        if len(cells) > 1:
            raise InputError(
                f"{chosen.of!r}: runs of {len(cells)} settings do not decide together. Ask for `best`, `ensemble`, or "
                f"one run: {', '.join(run.run for run in chosen.runs)}."
            )
        segment = plan.segments[chosen.runs[0].segments[-1]]
        prepared = open_without_images(folder / segment.data, class_names(plan.dataset))
        options.check(prepared.task)
        where = torch_device(device)
        models = [load_model(plan, run, store, prepared, where) for run in chosen.runs]
        ensemble = Ensemble(models[0].task, prepared.task, len(models), chosen.method, chosen.min_votes)
        record = store.record(models[0].segment)
        micro_batch = record.micro_batch or models[0].train.batch_size
        reading = Reading.of(parse_dataset(plan.dataset))
        return cls(models, ensemble, reading, options, micro_batch, largest_trained(prepared.folder))

    @property
    def prepared(self) -> Prepared:
        """What the models know of the data that they were trained on."""
        return self.models[0].prepared

    def read(self, source: Path | np.ndarray, name: str = "image") -> UnseenImage:
        """An image as preparation would store it, in its own resolution.

        Args:
            source: file, or array (H, W) or (H, W, C) of values as the data set's images have them.
            name: what it is called.

        Raises:
            InputError: it is damaged, or not of the kind that the models were trained on.
        """
        return read_unseen(source, name, self.reading, self.prepared)

    def predict(self, image: Path | str | np.ndarray) -> PredictedImage:
        """What the models predict of one image.

        Args:
            image: file, or array (H, W) or (H, W, C): uint8, uint16 or float32 as the data set's images, RGB.

        Raises:
            InputError: the image is damaged, or not of the kind that the models were trained on.
        """
        named = "image" if isinstance(image, np.ndarray) else Path(image).stem
        unseen = self.read(image if isinstance(image, np.ndarray) else Path(image), named)
        (looked,) = self.predict_each([unseen])
        if isinstance(looked.found, InputError):
            raise looked.found
        return looked.found

    def cut_of(self, height: int, width: int) -> Cut:
        """How an image of so many pixels is looked at."""
        if self.options.window is not None:
            return Cut((height, width), (self.options.window, self.options.window))
        data = self.models[0].train.data
        as_it_is = data.image_size is None and data.patches is None and takes_windows(self.prepared.task)
        if as_it_is and self.largest and height * width > MUCH_LARGER * math.prod(self.largest):
            rows, columns = (-(-side // MULTIPLE) * MULTIPLE for side in self.largest)
            return Cut((height, width), (rows, columns))
        return Cut(prepared_size(height, width, data))

    def size_of(self, path: Path) -> tuple[int, int]:
        """Height and width of an image, from the header of its file.

        Raises:
            InputError: it is damaged, or no image.
        """
        return size_of(path, self.reading)

    def predict_each(self, images: Iterable[UnseenImage]) -> Iterator[Looked]:
        """What the models predict of images, in their order.

        Images that follow each other pass the network together where they have one size. So those of a data set in its
        own order, grouped by their prepared sizes padded to multiples of 32, are predicted in the batches of
        validation: to the bit.

        Yields:
            Each image with its prediction, or with an InputError where the memory does not suffice.
        """
        stream = PredictionStream(self.models, self.ensemble, self.options, self.micro_batch)
        for image in images:
            yield from stream.add(image, self.cut_of(*image.pixels.shape[:2]))
        yield from stream.close()
        self.micro_batch = stream.micro_batch
