"""Which runs and which pictures are shown."""

import re
from dataclasses import dataclass

import pandas as pd

MOST_OF_ALL = 12  # a study may have hundreds; who wants more names a number


@dataclass(frozen=True)
class Chosen:
    """A picture of the validation split and why it is shown: `best`, `worst` or empty."""

    image: str
    why: str = ""
    value: float | None = None
    row: int | None = None  # of images.csv, the first below the header is 1


def cells_of(wish: str, ranking: list[str]) -> list[str]:
    """Cells, best first. `wish` is `best`, `top N` or `all`, which stops at `MOST_OF_ALL`; `ranking` is best first."""
    most = {"best": 1, "all": MOST_OF_ALL}
    return list(ranking[: most[wish] if wish in most else int(wish.split()[1])])


def images_of(
    wish: str, names: list[str], scores: pd.DataFrame, metric: str, *, minimize: bool = False
) -> list[Chosen]:
    """Pictures by `first N` or `best N and worst M`.

    `names` are the pictures in the order of the split; `scores` has `image`, `metric` and the index of images.csv.
    Without scores, the first pictures stand in for the best and worst.
    """
    first = re.fullmatch(r"first (\d+)", wish)
    column = column_for(scores, metric)
    known = scores.dropna(subset=[column]) if column else scores.iloc[:0]
    by_name = {} if column is None else {row.image: (row.Index, row.score) for row in _scored(known, column)}
    if first or not by_name:
        count = int(first.group(1)) if first else sum(map(int, re.findall(r"\d+", wish)))
        return [_chosen(name, "", by_name) for name in names[:count]]
    best, worst = map(int, re.findall(r"\d+", wish))
    order = sorted((name for name in by_name if name in set(names)), key=lambda name: (by_name[name][1], name))
    if not minimize:
        order.reverse()
    best = min(best, len(order))
    worst = min(worst, len(order) - best)
    return [_chosen(name, "best", by_name) for name in order[:best]] + [
        _chosen(name, "worst", by_name) for name in order[::-1][:worst]
    ]


def column_for(scores: pd.DataFrame, metric: str) -> str | None:
    """The column of images.csv that holds the metric, with or without its split; else the first score there is."""
    bare = metric.partition("/")[2]
    for name in (metric, bare):
        if name in scores.columns:
            return name
    others = [name for name in scores.columns if name not in ("cell", "run", "image", "seed", "fold", "split")]
    return others[0] if others else None


def _scored(scores: pd.DataFrame, column: str):
    return scores[["image"]].assign(score=scores[column].astype(float)).itertuples()


def _chosen(name: str, why: str, by_name: dict[str, tuple[int, float]]) -> Chosen:
    index, value = by_name.get(name, (None, None))
    return Chosen(name, why, value, None if index is None else int(index) + 1)
