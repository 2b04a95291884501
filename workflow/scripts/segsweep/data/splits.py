"""Which images a run sees: subsets and folds, the same for all cells."""

import zlib
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from segsweep.config.train import Data
from segsweep.data.patches import whole_images
from segsweep.data.prepared import Prepared, Split, classes_present
from segsweep.errors import InputError

WORD_BUCKETS = (1, 3, 6, 11)  # readable words in an image: 0, 1-2, 3-5, 6-10, more
SHARE_BUCKETS = 3  # thirds of the images by share of foreground

Refs = list[tuple[str, int]]


def choose(prepared: Prepared, split: str, subset: int | None, subset_seed: int) -> list[int]:
    """Indices of the images used of a split, in ascending order.

    Smaller subsets of the same seed lie in larger ones. A subset of the whole size or more is the whole split.

    Args:
        prepared: the data.
        split: name of the split.
        subset: number of images, or None for all.
        subset_seed: draws them.

    Raises:
        InputError: there is no such split.
    """
    return _drawn(len(_split(prepared, split)), split, subset, subset_seed)


def choose_whole(prepared: Prepared, split: str, subset: int | None, subset_seed: int) -> list[int]:
    """Indices of the images that are scored of a split: as `choose`, but that of pages all patches are taken.

    Args:
        prepared: the data.
        split: name of the split.
        subset: number of images, whole pages where they are cut, or None for all.
        subset_seed: draws them.

    Raises:
        InputError: there is no such split.
    """
    images = whole_images(_split(prepared, split))
    return [i for position in _drawn(len(images), split, subset, subset_seed) for i in images[position]]


def _split(prepared: Prepared, name: str) -> Split:
    if name not in prepared.splits:
        raise InputError(
            f"{prepared.folder}: no split {name!r}; there are {', '.join(prepared.splits)}. "
            "Add it to the data set's `splits`."
        )
    return prepared.splits[name]


def _drawn(count: int, split: str, subset: int | None, subset_seed: int) -> list[int]:
    if subset is None or subset >= count:
        return list(range(count))
    drawn = np.random.default_rng([subset_seed, zlib.crc32(split.encode())]).permutation(count)
    return sorted(drawn[:subset].tolist())


def images_of_run(prepared: Prepared, data: Data, fold: dict[str, Any] | None) -> tuple[Refs, Refs]:
    """The images that a run is trained on and those it is scored on, as (split, index).

    Where pages are cut, it is trained on patches and scored on whole pages.

    Args:
        prepared: the data.
        data: `train_subset`, `val_subset` and `subset_seed` count, for folds as well.
        fold: None for the two splits, or {"index", "k", "seed", "within"}: one of k folds within "train" (the
            validation split is then held out from all of them) or within "train+val". With an index of None it is
            trained on both splits, the images of "val", on which it is scored, among them.
    """
    training = choose(prepared, "train", data.train_subset, data.subset_seed)
    validation = choose_whole(prepared, "val", data.val_subset, data.subset_seed)
    if not fold:
        return [("train", i) for i in training], [("val", i) for i in validation]
    if fold["index"] is None:
        scored = [("val", i) for i in validation]
        return [("train", i) for i in training] + scored, scored
    pooled = validation if fold["within"] == "train+val" else None
    training, validation = folds(prepared, fold["k"], fold["seed"], training, pooled)[fold["index"]]
    return training, _with_all_patches(prepared, validation)


def _with_all_patches(prepared: Prepared, refs: Refs) -> Refs:
    """The same images in order, pages with all their patches."""
    found, seen = [], set(refs)
    for name in dict.fromkeys(split for split, _ in refs):
        for members in whole_images(prepared.splits[name]):
            if any((name, i) in seen for i in members):
                found += [(name, i) for i in members]
    return found


