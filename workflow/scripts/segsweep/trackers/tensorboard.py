"""TensorBoard: a folder of event files for each run, with its hyperparameters for the HParams page."""

import re
import shutil
from glob import escape
from pathlib import Path
from typing import ClassVar

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.text.metadata import create_summary_metadata as text_metadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto

from segsweep.config.components import Tracker
from segsweep.tracking.tracked_run import Epoch, Outcome, TrackedRun

NOT_IN_NAMES = re.compile(r"[^\w.,=+ -]+")
LONGEST = 120  # letters of a title in a folder's name


class TensorBoard(Tracker):
    """TensorBoard."""

    title: ClassVar[str] = "TensorBoard"
    look: ClassVar[str] = "tensorboard --logdir {folder}"


def begin(folder: Path, run: TrackedRun) -> "RunEvents":
    """See `segsweep.trackers`. The folder's name ends with the name of the run."""
    for earlier in folder.glob(f"* {escape(run.run)}"):
        shutil.rmtree(earlier)
    title = NOT_IN_NAMES.sub("_", run.title)[:LONGEST].strip()
    return RunEvents(folder / f"{title} {run.run}", run)


class RunEvents:
    """The event file of a run."""

    def __init__(self, folder: Path, run: TrackedRun):
        self.writer = EventFileWriter(str(folder))
        self._write(hparams_pb(run.varied | run.repeat, trial_id=run.cell, start_time_secs=run.started), run.started)
        facts = run.flat_parameters() | run.tags
        table = "\n".join(["| | |", "| --- | --- |", *(f"| {name} | `{value}` |" for name, value in facts.items())])
        text = Summary.Value(
            tag="settings", metadata=text_metadata("settings", ""), tensor=make_tensor_proto(table.encode())
        )
        self._write(Summary(value=[text]), run.started)
        self.writer.flush()

    def add(self, epochs: list[Epoch]) -> None:
        """See `segsweep.trackers`."""
        for one in epochs:
            scalars = [Summary.Value(tag=name, simple_value=value) for name, value in one.values.items()]
            self._write(Summary(value=scalars), one.ended, one.epoch)
        self.writer.flush()

    def end(self, outcome: Outcome) -> None:
        """See `segsweep.trackers`. The page of hyperparameters shows the summary beside them."""
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in outcome.summary.items()]
        self._write(Summary(value=scalars), outcome.ended)
        status = api_pb2.STATUS_FAILURE if outcome.has_failed else api_pb2.STATUS_SUCCESS
        end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=outcome.ended)
        content = metadata.create_summary_metadata(plugin_data_pb2.HParamsPluginData(session_end_info=end))
        value = Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=content, tensor=metadata.NULL_TENSOR)
        self._write(Summary(value=[value]), outcome.ended)
        self.writer.close()

    def _write(self, summary: Summary, time: float, step: int = 0) -> None:
        self.writer.add_event(Event(wall_time=time, step=step, summary=summary))
