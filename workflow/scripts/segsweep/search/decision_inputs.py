"""What decisions rest on: the settings whose change makes step files void."""

import hashlib
import json
from typing import Any

from segsweep.config.study import Study


def settings_digest(study: Study) -> str:
    """Digest of all settings that decisions of the search phase depend on: `trials` is not one of them."""
    sweep = study.sweep.model_dump(mode="json", exclude={"trials"}) if study.sweep else None
    folds = study.folds.model_dump(mode="json") if study.folds else None
    return _digest([sweep, study.metric, study.minimize, study.seeds, folds, study.train.epochs])


def asked(study: Study, phase: str) -> dict[str, Any]:
    """What a state after the search depends on besides: how many trials, and the sections up to its phase."""
    found: dict[str, Any] = {"trials": study.sweep.trials if study.sweep else None}
    found["confirm"] = study.confirm.model_dump(mode="json") if study.confirm else None
    if phase != "confirm":
        # Method and votes change what is made of the members, not which are trained.
        found["ensemble_folds"] = [study.ensemble.folds, study.ensemble.score_on] if study.ensemble else None
    return found


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
