"""Whose turn it is."""

from __future__ import annotations

from collections import Counter, deque

from hypothesis import given
from hypothesis import strategies as st

from swiftxrt.backends.local.queue import FairQueue, Task
from swiftxrt.kinds import ProductKind as Kind


def filled(*owners: str) -> FairQueue:
    queue = FairQueue()
    for number, owner in enumerate(owners):
        queue.put(owner, Task(str(number), Kind.IMAGE))
    return queue


def drained(queue: FairQueue) -> list[tuple[str, str]]:
    taken = []
    while (turn := queue.take()) is not None:
        owner, task = turn
        taken.append((owner, task.job_id))
    return taken


def test_owners_take_turns_and_wait_in_line() -> None:
    queue = filled("a", "a", "a", "b", "c", "b")
    assert len(queue) == 6
    assert drained(queue) == [("a", "0"), ("b", "3"), ("c", "4"), ("a", "1"), ("b", "5"), ("a", "2")]
    assert queue.take() is None
    assert not queue


def test_newcomer_waits_for_one_product_of_each() -> None:
    queue = filled(*"aaaaaaaabbbbbbbb")
    assert queue.take() == ("a", Task("0", Kind.IMAGE))
    queue.put("c", Task("new", Kind.IMAGE))
    assert [owner for owner, _ in drained(queue)][:3] == ["b", "a", "c"]


def test_first_in_line() -> None:
    queue = filled("a", "a", "b")
    queue.put("a", Task("again", Kind.IMAGE), first=True)
    assert [job for owner, job in drained(queue) if owner == "a"] == ["again", "0", "1"]


def test_drop() -> None:
    queue = filled("a", "a", "b")
    queue.drop("a", "0", Kind.IMAGE)
    queue.drop("a", "1", Kind.SPECTRUM)
    queue.drop("b", "2", Kind.IMAGE)
    queue.drop("nobody", "0", Kind.IMAGE)
    assert len(queue) == 1
    assert drained(queue) == [("a", "1")]


@given(st.lists(st.one_of(st.sampled_from("abcd"), st.none()), max_size=60))
def test_nothing_is_lost_and_nobody_waits_longer_than_a_round(actions: list[str | None]) -> None:
    """Letters put a product of that owner, `None` takes one."""
    queue, lines = FairQueue(), {owner: deque() for owner in "abcd"}
    passed_over: Counter[str] = Counter()
    for number, action in enumerate([*actions, *[None] * len(actions)]):
        if action is not None:
            queue.put(action, Task(str(number), Kind.IMAGE))
            lines[action].append(str(number))
            continue
        waiting = {owner for owner, line in lines.items() if line}
        turn = queue.take()
        assert (turn is None) is (not waiting)
        if turn is not None:
            owner, task = turn
            assert task.job_id == lines[owner].popleft()
            passed_over.update(waiting)
            passed_over[owner] = 0
            assert max(passed_over.values()) < len(lines)
    assert len(queue) == sum(map(len, lines.values())) == 0
