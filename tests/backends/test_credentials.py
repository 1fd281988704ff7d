"""The registered address: where it is looked for, and that it shows nowhere."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from swiftxrt import SwiftXRTClass, conf
from swiftxrt.backends import credentials
from swiftxrt.backends.credentials import find_user, forget_user, masked, registered_user, store_user
from swiftxrt.exceptions import RequestError, StorageError, SwiftXRTError

USER = "rosalind@example.org"


class FakeKeyring(SimpleNamespace):
    """Stands for the module ``keyring``; `before` runs at each call."""

    def __init__(self, before: Callable[[], Any] = lambda: None, *, keeps: bool = True) -> None:
        super().__init__(kept={}, calls=0, before=before, keeps=keeps)

    def get_password(self, service: str, name: str) -> str | None:
        self.calls += 1
        self.before()
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, password: str) -> None:
        self.before()
        assert type(password) is str  # backends in C take no subclass
        if self.keeps:
            self.kept[service, name] = password

    def delete_password(self, service: str, name: str) -> None:
        self.before()
        del self.kept[service, name]


@pytest.fixture(autouse=True)
def keyring(monkeypatch: pytest.MonkeyPatch) -> FakeKeyring:
    """An empty keyring that works."""
    return use(monkeypatch, FakeKeyring())


def use(monkeypatch: pytest.MonkeyPatch, fake: FakeKeyring | None) -> Any:
    """A keyring, or none, that nobody has asked yet."""
    monkeypatch.setitem(sys.modules, "keyring", fake)
    monkeypatch.setattr(credentials, "_KEYRING", credentials._Keyring())
    return fake


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A keyring that says nothing until this is set."""
    event = threading.Event()
    fake = use(monkeypatch, FakeKeyring(event.wait))
    fake.kept["swiftxrt", "registered address"] = USER
    monkeypatch.setattr(credentials, "_READ_TIMEOUT_S", 0.05)
    monkeypatch.setattr(credentials, "_WRITE_TIMEOUT_S", 0.05)
    yield event
    event.set()


def fail() -> None:
    raise RuntimeError(f"no desktop for {USER}")


# ---------------------------------------------------------------- the four places


def test_order_of_the_places(monkeypatch: pytest.MonkeyPatch) -> None:
    store_user("keyring@example.org")
    assert registered_user() == "keyring@example.org"
    monkeypatch.setenv("SWIFTXRT_USER", " variable@example.org ")
    assert registered_user() == "variable@example.org"
    with conf.set_temp("user", "conf@example.org"):
        assert registered_user() == "conf@example.org"
        assert registered_user("argument@example.org") == "argument@example.org"
        assert registered_user("") == registered_user("  ") == registered_user(None) == "conf@example.org"


def test_keyring_is_asked_last(keyring: FakeKeyring) -> None:
    registered_user(USER)
    assert keyring.calls == 0


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("argument", "the argument user"),
        ("conf", "conf.user"),
        ("variable", "the environment variable SWIFTXRT_USER"),
        ("keyring", "the keyring of the system"),
    ],
)
@pytest.mark.parametrize("address", [USER, "rosalind"])
def test_place_is_named(monkeypatch: pytest.MonkeyPatch, keyring: FakeKeyring, place: str, text: str, address: str):
    if place == "variable":
        monkeypatch.setenv("SWIFTXRT_USER", address)
    if place == "keyring":
        keyring.kept["swiftxrt", "registered address"] = address
    with conf.set_temp("user", address if place == "conf" else ""):
        if address == USER:
            assert find_user(address if place == "argument" else None) == (USER, text)
            return
        with pytest.raises(RequestError, match=f"user: {text} is not an e-mail address"):
            find_user(address if place == "argument" else None)


@pytest.mark.fault_case(90)
def test_nowhere() -> None:
    assert find_user() is None
    with pytest.raises(RequestError) as caught:
        registered_user()
    text = str(caught.value)
    for word in ("https://www.swift.ac.uk/user_objects/register.php", "SwiftXRT(user='...')", "conf.user"):
        assert word in text
    assert "SWIFTXRT_USER" in text
    assert "swiftxrt user set" in text
    assert caught.value.problems[0][0] == "user"


def test_requests_use_it(keyring: FakeKeyring) -> None:
    store_user(USER)
    with SwiftXRTClass() as client:
        assert client._backend.sender == USER
    for bad in ("x@y@z", "nope", 5):
        with pytest.raises(RequestError, match="the argument user"):
            SwiftXRTClass(user=bad)
    assert SwiftXRTClass(user=" ")._backend.sender == USER


# ---------------------------------------------------------------- what is an address, and who sees it


