"""Calls with arguments that do not fit."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any

import pytest

from swiftxrt._calls import check_call, clear_calls
from swiftxrt.exceptions import RequestError


@clear_calls
class Shop(ABC):
    """A class with methods of all sorts."""

    def sell(self, item: Any, count: int = 1, *, price: float, **details: Any) -> tuple[Any, ...]:
        """Sell.

        Parameters
        ----------
        item : `~astropy.units.Quantity` or Row
            What.
        price : float, optional
            For how much.
        """
        return item, count, price, details

    def close(self) -> str:
        """Nothing is documented."""
        return "closed"

    def order(self, item: Any = None, *, colour: str = "red", colours: int = 1) -> str:
        return f"{item} {colour} {colours}"

    def several(self, *items: Any) -> int:
        return len(items)

    @abstractmethod
    def open(self) -> str: ...

    @property
    def name(self) -> str:
        return "shop"

    @staticmethod
    def hours() -> int:
        return 8

    def _inner(self, item: Any) -> Any:
        return item


class Open(Shop):
    """A class that users see."""

    def open(self) -> str:
        return "open"


SHOP = Open()


def test_calls_that_fit() -> None:
    assert SHOP.sell(1, 2, price=3, x=4) == (1, 2, 3, {"x": 4})
    assert (SHOP.close(), SHOP.order(), SHOP.several(1, 2), SHOP.name, SHOP.hours()) == (
        "closed",
        "None red 1",
        2,
        "shop",
        8,
    )
    assert list(inspect.signature(SHOP.sell).parameters) == ["item", "count", "price", "details"]
    assert "For how much" in (inspect.getdoc(SHOP.sell) or "")
    assert Shop.__abstractmethods__ == {"open"}


@pytest.mark.parametrize(
    ("method", "args", "kwargs", "told"),
    [
        ("sell", (), {"price": 1}, "item: is needed: Quantity or Row"),
        ("sell", (1,), {}, "price: is needed: float"),
        ("sell", (1,), {"price": 1, "item": 2}, "item: is given twice, by its place and by its name"),
        ("sell", (1, 2, 3), {"price": 1}, r"2 arguments can be given without a name \(item: Quantity or Row, count\)"),
        ("close", (5,), {}, "no argument can be given without a name; got 1: 5"),
        ("close", (), {"x": 5}, "x: there is no such argument; there are none"),
        ("order", (1, 2), {}, r"one argument .* \(item\); got 2: 1, 2; give others by name: colour=, colours="),
        ("order", (), {"colr": 1}, "colr: there is no such argument; did you mean 'colour'.; there are item, colour"),
        ("several", (), {"items": 1}, "items: there is no such argument"),
    ],
)
def test_calls_that_do_not_fit(method: str, args: Any, kwargs: Any, told: str) -> None:
    with pytest.raises(RequestError, match=rf"^{method}\(\) cannot be used as given: .*{told}") as caught:
        getattr(SHOP, method)(*args, **kwargs)
    assert "Shop" not in str(caught.value)
    assert caught.value.__suppress_context__
    with pytest.raises(RequestError, match=told):
        check_call(getattr(SHOP, method), args, kwargs)


def test_all_problems_are_told() -> None:
    with pytest.raises(RequestError) as caught:
        SHOP.sell()  # type: ignore[call-arg]
    assert [name for name, _ in caught.value.problems] == ["item", "price"]
    with pytest.raises(RequestError) as caught:
        SHOP.order(x=1, y=2)  # type: ignore[call-arg]
    assert [name for name, _ in caught.value.problems] == ["x", "y"]


def test_long_arguments_are_shortened() -> None:
    with pytest.raises(RequestError) as caught:
        SHOP.close("x" * 9999, "a\n  b")  # type: ignore[call-arg]
    assert len(str(caught.value)) < 200
    assert "'a\\n b'" in str(caught.value)


def test_errors_inside_of_a_method_stay_what_they_are() -> None:
    @clear_calls
    class Broken:
        def call(self) -> None:
            raise TypeError("inside")

    with pytest.raises(TypeError, match="inside"):
        Broken().call()


def test_functions_that_do_not_tell_their_parameters() -> None:
    check_call(SHOP._inner, (1,), {})
    check_call(dict.update, (1, 2, 3), {})  # has no signature
