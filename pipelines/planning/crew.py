"""Items shared among threads. Each item writes its own places alone, so no figure depends on how many threads there are.

Compiled loops let go of the interpreter's lock; what they do with an item is item_flow.py's and link_flow.py's business.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

from pipelines.planning.problem import Ints

MOST_THREADS = 8
# Fewer items are solved sooner than threads wake.
WORTH_SHARING_ITEMS = 500
PIECES_PER_THREAD = 4


class Crew:
    """`threads` workers (0: as many as this process may run on), each with work arrays of its own."""

    def __init__(self, threads: int, make_work: Callable[[], Any]) -> None:
        self.threads = threads or min(MOST_THREADS, len(os.sched_getaffinity(0)))
        self.works: SimpleQueue[Any] = SimpleQueue()
        for _ in range(self.threads):
            self.works.put(make_work())

    def run(self, solve: Callable[[Ints, Any], None], items: Ints) -> None:
        """`solve(some of the items, work arrays)` until every item is solved; the first error of any is raised."""
        if self.threads == 1 or len(items) < WORTH_SHARING_ITEMS:
            self._solve(solve, items)
            return
        count = self.threads * PIECES_PER_THREAD
        pieces = [items[i * len(items) // count : (i + 1) * len(items) // count] for i in range(count)]
        try:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(lambda piece: self._solve(solve, piece), pieces))
        except RuntimeError as error:
            if "start new thread" not in str(error):
                raise
            # No memory for another stack: one thread does all, and what was begun is done again.
            self.threads = 1
            self._solve(solve, items)

    def _solve(self, solve: Callable[[Ints, Any], None], items: Ints) -> None:
        work = self.works.get()
        try:
            solve(items, work)
        finally:
            self.works.put(work)
