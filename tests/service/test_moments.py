"""Answers that are good for a moment: made once for many, whoever goes away meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from api.moments import MOMENT, Moments


def test_many_who_ask_at_once_are_told_what_one_was_told() -> None:
    async def asked() -> None:
        moments, make, made = Moments(), *_counting()
        assert set(await asyncio.gather(*(moments.get("a", make) for _ in range(50)))) == {b"1"}
        assert await moments.get("b", make) == b"2", "another name is another answer"
        assert made() == 2

    asyncio.run(asked())


def test_an_answer_is_made_anew_after_a_moment() -> None:
    async def asked() -> None:
        moments, make, _ = Moments(), *_counting()
        assert await moments.get("a", make) == b"1"
        await asyncio.sleep(MOMENT * 1.5)
        assert await moments.get("a", make) == b"2"

    asyncio.run(asked())


def test_whoever_goes_away_takes_nothing_from_those_who_wait() -> None:
    async def asked() -> None:
        moments, make, made = Moments(), *_counting()
        first = asyncio.create_task(moments.get("a", make))
        await asyncio.sleep(0)
        others = [asyncio.create_task(moments.get("a", make)) for _ in range(3)]
        await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.gather(*others) == [b"1"] * 3
        assert made() == 1

    asyncio.run(asked())


def test_what_goes_wrong_is_told_to_all_who_asked_and_is_not_kept() -> None:
    async def asked() -> None:
        moments, make, _ = Moments(), *_counting()

        async def fails() -> bytes:
            await asyncio.sleep(0.01)
            raise ValueError("gone")

        found = await asyncio.gather(
            *(moments.get("a", fails) for _ in range(3)), return_exceptions=True
        )
        assert [str(one) for one in found] == ["gone"] * 3
        with pytest.raises(ValueError, match="gone"):
            await moments.get("a", fails)
        assert await moments.get("a", make) == b"1"

    asyncio.run(asked())


def _counting() -> tuple[Callable[[], Coroutine[Any, Any, bytes]], Callable[[], int]]:
    """Return what makes an answer, and what tells how many it has made."""
    made = 0

    async def make() -> bytes:
        nonlocal made
        made += 1
        number = made
        await asyncio.sleep(0.01)
        return b"%d" % number

    return make, lambda: made
