"""Races of seeds on drawn studies: how often the best setting is dropped or a false winner left, and what they save.

Settings without any difference, with normal, heavy-tailed, skewed, outlying and unequal errors, and designs in which a
few settings are good. All rounds are decided as in a study (`segsweep.search.decisions`); nothing is trained.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from measuring import Row, single
from null_studies import SHAPES, Kind, draw, error, share, stated

from segsweep.analysis.analyze import Analysis
from segsweep.analysis.study_results import StudyResults
from segsweep.config.study import Study
from segsweep.search.decisions import decide
from segsweep.search.step_files import BEHIND, State
from tests.drawn_results import results_of

PART = "racing"
ERRORS = ("normal", "heavy-tailed", "skewed", "skewed up", "outlying", "unequal")
SIZES = (2, 4, 8, 36)
BLOCK_SD = 0.5  # of a seed, for all settings alike
# Standard deviations of the errors; heavy tails (t with two degrees of freedom) have none, and count as they are.
SD = {"outlying": np.sqrt(1 + 0.04 * 0.96 * 12**2), "unequal": np.exp(0.8**2)}
AT_MOST = 8
# Means of settings in deviations of a run's noise, the best first.
EQUAL = {number: np.zeros(number) for number in SIZES}
TWO_GOOD = np.array([0.0, -0.3, *-np.linspace(4, 10, 34)])
CLOSE = np.array([0.0, -0.3, *-np.linspace(2, 8, 34)])


@dataclass(frozen=True)
class Raced:
    """A race at its end.

    Attributes:
        seeds: of each setting.
        dropped: indices of the settings that were dropped.
        ended: why it ended.
    """

    seeds: list[int]
    dropped: set[int]
    ended: str

    @property
    def runs(self) -> int:
        """How many were trained."""
        return sum(self.seeds)


def scores_of(means: np.ndarray, errors: str, rng: np.random.Generator) -> np.ndarray:
    """(settings, `AT_MOST`) scores; means in deviations of the noise."""
    spread = np.exp(rng.normal(0, 0.8, len(means))) if errors == "unequal" else np.ones(len(means))
    noise = np.array([[drawn(errors, rng) for _ in range(AT_MOST)] for _ in means])
    return means[:, None] + spread[:, None] * noise / SD.get(errors, 1) + BLOCK_SD * rng.normal(size=AT_MOST)


def drawn(errors: str, rng: np.random.Generator) -> float:
    """An error of a kind; also such that a few runs are far better than the others."""
    return -error("skewed", rng) if errors == "skewed up" else error(errors, rng)


def raced(scores: np.ndarray, matters: float | None = None) -> Raced:
    """The race over these scores of a grid."""
    seeds = {"start": 2, "at_most": scores.shape[1]}
    values = {"name": "raced", "train": {"epochs": 1}, "seeds": seeds, "matters": matters, "grid": {"batch_size": [1]}}
    study = Study.model_validate(values)
    candidates = [
        {"cell": f"{number:03d}", "set": {}, "score": None, "epochs": 1, "scores": [
            {"key": "", "seed": seed, "fold": None, "status": "finished", "score": row[seed]} for seed in range(2)]}
        for number, row in enumerate(scores.tolist())
    ]  # fmt: skip
    state = decide(study, None, {}, candidates=candidates)
    while state["requested"]:
        state = decide(study, state, _results(state, scores))
    race = state["races"]["seeds"]
    behind = {int(one["cell"]) for one in race["entrants"] if one["by"] is not None}
    return Raced([one["seeds"] for one in race["entrants"]], behind, race["ended"])


def _results(state: State, scores: np.ndarray) -> dict:
    return {
        one["key"]: {"status": "finished", "epochs": 1, "curve": [float(scores[int(one["cell"]), one["seed"]])]}
        for one in state["requested"]
    }


def races(means: np.ndarray, errors: str, draws: int, matters: float | None = None) -> Iterator[Raced]:
    """So many races of settings with these means."""
    for number in range(draws):
        rng = np.random.default_rng([number, len(means), *errors.encode()])
        yield raced(scores_of(means, errors, rng), matters)


def equal_rows(draws: int) -> list[Row]:
    """Settings without any difference: how often a given one or any is dropped, and one named as the best."""
    dropped: dict[str, list[bool]] = {}
    any_dropped: dict[str, list[bool]] = {}
    named: dict[str, list[bool]] = {}
    for errors, size in product(ERRORS, SIZES):
        for race in races(EQUAL[size], errors, draws):
            for group in ("all", f"errors {errors}", f"{size} settings"):
                # Any of the equal ones is the best; the first stands for it.
                dropped.setdefault(group, []).append(0 in race.dropped)
                any_dropped.setdefault(group, []).append(bool(race.dropped))
                named.setdefault(group, []).append(race.ended == "decided")
    rows = [share(PART, f"equal settings, the best dropped: {group}", hits, "<= 5") for group, hits in dropped.items()]
    rows += [share(PART, f"equal settings, any dropped: {group}", hits, "") for group, hits in any_dropped.items()]
    return rows + [
        share(PART, f"equal settings, a false winner named: {group}", hits, "<= 5") for group, hits in named.items()
    ]


def design_rows(draws: int) -> list[Row]:
    """Two good settings among 36: what is saved against eight seeds each, and whether the best is kept."""
    rows = []
    for name, means in (("34 others 4 to 10 sd behind", TWO_GOOD), ("34 others 2 to 8 sd behind", CLOSE)):
        for errors in ERRORS:
            found = list(races(means, errors, draws))
            used = [100 * race.runs / (AT_MOST * len(means)) for race in found]
            wanted = "<= 50" if means is TWO_GOOD else ""
            note = f"of all runs of {AT_MOST} seeds; mean of {draws}, the largest {max(used):.0f}"
            note += "; such errors have no standard deviation" * (errors == "heavy-tailed")
            title = f"two good of 36, {name}, errors {errors}"
            rows.append(single(PART, f"{title}: runs", [float(np.mean(used))], unit="%", wanted=wanted, note=note))
            rows.append(share(PART, f"{title}: the best dropped", [0 in race.dropped for race in found], "<= 5"))
    return rows


def matters_rows(draws: int) -> list[Row]:
    """Eight settings, the best one by 2.5 sd, where 2 sd matter: how often it is dropped; eight equal ones: runs."""
    ahead = np.array([2.5, *np.zeros(7)])
    lost = [0 in race.dropped for race in races(ahead, "normal", draws, matters=2.0)]
    rows = [share(PART, "better by more than matters, dropped", lost, "<= 5")]
    found = list(races(np.zeros(8), "normal", draws, matters=3.0))
    used = [100 * race.runs / (AT_MOST * 8) for race in found]
    note = f"of all runs of {AT_MOST} seeds; {100 * np.mean([race.ended == 'decided' for race in found]):.0f} % decided"
    return [*rows, single(PART, "eight equal settings, 3 sd matter: runs", [float(np.mean(used))], unit="%", note=note)]


def report_rows(draws: int) -> list[Row]:
    """Studies without any effect whose seeds raced: how many of them their report states something of."""
    hits: dict[str, list[bool]] = {}
    shapes = [shape for shape in SHAPES if not shape.startswith("sweep")]
    for errors, shape, number in product(
        ("normal", "heavy-tailed", "skewed", "outlying", "unequal"), shapes, range(draws)
    ):
        said = bool(stated(Analysis(raced_results(Kind(shape, AT_MOST, errors, True, number)))))
        for group in ("all", f"errors {errors}"):
            hits.setdefault(group, []).append(said)
    return [
        share(PART, f"any statement of the report on a race without effect: {group}", found, "<= 5" * (group == "all"))
        for group, found in hits.items()
    ]


def raced_results(kind: Kind) -> StudyResults:
    """A drawn study with the runs that a race of its seeds would have trained."""
    truth = draw(kind)
    metric, names = truth.plan["study"]["metric"], [cell["cell"] for cell in truth.cells]
    scores = np.full((len(names), kind.seeds), np.nan)
    for row in truth.runs:
        scores[names.index(row["cell"]), row["seed"]] = row[metric]
    race = raced(scores)
    truth.plan["study"]["seeds"] = {"first": 0, "start": 2, "at_most": kind.seeds, "until": "decided"}
    truth.runs[:] = [row for row in truth.runs if row["seed"] < race.seeds[names.index(row["cell"])]]
    results = results_of(truth)
    standings = [BEHIND if number in race.dropped else "left" for number in range(len(names))]
    results.race_settings = pd.DataFrame({"race": "seeds", "cell": names, "standing": standings})
    return results


def measure(quick: bool) -> list[Row]:
    """Shares in percent."""
    draws = 2 if quick else 100
    rows = [*equal_rows(draws), *design_rows(draws // 2), *matters_rows(draws)]
    return rows + report_rows(1 if quick else 4)
