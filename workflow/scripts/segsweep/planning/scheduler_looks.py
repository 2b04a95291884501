"""Snakemake's scheduler looks at the jobs that are ready when one has ended, not again and again.

After each look Snakemake 9.27 asks for another one, a second later, in case that `--max-jobs-per-timespan` held jobs
back, whether or not it did. That look asks for the next. So each job that ends leaves one look a second more, in a
thread of its own: after some hundred trainings with thousands ready Snakemake takes a core for itself, and in the end
there is no thread left to be had (https://github.com/snakemake/snakemake/issues/3804).
"""

from collections.abc import Callable
from typing import Any

ASKS = "_schedule_reevalutation"  # as Snakemake spells it


def look_again_where_limited(scheduler: type) -> None:
    """Have a scheduler look again only where the limit of jobs in a timespan holds jobs back.

    Args:
        scheduler: Snakemake's class `JobScheduler`. One that does not ask for looks in this way stays as it is.
    """
    ask: Callable[[Any, float], None] | None = getattr(scheduler, ASKS, None)
    if ask is None:
        return

    def ask_where_limited(self: Any, delay_s: float) -> None:
        limit = self.job_rate_limiter
        if limit is None or delay_s != limit.timespan or not limit.get_free_jobs():
            ask(self, delay_s)

    setattr(scheduler, ASKS, ask_where_limited)