@pytest.mark.fault_case(90)
@pytest.mark.parametrize(
    "address",
    [
        "rosalind", "@example.org", "rosalind@", "rosa@lind@example.org", "rosa lind@example.org", 3, b"a@b",
        f"{USER}\r\nX-Admin: 1", "rosalind\x00@example.org", "rosa\tlind@example.org", "rosa\u2028lind@example.org",
        "rosa\x1b[2Jlind@example.org", f"{'r' * 250}@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address(address: Any) -> None:
    for use_it in (registered_user, store_user):
        with pytest.raises(RequestError, match="one @, text on both sides") as caught:
            use_it(address)
        shown = "".join(traceback.format_exception(caught.value))
        assert not any(part in str(caught.value) for part in ("rosa", "lind", "X-Admin", "rrr"))
        assert USER not in shown


@pytest.mark.parametrize("address", [USER, "o'neil+xrt@sub.example.org", "jürgen@exämple.org", f" {USER}\n"])
def test_what_is_an_address(address: str) -> None:
    assert registered_user(address) == address.strip()


def test_it_does_not_show() -> None:
    store_user(USER)
    for address in (registered_user(), registered_user(USER), find_user().address):
        assert USER not in repr(address)
        assert USER not in repr([address])
    assert USER not in repr(find_user())
    with SwiftXRTClass(user=USER) as client:
        assert USER not in repr(client) + repr(client._backend._service.sender)
        assert USER.encode() not in pickle.dumps(client)


@pytest.mark.parametrize(
    ("address", "shown"), [("you@example.org", "y…@example.org"), ("é@a.b", "é…@a.b"), ("o@b", "o…@b")]
)
def test_masked(address: str, shown: str) -> None:
    assert masked(address) == shown


# ---------------------------------------------------------------- the keyring


def test_stored_found_and_forgotten() -> None:
    assert forget_user() is False
    store_user(f" {USER} ")
    assert registered_user() == USER
    store_user("other@example.org")
    assert registered_user() == "other@example.org"
    assert forget_user() is True
    assert find_user() is None


def test_address_stored_elsewhere_meanwhile_is_found(keyring: FakeKeyring) -> None:
    assert find_user() is None
    keyring.kept["swiftxrt", "registered address"] = USER
    assert registered_user() == USER
    calls = keyring.calls
    assert registered_user() == USER
    assert keyring.calls == calls  # once found it is not asked again


def test_keyring_that_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    fake = use(monkeypatch, FakeKeyring(fail))
    with caplog.at_level(logging.DEBUG, "swiftxrt"):
        assert find_user() is None
        assert find_user() is None
    assert fake.calls == 1
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    assert "RuntimeError" in caplog.text
    assert USER not in caplog.text
    for change, text in ((lambda: store_user(USER), "; set conf.user or the environment"), (forget_user, "$")):
        with pytest.raises(StorageError, match=f"cannot be used .RuntimeError.{text}") as caught:
            change()
        assert USER not in "".join(traceback.format_exception(caught.value))


def test_no_package_for_keyrings(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, None)
    assert find_user() is None
    with pytest.raises(StorageError, match="ModuleNotFoundError"):
        store_user(USER)


def test_keyring_that_hangs(release: threading.Event, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "swiftxrt"):
        assert find_user() is None
        assert find_user() is None  # at once: it is not asked twice
    assert len(caplog.records) == 1
    assert "did not answer within 0.05 s" in caplog.text
    assert sys.modules["keyring"].calls == 1
    # Unlocked too late for that, it is in time for the next request.
    release.set()
    credentials._KEYRING._reading.result(timeout=10)
    assert registered_user() == USER


def test_keyring_that_hangs_keeps_nothing(release: threading.Event) -> None:
    with pytest.raises(StorageError, match="did not answer within 0.05 s"):
        store_user(USER)
    with pytest.raises(StorageError, match="did not answer within 0.05 s"):
        forget_user()


def test_keyring_that_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeKeyring(keeps=False))
    with pytest.raises(StorageError, match="keeps nothing; set conf.user"):
        store_user(USER)


@pytest.mark.parametrize("backend", ["null", "fail"])
def test_backends_without_a_keyring(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "keyring"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", f"keyring.backends.{backend}.Keyring")
    assert find_user() is None
    with pytest.raises(StorageError, match="keeps nothing|NoKeyringError"):
        store_user(USER)


def test_a_keyring_that_hangs_does_not_keep_python_from_ending() -> None:
    program = """
import sys, threading, types
sys.modules["keyring"] = types.SimpleNamespace(get_password=lambda *names: threading.Event().wait())
from swiftxrt.backends import credentials
credentials._READ_TIMEOUT_S = 0.05
assert credentials.find_user() is None
"""
    environment = {name: value for name, value in os.environ.items() if name != "SWIFTXRT_USER"}
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env=environment)


def test_errors_are_ours() -> None:
    assert issubclass(StorageError, SwiftXRTError)
    assert issubclass(RequestError, SwiftXRTError)
