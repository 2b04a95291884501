"""Which axes matter: fANOVA and PED-ANOVA of Optuna, with the fit of the forest that fANOVA reads.

fANOVA gives the share of the variance of a random forest over the whole space that an axis explains by itself;
PED-ANOVA says which axes matter for being among the best. Numbers tried at few values enter as indices 0, 1, 2, ...
(each level has the same weight), numbers of a search as they are or, on a logarithmic axis, as logarithms.

Its cost is bounded: fANOVA looks at all combinations of the columns of a category, 2^levels of them, so a category of
more than `MOST_WORDS` levels enters as one number, the place of the level in the order of mean scores. (Of all ways to
split a category in two, a regression tree's best one is a cut of this order: Fisher 1958.) The order is chosen by the
same scores, so the share of such a category is flattered; R squared out of bag is not, its forest knows no order.

Source: Hutter, Hoos, Leyton-Brown (2014), An efficient approach for assessing hyperparameter importance; Watanabe,
Bansal, Hutter (2023), PED-ANOVA.
"""

import warnings
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from segsweep.analysis.level_numbers import as_number
from segsweep.analysis.study_results import Axis, StudyResults
from segsweep.tables import NOT_TESTED, Column, Table

FEWEST_CELLS = 20
CELLS_AN_AXIS = 4
MOST_CELLS = 200  # 15 s; the time grows with the square of their number
MOST_WORDS = 6
FOREST_SEEDS = (0, 1, 2)
RELIABLE = 0.3
ENCODING = (
    "few levels by their order, ranges of a search by their value (its logarithm on a logarithmic axis), "
    f"words as categories, those of more than {MOST_WORDS} levels by the order of their mean scores"
)


class ImportanceTable(Table):
    """An axis, most important first; no rows where the conditions do not hold (analysis.json, `importance.note`)."""

    file = "importance.csv"
    rules = ("analyze_study",)
    rows = "importance_rows"
    columns = (
        Column("axis", "text", "The axis."),
        Column("fanova", "number", "Share of the variance of a random forest that it explains by itself."),
        Column("fanova_sd", "number", "Standard deviation of this share over seeds of the forest."),
        Column("pedanova", "number", "Importance for being among the best, by PED-ANOVA."),
        Column("rank_fanova", "integer", "Its rank by the one."),
        Column("rank_pedanova", "integer", "Its rank by the other."),
        Column("partial_eta2", "number", "As in anova.csv.", empty=NOT_TESTED),
        Column("n", "integer", "Cells that were looked at."),
        Column("r2_oob", "number", "R squared of the forest on cells that a tree has not seen."),
    )


@dataclass
class Importance:
    """Importance of the axes, and how far it can be believed.

    rows: of importance.csv; none where the conditions do not hold, as `note` then says.
    n: cells with usable runs.
    r2_oob: R squared of the forest on cells that a tree has not seen; `reliable` if it is at least `RELIABLE`.
    agreement: Spearman's correlation of fANOVA with partial eta squared, None of fewer than three axes.
    """

    n: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    note: str = ""
    r2_oob: float | None = None
    reliable: bool = False
    agreement: float | None = None

    def about(self) -> dict[str, Any]:
        """The entry `importance` of analysis.json."""
        found = asdict(self)
        del found["rows"]
        return found | {"encoding": ENCODING}


def importance_rows(axis_importance: Importance) -> list[dict[str, Any]]:
    """Rows of importance.csv."""
    return axis_importance.rows


def importance(results: StudyResults, shares: dict[str, float]) -> Importance:
    """Importance of the axes; `shares` are their partial eta squared, to compare the order with."""
    runs = results.runs[results.usable]
    scores = runs.groupby("cell", sort=False)["score"].mean()
    first = runs.drop_duplicates("cell").set_index("cell").loc[scores.index]
    axes = [axis for axis in results.axes if first[axis.name].nunique() > 1]
    needed = max(FEWEST_CELLS, CELLS_AN_AXIS * len(axes))
    found = Importance(len(scores))
    if len(axes) < 2 or len(scores) < needed or scores.nunique() < 2:
        reason = (
            f"{len(scores)} cells with usable runs, and {needed} are needed"
            if len(results.axes) > 1
            else "fewer than two axes vary"
        )
        found.note = f"Importance was not computed: {reason}."
        return found
    if len(scores) > MOST_CELLS:
        kept = np.sort(np.random.default_rng(0).choice(len(scores), MOST_CELLS, replace=False))
        scores, first = scores.iloc[kept], first.iloc[kept]
        found.note = f"Computed on {MOST_CELLS} of {found.n} cells, drawn at random."
    encoded = {axis.name: _encode(axis, first[axis.name]) for axis in axes}
    ordered = [name for name, (values, what) in encoded.items() if what == "words" and len(set(values)) > MOST_WORDS]
    if ordered:
        those = (
            f"Levels of {', '.join(ordered)}, more than {MOST_WORDS}, enter fANOVA in the order of their mean scores, "
        )
        found.note = " ".join(filter(None, [found.note, those + "which makes its share look larger."]))
    fanova, spread, pedanova = _by_optuna(encoded, ordered, scores, results.minimize)
    found.r2_oob = out_of_bag(encoded, scores)
    found.reliable = found.r2_oob >= RELIABLE
    if not found.reliable:
        weak = (
            f"The forest explains {found.r2_oob:.2f} of the variance of cells it has not seen: "
            "these shares are not reliable."
        )
        found.note = " ".join(filter(None, [found.note, weak]))
    names = list(encoded)
    known = [name for name in names if np.isfinite(shares.get(name, np.nan))]
    if len(known) > 2:
        both = stats.spearmanr([fanova[name] for name in known], [shares[name] for name in known])
        found.agreement = float(both.statistic) if np.isfinite(both.statistic) else None
    found.rows = [
        {
            "axis": name, "fanova": fanova[name], "fanova_sd": spread[name], "pedanova": pedanova[name],
            "rank_fanova": _rank(fanova, name), "rank_pedanova": _rank(pedanova, name),
            "partial_eta2": shares.get(name), "n": len(scores), "r2_oob": found.r2_oob,
        }
        for name in sorted(names, key=lambda name: -fanova[name])
    ]  # fmt: skip
    return found


