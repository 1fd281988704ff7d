"""Who may use the server, and what it keeps of them."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import pytest

from swiftxrt.exceptions import RequestError, ServerStartError
from swiftxrt.server.users import UserRegistry, owner_key

KEY = bytes(range(32))


def test_registered_addresses_only_in_any_case() -> None:
    users = UserRegistry(["Someone@Example.org"], key=KEY)
    assert users.owner(" someone@EXAMPLE.org ") == users.owner("Someone@Example.org") is not None
    assert users.owner("else@example.org") is None


def test_anybody_may_come_where_nobody_is_registered() -> None:
    users = UserRegistry(key=KEY)
    assert users.owner("one@example.org") != users.owner("two@example.org")


@pytest.mark.parametrize(
    "address",
    [None, 5, True, [], {}, "", "NO-ONE", "@", "a@", "@b", "a b@c", "a@b\n", "a\0@b", "\ud800@b", "a" * 300 + "@b.org"],
)
def test_what_is_no_address_is_nobody(address: object) -> None:
    expected = address == "a@b\n"  # white space around an address is not part of it
    assert (UserRegistry(key=KEY).owner(address) is not None) == expected


def test_the_name_of_an_owner_depends_on_the_key() -> None:
    one, two = (UserRegistry(key=bytes([number]) * 32).owner("a@b.org") for number in (1, 2))
    assert one != two
    assert UserRegistry(key=KEY).owner("a@b.org") == UserRegistry(["a@b.org"], key=KEY).owner("a@b.org")
    assert UserRegistry().owner("a@b.org") != UserRegistry().owner("a@b.org")


def test_key_is_kept_and_secret(tmp_path: Path) -> None:
    key = owner_key(tmp_path)
    assert len(key) == 32
    assert owner_key(tmp_path) == key
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == key


def test_damaged_key_is_not_replaced_in_silence(tmp_path: Path) -> None:
    owner_key(tmp_path)
    (tmp_path / "owner.key").write_bytes(b"short")
    with pytest.raises(ServerStartError, match="damaged"):
        owner_key(tmp_path)
    with pytest.raises(ServerStartError, match="cannot be kept"):
        owner_key(tmp_path / "nothing")


def test_file_is_read_again_when_it_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "users.txt"
    file.write_text("# our group\nOne@example.org  # since May\n\ntwo#2@example.org\n")
    users = UserRegistry(["given@example.org"], file=file, key=KEY)
    known = ["one@example.org", "two#2@example.org", "given@example.org", "three@example.org"]
    assert [users.owner(address) is not None for address in known] == [True, True, True, False]
    file.write_text("three@example.org\n")
    assert [users.owner(address) is not None for address in known] == [False, False, True, True]
    # A mistake changes nothing, and does not open the server to everybody.
    file.write_text("three@example.org\nfour at example.org\n")
    with caplog.at_level(logging.ERROR, "swiftxrt"):
        assert [users.owner(address) is not None for address in known] == [False, False, True, True]
    assert "four at example.org" in caplog.text
    file.unlink()
    assert [users.owner(address) is not None for address in known] == [False, False, True, True]
    file.write_text("")
    assert [users.owner(address) is not None for address in known] == [False, False, True, False]


def test_an_empty_file_lets_nobody_in(tmp_path: Path) -> None:
    file = tmp_path / "users.txt"
    file.write_text("# nobody yet\n")
    assert UserRegistry(file=file, key=KEY).owner("one@example.org") is None


def test_unchanged_file_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "users.txt"
    file.write_text("one@example.org\n")
    users = UserRegistry(file=file, key=KEY)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: pytest.fail("read again"))
    assert users.owner("one@example.org") is not None
    assert users.owner("two@example.org") is None


@pytest.mark.parametrize(("content", "text"), [("no address\n", "e-mail"), (None, "cannot be read"), (b"\xff", "read")])
def test_bad_file_stops_the_start(tmp_path: Path, content: object, text: str) -> None:
    file = tmp_path / "users.txt"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RequestError, match=text):
        UserRegistry(file=file)
    with pytest.raises(RequestError, match="e-mail"):
        UserRegistry(["me"])
