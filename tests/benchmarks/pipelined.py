"""How busy a search keeps its workers, and how often it keeps the best trial: pipelined, in batches, asynchronously.

Nothing is trained: curves are those of `replay`, and an epoch of a trial takes a time drawn once a trial, log-normal
with SIGMA. All three see the same trials and the same pruner.

- pipelined: this project's decisions, with `at_once` so many times as many as there are workers. Nothing depends on
  which run ends first.
- batches: as many trials as workers, judged when all have come to the rung; the next batch begins when all have ended.
- asynchronous: a worker takes what is next as soon as it is free, and a trial is judged when it comes, by those that
  were there before. What is decided depends on the order in which runs end, and a repetition decides otherwise.
"""

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import replay
from measuring import Row, judged, single

from segsweep.search import pruning
from segsweep.search.decisions import decide

PART = "pipelined search"
SIGMA = 0.5
AHEAD = (3, 2, 1)  # trials under way for each worker; the first is what docs/sweeps.md recommends
TRIALS = 20  # for each worker
SEARCHES = {4: 20, 16: 3}  # by number of workers
ENOUGH = 20  # searches, for a share of them to say something
EPOCHS, RUNGS = 27, {"min_epochs": 3, "eta": 3}
PIPELINED = "pipelined, {} a worker"
PRUNERS = ("none", "hyperband")


@dataclass
class Workers:
    """So many, of which each does one piece of work at a time; their clock, and how long they were busy."""

    number: int
    now: float = 0.0
    busy: float = 0.0
    under_way: list[tuple] = field(default_factory=list)

    @property
    def free(self) -> bool:
        """Whether one has nothing to do."""
        return len(self.under_way) < self.number

    def begin(self, work: tuple, seconds: float) -> None:
        """Let a free one begin."""
        self.busy += seconds
        heapq.heappush(self.under_way, (self.now + seconds, work))

    def next_end(self) -> tuple:
        """Wait for the next piece of work that ends."""
        self.now, work = heapq.heappop(self.under_way)
        return work

    @property
    def use(self) -> float:
        """The share of their time in which they were busy, up to the last end."""
        return self.busy / (self.number * self.now)


