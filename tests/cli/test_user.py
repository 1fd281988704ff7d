"""``swiftxrt user``: the registered address in the keyring."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from swiftxrt.backends import credentials
from swiftxrt.cli.main import main

USER = "you@example.org"


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """What is in a keyring of our own."""
    entries: dict[tuple[str, str], str] = {}
    fake = SimpleNamespace(
        get_password=lambda *key: entries.get(key),
        set_password=lambda service, name, value: entries.update({(service, name): value}),
        delete_password=lambda *key: entries.pop(key),
    )
    monkeypatch.setitem(sys.modules, "keyring", fake)
    monkeypatch.setattr(credentials, "_KEYRING", credentials._Keyring())
    return entries


def typed(monkeypatch: pytest.MonkeyPatch, text: str, *, terminal: bool = False) -> None:
    stream = io.StringIO(text)
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stdin", stream)


@pytest.mark.parametrize("terminal", [True, False])
def test_set_show_forget(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kept: dict, terminal: bool
) -> None:
    typed(monkeypatch, f"{USER}\n", terminal=terminal)
    assert main(["user", "set"]) == 0
    assert list(kept.values()) == [USER]
    assert main(["user", "show"]) == 0
    assert main(["user", "forget"]) == 0
    assert kept == {}
    assert main(["user", "forget"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "y…@example.org is in the keyring of the system.",
        "y…@example.org, from the keyring of the system",
        "Removed from the keyring of the system.",
        "The keyring of the system has no address.",
    ]
    assert ("register.php" in said.err) is terminal
    assert USER not in said.out + said.err


def test_another_place_comes_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SWIFTXRT_USER", "me@example.com")
    typed(monkeypatch, USER)
    assert main(["user", "set"]) == 0
    assert main(["user", "show"]) == 0
    said = capsys.readouterr()
    assert "the environment variable SWIFTXRT_USER has an address, m…@example.com, and comes first" in said.err
    assert said.out.splitlines()[-1] == "m…@example.com, from the environment variable SWIFTXRT_USER"


@pytest.mark.parametrize("text", ["", "\n", "you\n", "you@example.org them@example.org\n"])
def test_what_cannot_be_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kept: dict, text: str
) -> None:
    typed(monkeypatch, text)
    assert main(["user", "set"]) == 1
    assert "not an e-mail address" in capsys.readouterr().err
    assert kept == {}


def test_nothing_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["user", "show"]) == 1
    said = capsys.readouterr().err
    assert "Register once at" in said
    assert "'swiftxrt user set'" in said


def test_keyring_that_cannot_be_used_is_not_recommended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert main(["user", "show"]) == 1
    said = capsys.readouterr().err
    assert "user set" not in said
    assert "the keyring of the system cannot be used here" in said


@pytest.mark.parametrize("arguments", [["user"], ["user", "set", USER], ["user", "tell"]])
def test_not_on_the_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
