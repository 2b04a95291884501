"""A pruner: says of a good and of a bad trial whether it is pruned, and the same again."""

from segsweep.component_checks.own_component import OwnComponent
from segsweep.errors import InputError

OTHERS = [0.7, 0.6, 0.5]
CURVES = ([0.3, 0.6, 0.8], [0.2, 0.1, 0.1])


def check_pruner(component: OwnComponent) -> str:
    """Ask about a trial ahead of three others and about one behind them, at a rung after three epochs."""
    first, second = (_verdicts(component) for _ in range(2))
    if first != second:
        raise component.problem(
            f"asked twice about the same trials it says {first}, then {second}",
            "Let it depend on what it is given alone: decisions are made again from their results",
        )
    return f"prunes a trial ahead: {first[0]}, one behind: {first[1]}"


def _verdicts(component: OwnComponent) -> list[bool]:
    found = []
    for curve in CURVES:
        best = max(curve)
        with component.calls("prunes", "It gives true where the trial is pruned, else false"):
            try:
                found.append(
                    component.functions.prunes(
                        component.settings, best, OTHERS, False, len(curve), curve, [best, best], [0.7, 0.7]
                    )
                )
            except InputError as error:
                raise component.problem(str(error), "Let it give true where the trial is pruned, else false") from error
    return found
