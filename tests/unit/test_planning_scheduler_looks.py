"""Snakemake's scheduler asks for another look where the limit of jobs in a timespan holds jobs back, and only there."""

import pytest
from snakemake.scheduling.job_scheduler import JobRateLimiter, JobScheduler
from snakemake.settings.types import MaxJobsPerTimespan

from segsweep.planning.scheduler_looks import ASKS, look_again_where_limited


class Scheduler:
    """What counts of Snakemake's: a limit, and the looks that were asked for."""

    def __init__(self, limit=None):
        self.job_rate_limiter = limit
        self.asked = []

    def _schedule_reevalutation(self, delay):
        self.asked.append(delay)


@pytest.fixture
def scheduler():
    """A class of its own for each test, that looks where limited."""
    own = type("OwnScheduler", (Scheduler,), {})
    look_again_where_limited(own)
    return own


def test_the_pinned_snakemake_asks_in_the_way_that_is_replaced():
    assert callable(getattr(JobScheduler, ASKS))


@pytest.mark.parametrize(("running", "asked"), [(0, []), (2, []), (3, [60])])
def test_a_look_is_asked_for_where_the_limit_is_reached(scheduler, running, asked):
    limit = JobRateLimiter(MaxJobsPerTimespan(3, "1m"))
    limit.register_jobs(running)
    one = scheduler(limit)
    getattr(one, ASKS)(limit.timespan)
    assert one.asked == asked


def test_looks_for_another_reason_are_as_they_were(scheduler):
    limited, unlimited = scheduler(JobRateLimiter(MaxJobsPerTimespan(3, "1m"))), scheduler()
    for one in (limited, unlimited):
        getattr(one, ASKS)(10)  # the wait for inputs of a queue
        assert one.asked == [10]


def test_a_scheduler_of_another_kind_stays_as_it_is():
    other = type("Other", (), {})
    look_again_where_limited(other)
    assert not hasattr(other, ASKS)
