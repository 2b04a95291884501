# Makes: SCRIPTS, where the programs lie, and the package `segsweep` that can be imported from there.
import sys
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.sourcecache import HostingProviderFile, LocalGitFile, LocalSourceFile


def workflow_folder(rules):
    """The folder `workflow`, with all its files.

    Of a workflow in a Git repository (`github(...)`, `gitlab(...)`, `git+file:...`) Snakemake fetches the files one by
    one that Snakefiles name. Programs import hundreds of others, so the commit is unpacked beside Snakemake's copies, once.
    """
    if isinstance(rules, LocalSourceFile):
        return Path(str(rules)).parent
    if not isinstance(rules, (HostingProviderFile, LocalGitFile)):
        raise WorkflowError(
            f"{rules}: segsweep consists of more than Snakefiles. Name a folder that holds all of it, or a Git "
            "repository: github(...), gitlab(...), git+file:///..."
        )
    # Takes 65 ms to import, which each job would pay that parses this file.
    from git import Repo

    repository = Repo(rules.repo_path) if isinstance(rules, LocalGitFile) else rules.hosted_repo.repo
    commit = repository.commit(rules.ref).hexsha
    inside = Path(rules.path).parent
    target = workflow.sourcecache.cache_path / "segsweep" / commit
    if not target.exists():
        unpack_commit(repository, commit, inside.parent, target)
    return target / inside


def unpack_commit(repository, commit, project, target):
    """Writes what belongs to the workflow in a commit into a folder, at once; another process may do the same."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        unpacked, packed = Path(folder, commit), Path(folder, "commit.tar")
        parts = [str(project / part) for part in ("workflow", "config", "envs", "profiles")]
        repository.git.archive(commit, *parts, format="tar", output=str(packed))
        with tarfile.open(packed) as files:
            files.extraction_filter = getattr(tarfile, "data_filter", None)  # of Python 3.11.4 and later
            files.extractall(unpacked)
        with suppress(OSError):  # it is there by now
            unpacked.rename(target)


SCRIPTS = workflow_folder(workflow.current_basedir) / "scripts"
sys.path.insert(0, str(SCRIPTS))