class Search:
    """A search of some trials, of which all is known beforehand: settings, curves, seconds an epoch.

    Args:
        workers: how many train at a time.
        pruner: its name.
        seed: of the search, of the noise and of the times.
    """

    def __init__(self, workers: int, pruner: str, seed: int):
        self.scenario = {"trials": TRIALS * workers, "at_once": workers, "epochs": EPOCHS} | RUNGS
        self.study = replay.study_of(self.scenario, {"name": pruner}, seed)
        self.pruner, self.number, self.seed = self.study.sweep.pruner, workers, seed
        self.sizes = pruning.bracket_sizes(self.pruner, EPOCHS)
        # The random sampler looks at no score, so all trials can be had before.
        asked = replay.play(replay.study_of(self.scenario, {"name": "none"}, seed), self._shown)[-1]["trials"]
        curves = [replay.curve(seed, trial["values"], EPOCHS) for trial in asked]
        self.scores, self.truth = [scores for scores, _ in curves], [true for _, true in curves]
        draws = random.Random(f"{seed} times")
        self.seconds = [draws.lognormvariate(0, SIGMA) for _ in asked]

    def _shown(self, item: dict) -> dict:
        return replay.result_of(replay.curve(self.seed, item["set"], EPOCHS)[0], item)

    def pipelined(self, ahead: int) -> tuple[float, bool]:
        """(use of the workers, whether the truly best trial was kept to its end)."""
        study = replay.study_of(self.scenario | {"at_once": ahead * self.number}, {"name": self.pruner.name}, self.seed)
        workers, waiting, trained, shown = Workers(self.number), [], {}, {}
        state = None
        while state is None or not state["done"]:
            if state is not None:
                while not all((item["key"], item["epochs"]) in shown for item in state["awaited"]):
                    while waiting and workers.free:
                        _, _, item = heapq.heappop(waiting)
                        more = item["epochs"] - trained.get(item["key"], 0)
                        trained[item["key"]] = item["epochs"]
                        work = (item["key"], item["epochs"], item)
                        workers.begin(work, more * self.seconds[item["trial"]])
                    key, epochs, item = workers.next_end()
                    shown[key, epochs] = self._shown(item)
            results = {item["key"]: shown[item["key"], item["epochs"]] for item in state["awaited"]} if state else {}
            state = decide(study, state, results)
            for item in state["requested"]:
                heapq.heappush(waiting, (item["due"], item["key"], item))
        while workers.under_way:
            workers.next_end()
        pruned = {trial["trial"] for trial in state["trials"] if trial["status"] == "pruned"}
        return workers.use, self._keeps_best(pruned)

    def asynchronous(self) -> tuple[float, bool]:
        """The same of a search that takes what comes."""
        workers, new = Workers(self.number), iter(range(len(self.scores)))
        at_rungs, pruned = {}, set()
        ready: list[tuple[int, int]] = []  # (trial, epochs that it has)
        while True:
            while workers.free and (work := ready.pop() if ready else self._begun(new)):
                trial, epochs = work
                stop = self._stop(trial, epochs)
                workers.begin((trial, stop), (stop - epochs) * self.seconds[trial])
            if not workers.under_way:
                return workers.use, self._keeps_best(pruned)
            trial, epochs = workers.next_end()
            if epochs < EPOCHS:
                if self._promoted(at_rungs, {trial}, epochs):
                    ready.append((trial, epochs))
                else:
                    pruned.add(trial)

    def batches(self) -> tuple[float, bool]:
        """The same of a search that waits for the slowest of each batch."""
        workers, at_rungs, pruned = Workers(self.number), {}, set()
        for first in range(0, len(self.scores), self.number):
            running = [(trial, 0) for trial in range(first, min(first + self.number, len(self.scores)))]
            while running:
                for trial, epochs in running:
                    stop = self._stop(trial, epochs)
                    workers.begin((trial, stop), (stop - epochs) * self.seconds[trial])
                ended = [workers.next_end() for _ in running]
                running = []
                for epochs in sorted({stop for _, stop in ended if stop < EPOCHS}):
                    here = {trial for trial, stop in ended if stop == epochs}
                    kept = self._promoted(at_rungs, here, epochs)
                    pruned |= here - kept
                    running += [(trial, epochs) for trial in sorted(kept)]
        return workers.use, self._keeps_best(pruned)

    def _begun(self, new: Iterator[int]) -> tuple[int, int] | None:
        trial = next(new, None)
        return None if trial is None else (trial, 0)

    def _stop(self, trial: int, epochs: int) -> int:
        rungs = pruning.rungs(self.pruner, EPOCHS, pruning.bracket_of(trial, self.sizes))
        return next((rung for rung in rungs if rung > epochs), EPOCHS)

    def _promoted(self, at_rungs: dict, here: set[int], epochs: int) -> set[int]:
        """Those of the trials that came to a rung which go on; each bracket by itself."""
        kept = set()
        for bracket in {pruning.bracket_of(trial, self.sizes) for trial in here}:
            own = {trial for trial in here if pruning.bracket_of(trial, self.sizes) == bracket}
            scores = at_rungs.setdefault((bracket, epochs), {})
            scores |= {trial: max(self.scores[trial][:epochs]) for trial in own}
            verdicts, _ = pruning.judge(self.pruner, False, scores, own)
            kept |= {verdict.trial for verdict in verdicts if verdict.promoted}
        return kept

    def _keeps_best(self, pruned: set[int]) -> bool:
        return max(range(len(self.truth)), key=self.truth.__getitem__) not in pruned


def measure(quick: bool) -> list[Row]:
    """Rows for each number of workers, without and with a pruner."""
    rows = []
    for workers, searches in ({4: 2} if quick else SEARCHES).items():
        for pruner in PRUNERS:
            found: dict[str, list[tuple[float, bool]]] = {}
            for seed in range(searches):
                search = Search(workers, pruner, seed)
                for ahead in AHEAD:
                    found.setdefault(PIPELINED.format(ahead), []).append(search.pipelined(ahead))
                found.setdefault("batches", []).append(search.batches())
                found.setdefault("asynchronous", []).append(search.asynchronous())
            rows += _rows(f"{workers} workers, {_named(pruner)}", found)
    return rows


def _named(pruner: str) -> str:
    return "no pruner" if pruner == "none" else pruner


def _rows(where: str, found: dict[str, list[tuple[float, bool]]]) -> list[Row]:
    use = {name: sum(one for one, _ in pairs) / len(pairs) for name, pairs in found.items()}
    kept = {name: sum(one for _, one in pairs) / len(pairs) for name, pairs in found.items()}
    rows = []
    recommended = PIPELINED.format(AHEAD[0])
    for name, wanted in {recommended: ">= 0.95", **dict.fromkeys([*use][1:-1], "")}.items():
        ratio = use[name] / use["asynchronous"]
        what, note = f"{name} / asynchronous, use of {where}", f"mean of {len(found[name])} searches"
        both = [100 * use[one] for one in (name, name, "asynchronous", "asynchronous")]
        rows.append(judged(Row(PART, what, "%", *both, ratio, ratio, 1, wanted, "", note)))
    if "no pruner" not in where and len(found["batches"]) >= ENOUGH:
        shares = ", ".join(f"{name} {100 * share:.0f}" for name, share in kept.items())
        rows.append(single(PART, f"the truly best is kept, {where}", [100 * kept[recommended]], unit="%", note=shares))
    return rows