def folds(
    prepared: Prepared, k: int, seed: int, subset: list[int] | None = None, pooled: list[int] | None = None
) -> list[tuple[Refs, Refs]]:
    """The training split cut into k folds, each the validation of one member.

    The other splits stay untouched, unless images of the validation split are `pooled` with the training images.

    Stratified by what the task offers: classes present (multiclass, multitask), labels present (multilabel), share of
    foreground (binary), number of readable words (text). Patches of one page stay together, and images of one group.

    Args:
        prepared: the data.
        k: number of folds.
        seed: draws them.
        subset: indices of the training images to use, all if None.
        pooled: indices of the validation images that are dealt out with them; None for none of them.

    Returns:
        k pairs (training, validation) of lists of (split, index).

    Raises:
        InputError: there are fewer images (or pages, or groups) than folds.

    Source: Sechidis, Tsoumakas, Vlahavas, On the Stratification of Multi-Label Data, ECML PKDD 2011, algorithm 1.
    """
    used = [("train", i) for i in (range(len(prepared.splits["train"])) if subset is None else subset)]
    used += [("val", i) for i in pooled or []]
    units = [(name, (prepared.splits[name].page(i) or {"page": i})["page"]) for name, i in used]
    groups = [prepared.splits[name].group(i) for name, i in used]
    together = [unit if group is None else group for unit, group in zip(units, groups, strict=True)]
    if (count := len(set(together))) < k:
        what = "images" if groups.count(None) == len(groups) else "groups of images"
        raise InputError(
            f"{prepared.folder}: {count} {'training' if pooled is None else 'pooled'} {what} cannot be cut into {k} "
            "folds. Ask for fewer folds."
        )
    fold = dealt(units, together, strata_of(prepared, used), [1] * k, np.random.default_rng(seed))
    refs = [[(name, int(i)) for (name, i), own in zip(used, fold, strict=True) if own == f] for f in range(k)]
    return [([ref for g in range(k) if g != f for ref in refs[g]], refs[f]) for f in range(k)]


def dealt(
    units: Sequence[Hashable], groups: Sequence[Hashable], strata: np.ndarray, shares: Sequence[float], rng
) -> np.ndarray:
    """Deal images out to parts, strata spread over them and groups whole.

    Args:
        units: of each image, what counts as one: itself, or the page that it is a patch of.
        groups: of each image, what stays together.
        strata: bool (N, L), which strata each image belongs to.
        shares: of the parts, in any unit.
        rng: numpy's generator.

    Returns:
        int (N,), the part of each image.
    """
    unit, group = _numbered(units), _numbered(groups)
    by_unit = np.zeros((unit.max() + 1, strata.shape[1]), bool)
    np.logical_or.at(by_unit, unit, strata)
    first = np.unique(unit, return_index=True)[1]
    by_group = np.zeros((group.max() + 1, strata.shape[1]), int)
    np.add.at(by_group, group[first], by_unit)
    return _stratified(by_group, np.bincount(group[first]), np.array(shares), rng)[group]


def _numbered(keys: Sequence[Hashable]) -> np.ndarray:
    """int (N,): equal keys have equal numbers, counted from 0 in the order in which they first occur."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])


def strata_of(prepared: Prepared, used: Refs) -> np.ndarray:
    """bool (N, L): which strata each image belongs to."""
    if prepared.task == "text":
        words = [int((~prepared.splits[name].ignored(i)).sum()) for name, i in used]
        return np.eye(len(WORD_BUCKETS) + 1, dtype=bool)[np.digitize(words, WORD_BUCKETS)]
    if prepared.task == "binary":
        counts = np.stack([prepared.splits[name].class_counts[i] for name, i in used])
        share = counts[:, 1] / np.maximum(counts.sum(1), 1)
        rank = share.argsort(kind="stable").argsort(kind="stable")
        return np.eye(SHARE_BUCKETS, dtype=bool)[rank * SHARE_BUCKETS // len(used)]
    return classes_present(prepared, used)


def _stratified(strata: np.ndarray, sizes: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """int (G,): the part of each group. The rarest stratum is dealt out first, to the parts that lack it most.

    Args:
        strata: int (G, L), how many of a group's images belong to each stratum.
        sizes: int (G,), images of each group; large ones are dealt out first.
        shares: (P,), of the parts.
        rng: draws the order.
    """
    order = rng.permutation(len(strata))
    order = order[np.argsort(-sizes[order], kind="stable")]
    part = np.full(len(strata), -1)
    room = sizes.sum() * shares / shares.sum()
    wanted = strata.sum(0) * shares[:, None] / shares.sum()  # (P, L)
    while (part < 0).any():
        open_ = order[part[order] < 0]
        left = strata[open_].sum(0)
        if left.any():
            rarest = int(np.where(left > 0, left, left.sum() + 1).argmin())
            members, lack = open_[strata[open_, rarest] > 0], wanted[:, rarest]
        else:
            members, lack = open_, np.zeros(len(shares))
        for i in members:
            empty = [p for p in range(len(shares)) if p not in part]
            parts = empty if len(empty) >= (part < 0).sum() else range(len(shares))  # none is to stay empty
            best = max(parts, key=lambda p: (room[p] >= sizes[i] / 2, lack[p], room[p]))
            part[i] = best
            room[best] -= sizes[i]
            wanted[best] -= strata[i]
    return part