def out_of_bag(encoded: dict[str, tuple], scores: pd.Series) -> float:
    """R squared of a forest like fANOVA's on the cells that each tree did not see."""
    from sklearn.ensemble import RandomForestRegressor

    columns = []
    for values, distribution in encoded.values():
        if distribution == "words":
            columns.append(np.eye(max(values) + 1)[values])
        else:
            columns.append(np.asarray(values, float)[:, None])
    forest = RandomForestRegressor(n_estimators=128, max_depth=64, oob_score=True, random_state=0)
    return float(forest.fit(np.hstack(columns), scores.to_numpy()).oob_score_)


def _encode(axis: Axis, texts: pd.Series) -> tuple[list, str]:
    """Values for the forest, and what they are: `indices`, `numbers` or `words`.

    A cell to which the axis does not apply has a value of its own: a further word, or one step below the smallest
    number (of a range a tenth of it), so that one cut sets these cells apart.
    """
    blank = texts.isna() | (texts == "")
    if axis.kind == "number" and (axis.binned or len(axis.levels) > 8):
        values = texts[~blank].map(as_number).astype(float)
        values = np.log10(values) if axis.scale == "log" and (values > 0).all() else values
        step = (values.max() - values.min()) / 10 or 1.0
        return values.reindex(texts.index, fill_value=values.min() - step).tolist(), "numbers"
    indices = {level: index for index, level in enumerate(axis.levels)}
    encoded = texts[~blank].map(indices).astype(int)
    if axis.kind == "number":
        return encoded.reindex(texts.index, fill_value=-1).tolist(), "indices"
    return encoded.reindex(texts.index, fill_value=len(axis.levels)).tolist(), "words"


def _by_order(values: list[int], scores: pd.Series) -> list[int]:
    """For each cell the place of its level in the order of the levels' mean scores, from 0."""
    means = scores.groupby(np.asarray(values)).mean().sort_values(kind="stable")
    place = {level: index for index, level in enumerate(means.index)}
    return [place[value] for value in values]


def _by_optuna(encoded: dict[str, tuple], ordered: list[str], scores: pd.Series, minimize: bool):
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances

    places = {name: (_by_order(encoded[name][0], scores), "indices") for name in ordered}
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study = _as_study(encoded | places, scores, minimize)
            forests = [
                get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed), normalize=False)
                for seed in FOREST_SEEDS
            ]
            top = PedAnovaImportanceEvaluator(target_quantile=min(0.5, max(0.1, 5 / len(scores))))
            pedanova = get_param_importances(_as_study(encoded, scores, minimize), evaluator=top)
    finally:
        optuna.logging.set_verbosity(level)
    shares = {name: np.array([forest[name] for forest in forests]) for name in encoded}
    means = {name: float(values.mean()) for name, values in shares.items()}
    return means, {name: float(values.std(ddof=1)) for name, values in shares.items()}, pedanova


def _as_study(encoded: dict[str, tuple], scores: pd.Series, minimize: bool):
    """An Optuna study of these cells."""
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    spaces = {
        "indices": lambda values: IntDistribution(min(values), max(values)),
        "numbers": lambda values: FloatDistribution(min(values), max(values)),
        "words": lambda values: CategoricalDistribution(sorted(set(values))),
    }
    distributions = {name: spaces[what](values) for name, (values, what) in encoded.items()}
    study = optuna.create_study(direction="minimize" if minimize else "maximize")
    study.add_trials(
        optuna.trial.create_trial(
            params={name: values[i] for name, (values, _) in encoded.items()},
            distributions=distributions,
            value=float(score),
        )
        for i, score in enumerate(scores)
    )
    return study


def _rank(values: dict[str, float], name: str) -> int:
    return 1 + sum(other > values[name] for other in values.values())
