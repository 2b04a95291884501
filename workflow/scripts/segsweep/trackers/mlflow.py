"""MLflow: an experiment for each study, in a database of its own unless MLFLOW_TRACKING_URI names a server."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from mlflow.entities import Metric, Param, RunTag
from mlflow.environment_variables import MLFLOW_EXPERIMENT_NAME
from mlflow.tracking import MlflowClient

from segsweep.config.components import Tracker
from segsweep.tracking.tracked_run import INTERRUPTED, RUNNING, WAITING, Epoch, Outcome, TrackedRun

# A request to a server takes no more.
METRICS_AT_ONCE, PARAMETERS_AT_ONCE = 1000, 100
LONGEST = 5000  # letters of a parameter or a tag
TAG = "segsweep.{}"
UNDER_WAY = {WAITING: "SCHEDULED", RUNNING: "RUNNING"}


class Mlflow(Tracker):
    """MLflow."""

    title: ClassVar[str] = "MLflow"
    environment: ClassVar[dict[str, str]] = {
        "MLFLOW_TRACKING_URI": "sqlite:///{folder}/mlflow.db",
        "MLFLOW_EXPERIMENT_NAME": "{study}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # A server that is down is tried again later.
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    }
    look: ClassVar[str] = "mlflow ui --backend-store-uri sqlite:///{folder}/mlflow.db"


def begin(folder: Path, run: TrackedRun) -> "RunEntry":
    """See `segsweep.trackers`. MLflow keeps what is forgotten as deleted, until `mlflow gc`."""
    client = _client()
    experiment = _experiment(MLFLOW_EXPERIMENT_NAME.get())
    same = f"tags.`{TAG.format('run')}` = '{run.run}' and tags.`{TAG.format('study')}` = '{run.study}'"
    for earlier in client.search_runs([experiment], same):
        client.delete_run(earlier.info.run_id)
    return RunEntry(client, experiment, run)


@cache
def _client() -> MlflowClient:
    return MlflowClient()


@cache
def _experiment(name: str) -> str:
    """The id of an experiment, which is made where there is none."""
    found = _client().get_experiment_by_name(name)
    return found.experiment_id if found else _client().create_experiment(name)


class RunEntry:
    """A run of an experiment."""

    def __init__(self, client: MlflowClient, experiment: str, run: TrackedRun):
        self.client = client
        tags = {TAG.format(name): _short(text) for name, text in run.tags.items()}
        started = _milliseconds(run.started)
        created = client.create_run(experiment, start_time=started, tags=tags, run_name=run.title)
        self.id = created.info.run_id
        parameters = run.flat_parameters()
        self._log(parameters=[Param(name, _short(value)) for name, value in parameters.items() if value is not None])

    def add(self, epochs: list[Epoch]) -> None:
        """See `segsweep.trackers`."""
        self._log(
            metrics=[
                Metric(name, value, _milliseconds(one.ended), one.epoch)
                for one in epochs
                for name, value in one.values.items()
            ]
        )

    def end(self, outcome: Outcome) -> None:
        """See `segsweep.trackers`."""
        ended = _milliseconds(outcome.ended)
        self._log(
            metrics=[Metric(name, value, ended, 0) for name, value in outcome.summary.items()],
            tags=[RunTag(TAG.format(name), _short(text)) for name, text in outcome.tags.items()],
        )
        if outcome.status in UNDER_WAY:
            self.client.update_run(self.id, status=UNDER_WAY[outcome.status])
        else:
            status = "KILLED" if outcome.status == INTERRUPTED else "FAILED" if outcome.has_failed else "FINISHED"
            self.client.set_terminated(self.id, status, end_time=ended)

    def _log(
        self, metrics: Sequence[Metric] = (), parameters: Sequence[Param] = (), tags: Sequence[RunTag] = ()
    ) -> None:
        """Log as many at a time as a server takes."""
        for some in _portions(metrics, METRICS_AT_ONCE):
            self.client.log_batch(self.id, metrics=some)
        for some in _portions(parameters, PARAMETERS_AT_ONCE):
            self.client.log_batch(self.id, params=some)
        if tags:
            self.client.log_batch(self.id, tags=tags)


def _portions(entities: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (entities[start : start + size] for start in range(0, len(entities), size))


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


def _short(value: Any) -> str:
    return str(value)[:LONGEST]
