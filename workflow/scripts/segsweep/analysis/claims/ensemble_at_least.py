"""The score of the ensemble."""

from typing import ClassVar

import pandas as pd

from segsweep.analysis.claims import Evidence, Verdict, undecided
from segsweep.analysis.claims.bars import AtLeast
from segsweep.analysis.image_pairs import columns, paired, sentence
from segsweep.config.components import StudyClaim
from segsweep.config.settings import key


class EnsembleAtLeast(StudyClaim):
    """The ensemble reaches a score."""

    needs: ClassVar[str] = "ensemble"

    ensemble_at_least: AtLeast = key(..., "Score of the ensemble.")

    def bars(self) -> tuple[float, float]:
        """The score that is a success, and one that is acceptable."""
        return self.ensemble_at_least.success, self.ensemble_at_least.acceptable


def judge(claim: EnsembleAtLeast, evidence: Evidence) -> Verdict:
    """One ensemble has one score: graded by the bars, and undecided, since it is not known how far others would lie."""
    results, bars = evidence.results, claim.ensemble_at_least
    table = results.ensemble
    # An ensemble is scored on the test split where there is one: what its column says.
    columns_of_metric = (results.metric, f"test/{results.metric.split('/')[-1]}")
    column = None if table is None or table.empty else next((one for one in columns_of_metric if one in table), None)
    if column is None:
        return undecided("The ensemble has no score yet.", threshold=bars.acceptable)
    score = float(table[column].iloc[0])
    pair = None
    if results.ensemble_images is not None:
        pair = paired(results, pd.Series(["ensemble"]), pd.Series(["single"]), results.ensemble_images)
    grade = bars.grade(score, results.sign)
    single = table.loc[table["method"] == "single model", column] if "method" in table else []
    beside = f"; the single model scores {float(single.iloc[0]):.4g}" if len(single) else ""
    where = "on the test split " if column.startswith("test/") else ""
    shown = f"The ensemble scores {where}{score:.4g}, which {bars.reached(grade)}{beside}"
    return undecided(
        f"{shown}. It was trained once, so how far another would lie from it is not known. {sentence(pair)}".strip(),
        estimate=score, threshold=bars.acceptable, grade=grade, n_runs=1, n_cells=1,
        scope="images" if pair else "none", **columns(pair),
    )  # fmt: skip
