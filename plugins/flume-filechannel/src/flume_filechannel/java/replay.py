"""The queue that a replay leaves: committed puts minus committed takes, in commit order."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence

from flume_filechannel.java.checkpoint import Checkpoint
from flume_filechannel.java.record import COMMIT, PUT, ROLLBACK, TAKE, Entry

__all__ = ["PointerQueue", "in_order", "replay"]

_COMPACT = 1 << 16


class PointerQueue:
    """Pointers in order, eight bytes each, from which pointers are taken mostly at the head.

    Those taken elsewhere are remembered until the head reaches them, or until there are so many that the
    queue is better written anew. A take of something that is not there yet waits for it.
    """

    def __init__(self, pointers: array[int] | None = None) -> None:
        self._pointers = array("Q") if pointers is None else pointers
        self._head = 0
        self._taken: set[int] = set()
        self._compact_at = _COMPACT

    def put(self, pointers: Iterable[int]) -> None:
        """Append pointers."""
        self._pointers.extend(pointers)

    def take(self, pointers: Iterable[int]) -> None:
        """Remove pointers, wherever they are."""
        queue, taken, head, end = self._pointers, self._taken, self._head, len(self._pointers)
        for each in pointers:
            if head < end and queue[head] == each:
                head += 1
                while taken and head < end and queue[head] in taken:
                    taken.remove(queue[head])
                    head += 1
            else:
                taken.add(each)
        self._head = head
        if (head > _COMPACT and head > len(queue) // 2) or len(taken) > self._compact_at:
            self._compact()

    def waiting(self) -> array[int]:
        """Return what is left, in order. The queue must not be changed afterwards."""
        self._compact()
        return self._pointers

    def _compact(self) -> None:
        rest = self._pointers[self._head :] if self._head else self._pointers
        if self._taken:
            taken, found = self._taken, set[int]()
            kept = array("Q")
            for each in rest:
                if each in taken:
                    found.add(each)
                else:
                    kept.append(each)
            taken -= found
            rest = kept
        self._pointers, self._head = rest, 0
        self._compact_at = max(_COMPACT, len(rest) // 2, 2 * len(self._taken))


def in_order(directories: Sequence[Iterator[Entry]]) -> Iterator[Entry]:
    """Merge the records of several data directories by write-order id.

    The files of one directory are written one after the other, so only the directories need merging. Where
    old versions gave an id twice, puts and takes come before commits, as `Entry` sorts.
    """
    return directories[0] if len(directories) == 1 else heapq.merge(*directories)


def replay(
    entries: Iterable[Entry],
    known_files: Collection[int],
    checkpoint: Checkpoint | None = None,
    returning: Sequence[int] = (),
) -> array[int]:
    """Return the pointers of the events that wait, the next one first.

    Takes that were in flight at the checkpoint begin at the head of the queue, in order, and leave it when
    a transaction with them is committed. That is what Java does too, except that it returns them at the end
    of the replay, even those that were rolled back, taken again and committed: we do not repeat those.

    Args:
        entries: the records in write order.
        known_files: ids of the data files that exist; takes from others concern events long gone.
        checkpoint: where to start from; entries up to its id are passed over.
        returning: all pointers of its in-flight takes, in the order in which they return to the head.
    """
    queue, after = PointerQueue(), 0
    puts: dict[int, array[int]] = {}
    takes: dict[int, array[int]] = {}
    if checkpoint is not None:
        after = checkpoint.order
        queue.put(returning)
        queue.put(checkpoint.queue)
        takes = {each: array("Q", pointers) for each, pointers in checkpoint.takes.items()}
        puts = {each: array("Q", pointers) for each, pointers in checkpoint.puts.items()}
    for order, transaction, kind, value in entries:
        if checkpoint is not None and order <= after:
            continue
        if kind == PUT:
            _add(puts, transaction, value)
        elif kind == TAKE:
            if value >> 32 in known_files:
                _add(takes, transaction, value)
        elif kind == COMMIT and value == PUT:
            queue.put(puts.pop(transaction, ()))
        elif kind == COMMIT:
            queue.take(takes.pop(transaction, ()))
        elif kind == ROLLBACK:
            puts.pop(transaction, None)
            takes.pop(transaction, None)
    return queue.waiting()


def _add(open_transactions: dict[int, array[int]], transaction: int, value: int) -> None:
    pointers = open_transactions.get(transaction)
    if pointers is None:
        open_transactions[transaction] = array("Q", (value,))
    else:
        pointers.append(value)
