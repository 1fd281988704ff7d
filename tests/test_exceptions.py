"""Errors and warnings."""

from __future__ import annotations

import inspect
import pickle
import warnings

import pytest
from astropy.utils.exceptions import AstropyUserWarning

from swiftxrt import exceptions
from swiftxrt.exceptions import (
    FormatError,
    JobError,
    JobTimeoutError,
    ProductNotAvailableError,
    RequestError,
    RequestRejectedError,
    ServiceError,
    ServiceWarning,
    SwiftXRTError,
    SwiftXRTWarning,
    warn,
)

CLASSES = [cls for _, cls in inspect.getmembers(exceptions, inspect.isclass) if cls.__module__ == exceptions.__name__]


def test_all_classes_are_public_and_in_the_tree():
    assert {cls.__name__ for cls in CLASSES} | {"warn"} >= set(exceptions.__all__)
    assert {cls.__name__ for cls in CLASSES} == set(exceptions.__all__) - {"warn"}
    for cls in CLASSES:
        assert issubclass(cls, SwiftXRTWarning if issubclass(cls, Warning) else SwiftXRTError)


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("RequestError", ValueError),
        ("IdentifierError", ValueError),
        ("NoDataError", LookupError),
        ("ProductNotAvailableError", LookupError),
        ("FormatError", OSError),
        ("OutputExistsError", FileExistsError),
        ("ServerStartError", OSError),
        ("JobTimeoutError", TimeoutError),
        ("SwiftXRTWarning", AstropyUserWarning),
    ],
)
def test_builtin_that_catches_it(name, builtin):
    assert issubclass(getattr(exceptions, name), builtin)


@pytest.mark.parametrize(
    "error",
    [
        RequestError("one thing"),
        RequestError([("a", "is bad"), ("", "too many")], "Target"),
        FormatError("no EVENTS", "x.evt"),
        FormatError("no EVENTS"),
        ProductNotAvailableError("enhanced position", "no UVOT data"),
        ServiceError("down", url="https://example.org", status=500, payload_excerpt="<html>"),
        RequestRejectedError("no", problems=[("target.name", "is needed")], url="u"),
        JobError("ended", job_id="12", report={"a": 1}),
        JobTimeoutError("late", job_id="12"),
        exceptions.NoDataError("nothing left"),
        exceptions.NotRegisteredError("who", status=200),
    ],
    ids=lambda error: type(error).__name__,
)
def test_pickling_keeps_everything(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_message_of_one_problem():
    assert str(RequestError("no unit")) == "no unit"
    assert str(RequestError([("hours", "no unit")])) == "hours: no unit"
    assert (
        str(RequestError([("hours", "no unit")], "FirstHours")) == "FirstHours cannot be used as given: hours: no unit"
    )


def test_message_of_several_problems():
    error = RequestError([("a", "is bad"), ("", "too many")], "Target")
    assert str(error) == "Target cannot be used as given:\n* a: is bad\n* too many"
    assert error.problems == (("a", "is bad"), ("", "too many"))
    assert str(RequestError([("a", "x"), ("b", "y")])).startswith("Several problems:\n* a: x")


def test_path_is_part_of_the_message():
    error = FormatError("no EVENTS", "x.evt")
    assert (str(error), error.path, error.reason) == ("x.evt: no EVENTS", "x.evt", "no EVENTS")


def test_warning_points_at_the_caller():
    def library_function():
        warn("mind this", ServiceWarning)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        library_function()
    assert caught[0].category is ServiceWarning
    assert caught[0].filename == __file__
    assert caught[0].lineno == inspect.currentframe().f_lineno - 3


def test_parts_of_errors_hold_no_control_characters():
    nasty = "name \x1b[2J of a file"
    made = exceptions.RequestError([(nasty, nasty)]), exceptions.FormatError(nasty), exceptions.StorageError(nasty)
    texts = [*made[0].problems[0], made[1].reason, made[2].reason]
    assert not [text for text in texts if "\x1b" in text]
