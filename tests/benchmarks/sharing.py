"""Time of push, pull, status and clean-up for many segments, with a folder as remote.

python tests/benchmarks/sharing.py [--segments 10000] [--kilobytes 20] [--folder DIR]

The segments are small, so this is what the bookkeeping costs; the bytes of real ones come on top at the speed of the
network and disks.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "workflow" / "scripts"))

from segsweep.store.clean_up import find_waste, plans_to_serve
from segsweep.store.remote import Remote
from segsweep.store.segment_store import SegmentStore
from segsweep.store.shared_segments import listing, pull, push
from tests.segments import segment_plan, study_plan, write_segment


def make_segments(store: Path, count: int, kilobytes: int) -> list[str]:
    """Complete segments with five files each."""
    names = [f"{number:016x}-{30:04d}" for number in range(count)]
    for name in names:
        folder = store / name
        folder.mkdir(parents=True)
        for file in ("last.pt", "weights-0001.pt"):
            (folder / file).write_bytes(os.urandom(kilobytes * 500))
        (folder / "epochs.csv").write_text("epoch,val/miou\n1,0.5\n")
        (folder / "images.csv").write_text("image,miou\na,0.5\n")
        write_segment(store, name)
    return names


def sizes(store: SegmentStore) -> list[int]:
    """Bytes of all complete segments."""
    return [store.bytes(segment) for segment in store.complete]


def main() -> None:
    """Make segments, move them, print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, default=10_000)
    parser.add_argument("--kilobytes", type=int, default=20, help="of a segment (default: 20)")
    parser.add_argument("--folder", help="where to work (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        mine, theirs = Path(folder, "mine"), Path(folder, "theirs")
        names = make_segments(mine / "segments", options.segments, options.kilobytes)
        (mine / "study").mkdir()
        (mine / "study" / "plan.json").write_text(study_plan(*map(segment_plan, names[::2])).text())
        from dvc_objects.fs import localfs

        remote = Remote(localfs, str(Path(folder, "remote")), "a folder")
        steps = {
            "push, all new": lambda: push(mine / "segments", remote),
            "push, nothing new": lambda: push(mine / "segments", remote),
            "status": lambda: (
                listing(remote),
                sizes(SegmentStore(mine / "segments")),
            ),
            "pull, all new": lambda: pull(theirs / "segments", remote),
            "pull, nothing new": lambda: pull(theirs / "segments", remote),
            "clean-up, listing": lambda: find_waste(mine / "segments", plans_to_serve(mine).values()),
        }
        print(f"{options.segments:,} segments of {options.kilobytes} kB, remote: a folder on the same disk")
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            print(f"{name:20} {time.perf_counter() - began:8.2f} s")
        assert set(SegmentStore(theirs / "segments").complete) == set(names)


if __name__ == "__main__":
    main()
