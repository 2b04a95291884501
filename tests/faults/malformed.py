"""Malformed inputs, generated: each a small change of a valid one, with the kind of answer that it must get."""

from collections.abc import Iterator

from tests.faults.cases import Case
from tests.faults.malformed_data import DataCase, data_cases
from tests.faults.malformed_results import result_cases
from tests.faults.malformed_settings import setting_cases
from tests.faults.malformed_studies import study_cases
from tests.faults.malformed_tables import table_cases


def cases() -> Iterator[Case | DataCase]:
    """All of them, in a fixed order."""
    yield from setting_cases()
    yield from study_cases()
    yield from table_cases()
    yield from result_cases()
    yield from data_cases()
