"""A lock that a killed Snakemake left behind."""

from pathlib import Path

from segsweep.planning.stale_lock import about_stale_lock


def test_a_lock_of_nobody_is_told_with_its_remedy(tmp_path):
    assert about_stale_lock("demo", tmp_path, {}) == ""
    (tmp_path / "0.input.lock").touch()
    said = about_stale_lock("my/study one.yaml", tmp_path, {})
    assert "snakemake --unlock --config 'study=my/study one.yaml', then the same command again" in said
    assert about_stale_lock("demo", tmp_path, {"20260101-000000-1": Path("results/demo")}) == ""
