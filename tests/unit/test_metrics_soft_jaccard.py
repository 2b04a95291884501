"""The soft Jaccard index of Keras recipes, averaged over batches: by hand, and as training measures it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from segsweep import metrics
from segsweep.data.void import VOID
from segsweep.errors import InputError
from segsweep.inference.batch_means import BatchMeans
from segsweep.metrics import soft_jaccard
from segsweep.store.segment_record import SegmentRecord
from segsweep.store.segment_store import SegmentStore
from segsweep.training.loop import train_segment
from tests.fakes import FakeBatches, FakeTask, Floats, GreedyTask, fake_loaders, segment_plan

SOFT = "val/soft_jaccard"


def jacard_coef(y_true, y_pred):
    """As Keras recipes write it, over all that they are given."""
    intersection = np.sum(y_true * y_pred)
    return (intersection + 1.0) / (np.sum(y_true) + np.sum(y_pred) - intersection + 1.0)


def draw(images, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(images, 1, 5, 4, generator=generator)
    return logits, (torch.rand(images, 5, 4, generator=generator) < 0.3).long()


def mean_of(batches, parts=1):
    """Of (logits, mask) each, counted in so many parts."""
    return measured(BatchMeans(["soft_jaccard"], "binary", ["background", "cell"]), batches, parts)


def measured(means, batches, parts=1):
    means.start_split()
    for logits, mask in batches:
        means.start_batch()
        for part, of_mask in zip(logits.chunk(parts), mask.chunk(parts), strict=True):
            means.update(part, {"mask": of_mask})
    return means.values()["soft_jaccard"]


def test_a_split_begins_with_nothing():
    means = BatchMeans(["soft_jaccard"], "binary", ["background", "cell"])
    first, second = measured(means, [draw(8), draw(8, seed=1)]), measured(means, [draw(8, seed=2)])
    assert second == mean_of([draw(8, seed=2)]) != first


def test_by_hand():
    """Probabilities 0.5 and 0.5, one pixel of foreground, one void: I 0.5, P 1, G 1."""
    counts = soft_jaccard.count(torch.zeros(1, 1, 1, 3), {"mask": torch.tensor([[[1, 0, VOID]]])})
    assert counts.tolist() == [0.5, 1.0, 1.0]
    value = soft_jaccard.compute({"soft_jaccard": counts[None].numpy()}, ["cell"])["soft_jaccard"]
    assert value.tolist() == [1.5 / 2.5]


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_each_batch_counts_the_same_and_parts_make_a_batch(parts):
    batches = [draw(8), draw(8, seed=1), draw(4, seed=2)]
    expected = [jacard_coef(mask.numpy(), torch.sigmoid(logits[:, 0]).numpy()) for logits, mask in batches]
    assert mean_of(batches, parts) == pytest.approx(np.mean(expected), rel=1e-6)
    assert mean_of([(torch.cat([a for a, _ in batches]), torch.cat([b for _, b in batches]))]) != pytest.approx(
        np.mean(expected), rel=1e-3
    )  # of the split as one batch it is another number


def test_a_batch_without_foreground_scores_by_what_is_predicted():
    empty = torch.zeros(2, 5, 4, dtype=torch.int64)
    assert mean_of([(torch.full((2, 1, 5, 4), -200.0), empty)]) == 1.0
    assert mean_of([(torch.zeros(2, 1, 5, 4), empty)]) == pytest.approx(1 / 21)


def test_it_may_be_named_and_is_no_function_of_counts():
    classes = ["background", "cell"]
    assert metrics.check([("study.yaml:3", SOFT)], "binary", classes) == []
    assert len(metrics.check([("study.yaml:3", SOFT)], "multiclass", classes)) == 1
    counts = {"confusion": np.eye(2, dtype=np.int64)}
    assert "soft_jaccard" not in metrics.score(counts, "binary", classes)
    assert metrics.column(SOFT, [{SOFT: "0.5"}], counts, "binary", classes) == [0.5]
    with pytest.raises(InputError, match="val/soft_jaccard was not measured"):
        metrics.column(SOFT, [{"val/loss": "0.5"}], {"confusion": counts["confusion"][None]}, "binary", classes)


def plan(train=None, **more):
    return segment_plan(train or {}, **{"last": 3, "metric": "val/jaccard"} | more)


def train(segment, folder, task=None, **more):
    """Rows of the epochs; validation in batches of 4 and 2 images."""
    store = SegmentStore(folder)
    outcome = train_segment(segment, store, open_loaders=fake_loaders(task, kind="binary"), **more)
    if outcome["status"] != "interrupted":
        store.publish(SegmentRecord.from_json(segment.to_json() | outcome))
        return store.read_rows(segment.id), outcome
    return None, outcome


@torch.no_grad()
def expected_of(folder, segment, epoch, task):
    """From the weights of an epoch, batch by batch."""
    model = task.model().eval()
    model.load_state_dict(torch.load(folder / segment.id / f"weights-{epoch:04d}.pt")["model"])
    values = []
    for batch in FakeBatches(6, 4, training=False).epoch(1):
        p, mask = torch.sigmoid(model(Floats()(batch["image"]))[:, 0]), batch["mask"]
        valid = (mask != VOID).numpy()
        values.append(jacard_coef((mask == 1).numpy()[valid], p.numpy()[valid]))
    return np.mean(values)


@pytest.mark.parametrize(
    "named",
    [{"metric": SOFT}, {"also_measure": [SOFT]}, {"train": {"early_stopping": {"monitor": SOFT, "patience": 9}}}],
)
def test_training_measures_it_where_it_is_named(tmp_path, named):
    segment = plan(**named)
    rows, outcome = train(segment, tmp_path, FakeTask())
    assert [bool(row[SOFT]) for row in rows] == [True] * 3
    (best,) = outcome["best"].values()
    assert float(rows[best["epoch"] - 1][SOFT]) == pytest.approx(
        expected_of(tmp_path, segment, best["epoch"], FakeTask()), rel=1e-5
    )
    if segment.metric == SOFT:
        assert best["value"] == max(float(row[SOFT]) for row in rows)


def test_training_does_not_measure_what_nobody_names_and_else_trains_the_same(tmp_path):
    plain, outcome = train(plan(), tmp_path / "plain")
    named, also = train(plan(also_measure=[SOFT]), tmp_path / "named")
    assert SOFT not in plain[0]
    assert [row["val/loss"] for row in plain] == [row["val/loss"] for row in named]
    assert outcome["best"] == also["best"]


def test_batches_are_those_that_are_loaded_also_where_memory_holds_less(tmp_path):
    segment = plan({"on_oom": "accumulate"}, also_measure=[SOFT])
    task = GreedyTask(most=2)
    rows, outcome = train(segment, tmp_path, task)
    assert outcome["micro_batch"] == 2
    (best,) = outcome["best"].values()
    whole = expected_of(tmp_path, segment, best["epoch"], GreedyTask(most=9))
    assert float(rows[best["epoch"] - 1][SOFT]) == pytest.approx(whole, rel=1e-5)


def test_a_study_that_takes_it_as_its_metric_while_it_is_interrupted_begins_again(tmp_path):
    segment = plan()
    count = iter(range(10**6))
    _, outcome = train(segment, tmp_path, should_stop=lambda: next(count) >= 10)  # in the third epoch
    assert outcome["status"] == "interrupted"
    epochs = []
    changed = replace(segment, metric=SOFT)
    rows, _ = train(changed, tmp_path, report=lambda row, best: epochs.append(row["epoch"]))
    assert epochs == [1, 2, 3]
    assert all(row[SOFT] for row in rows)
