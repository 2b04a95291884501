"""Packs: several missing segments for one job, so that the cost of a job is paid once for all of them."""

import json
from collections.abc import Collection, Container, Mapping
from pathlib import Path

from segsweep.hashing import short_hash
from segsweep.io import read_json_or_none


def pack_up(parents: Mapping[str, str | None], size: int) -> dict[str, list[str]]:
    """Put segments into packs of at most `size`.

    Segments that continue each other stay together, parents first; a tree of more than `size` segments is cut
    into consecutive packs of its own. So packs never wait for each other in a circle.

    Args:
        parents: id of each missing segment: id of its parent, missing or not, or None.
        size: most segments in a pack.

    Returns:
        name of a pack: its segments. The name is a hash of them.
    """
    packs: list[list[str]] = []
    open_pack: list[str] = []
    for tree in trees(parents):
        if len(tree) > size:
            packs += [tree[start : start + size] for start in range(0, len(tree), size)]
            continue
        if len(open_pack) + len(tree) > size:
            packs.append(open_pack)
            open_pack = []
        open_pack = open_pack + tree
    if open_pack:
        packs.append(open_pack)
    return {name_of(pack): pack for pack in packs}


def trees(parents: Mapping[str, str | None]) -> list[list[str]]:
    """Segments that hang together through their parents, each list with parents before children."""
    children: dict[str, list[str]] = {}
    roots = []
    for segment, parent in parents.items():
        if parent in parents:
            children.setdefault(parent, []).append(segment)
        else:
            roots.append(segment)
    found = []
    for root in roots:
        tree, waiting = [], [root]
        while waiting:
            segment = waiting.pop()
            tree.append(segment)
            waiting += reversed(children.get(segment, []))
        found.append(tree)
    return found


def name_of(segments: Collection[str]) -> str:
    """Name of a pack: 12 hexadecimal digits."""
    return short_hash(segments, 12)


def remembered(path: Path, packs: Mapping[str, list[str]], complete: Container[str]) -> str:
    """Text of the file from which nodes read the packs.

    A job that is queued needs its pack as it was when it was submitted, whatever has been planned since: packs
    stay in the file until all of their segments are trained.
    """
    kept = {name: pack for name, pack in read_packs(path).items() if not all(one in complete for one in pack)}
    return json.dumps(kept | dict(packs))


def read_packs(path: Path) -> dict[str, list[str]]:
    """The packs that a file of `remembered` holds; none where there is no such file."""
    former = read_json_or_none(path)
    if not isinstance(former, dict):
        return {}
    return {name: pack for name, pack in former.items() if isinstance(pack, list)}
