"""Comparisons paired by image: what can be said of these images even where one seed is all there is."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from segsweep.analysis.study_results import StudyResults

DRAWS = 4000
FEWEST = 5


@dataclass
class Paired:
    """Mean difference over images with its 95 % bootstrap interval."""

    estimate: float
    low: float
    high: float
    n: int


def paired(
    results: StudyResults, first: pd.Series, second: pd.Series, images: pd.DataFrame | None = None
) -> Paired | None:
    """Difference of two sets of runs (names) on the images that both have, in the metric's own direction.

    Each image's score is its mean over the runs of a set. The images are drawn with replacement, seeds are not: the
    interval speaks of other images like these, trained with these very seeds. `images`: in place of images.csv.
    """
    images = results.images if images is None else images
    column = results.column_in(images)
    if column is None:
        return None
    means = [images[images["run"].isin(set(runs))].groupby("image")[column].mean() for runs in (first, second)]
    difference = (means[0] - means[1]).dropna().to_numpy()
    if len(difference) < FEWEST:
        return None
    rng = np.random.default_rng(0)
    n = len(difference)
    drawn = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS) @ difference / n
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Paired(float(difference.mean()), float(low), float(high), n)


def columns(pair: Paired | None) -> dict[str, float]:
    """The columns of claims.csv that a comparison by images fills."""
    if pair is None:
        return {}
    return {"images_estimate": pair.estimate, "images_low": pair.low, "images_high": pair.high}


def sentence(pair: Paired | None) -> str:
    """What the images say, without going beyond them."""
    if pair is None:
        return ""
    bounds = f"{pair.estimate:+.4g} on average over {pair.n} images (95 % interval {pair.low:+.4g} to {pair.high:+.4g})"
    if pair.low > 0 or pair.high < 0:
        return f"On these images, trained with these seeds, the difference is {bounds}; other seeds may differ."
    return f"On these images the difference is {bounds}: they do not decide it either."
