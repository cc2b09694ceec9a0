"""In which order cases are solved: each as soon as what it starts from has its answer."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator

from allocator.batch.asked import Asked, Batch
from allocator.batch.neighbours import BASE

Node = tuple[int, int, int]
"""What others start from: instance, seed, point (or `BASE`)."""
Base = tuple[int, int]
"""Where nothing is varied: instance and seed."""


class Coming:
    """Cases to come; none while those that are left wait for an answer.

    Parameters
    ----------
    batch
        What is asked.
    todo
        Cases without an answer.
    done
        Numbers of those with one.
    has_start
        Tells whether a plan to start from is kept, by its name.
    """

    def __init__(
        self,
        batch: Batch,
        todo: Iterable[Asked],
        done: Collection[int],
        has_start: Callable[[str], bool],
    ) -> None:
        neighbours = batch.neighbours
        self.hubs = frozenset(neighbours.hubs)
        """Points that others start from."""
        self.names: dict[str, Base] = {}
        """Bases that are solved, by the name of their plan."""
        self._ready: deque[Asked] = deque()
        self._waiting: dict[Node, list[Asked]] = {}
        settled: dict[Node, bool] = {}
        for asked in todo:
            parent = neighbours.parents[asked.point]
            node = asked.instance, asked.seed, parent
            if node not in settled:
                name = name_of(*node)
                settled[node] = (
                    has_start(name)
                    if parent == BASE
                    else batch.sibling(asked, parent).number in done
                )
                if parent == BASE and not settled[node]:
                    self.names[name] = asked.instance, asked.seed
            if settled[node]:
                self._add(asked)
            else:
                self._waiting.setdefault(node, []).append(asked)
        self._bases = deque(self.names.values())
        self.bases = len(self.names)
        """How many bases are solved."""

    def __iter__(self) -> Iterator[Asked | Base | None]:
        while self._bases or self._ready or self._waiting:
            if self._bases:
                yield self._bases.popleft()
            else:
                yield self._ready.popleft() if self._ready else None

    def settle(self, instance: int, seed: int, point: int) -> bool:
        """Let go what waits for an answer that is there now; tell whether anything did."""
        released = self._waiting.pop((instance, seed, point), [])
        for asked in released:
            self._add(asked)
        return bool(released)

    def _add(self, asked: Asked) -> None:
        """Put a case in line, those that others wait for in front."""
        if asked.point in self.hubs:
            self._ready.appendleft(asked)
        else:
            self._ready.append(asked)


def name_of(instance: int, seed: int, point: int) -> str:
    """Return the name of a plan that others start from."""
    return f"{instance}-{seed}-{'base' if point == BASE else point}"
