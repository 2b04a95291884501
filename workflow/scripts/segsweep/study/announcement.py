"""What a study is about to do, in words, when Snakemake starts: what will train, how much is there already, and why."""

from collections import Counter

from .controller import Controller
from .words import plural

SHOWN = 12


def announce(study: Controller, say) -> None:
    """Say in a few lines what is planned.

    Args:
        study: the planned study.
        say: takes one line.
    """
    if study.study.table is not None:
        say(f"{study.name}: a report on {study.table_file}, nothing is trained.")
        return
    plan, missing = study.cut, study.missing()
    design = study.design
    cells = len({run.cell.cell for run in plan.runs})
    aside = "".join(
        [
            f", {plural(design.coinciding, 'combination')} coinciding with others" if design.coinciding else "",
            f", {design.excluded} excluded" if design.excluded else "",
        ]
    )
    runs, segments = plural(len(plan.runs), "run"), plural(len(plan.segments), "segment")
    say(f"{study.name}: {plural(cells, 'cell')}{aside}, {runs}, {segments}.")
    if plan.epochs < plan.epochs_run_by_run:
        say(f"Shared beginnings are trained once: {plan.epochs:,} epochs instead of {plan.epochs_run_by_run:,}.")
    if study.adaptive:
        say("More runs follow from decisions that are made while it runs.")
    if not missing:
        say("All segments planned so far are trained.")
        return
    there = f"{len(plan.segments) - len(missing)} of {segments} are trained"
    epochs = sum(plan.segments[one].last_epoch - plan.segments[one].first_epoch + 1 for one in missing)
    say(f"{there}; {len(missing)} with {plural(epochs, 'epoch')} will train:")
    for segment in missing[:SHOWN]:
        say(f"  {study.in_words(segment)}: {study.why(segment)}")
    if len(missing) > SHOWN:
        why = Counter(study.why(segment) for segment in missing[SHOWN:])
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in why.most_common())
        say(f"  and {len(missing) - SHOWN:,} more ({reasons})")
