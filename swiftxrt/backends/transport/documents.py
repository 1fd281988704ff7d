"""Replies in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..._atomic import atomic_path
from ..._log import log
from ...exceptions import ProtocolError, StorageError
from ...wire.envelope import redact
from .encodings import as_text, gist, is_page
from .replies import Reply, body_of

__all__ = ["document"]

_EXCERPT = 300


def document(reply: Reply, keep: Path | None = None) -> Any:
    """The content of a reply, without the address of who asked.

    Numbers that are none (``NaN``, ``Infinity``) are accepted, and of keys that
    stand twice the last one counts, as most readers of JSON do it.

    Parameters
    ----------
    reply : Reply
        The reply.
    keep : Path, optional
        Where its body is written, as it came, before anything is made of it.
        If it cannot be written, which is logged, the reply is still used.

    Raises
    ------
    ServiceUnavailableError
        If it breaks off.
    ProtocolError
        If it is not JSON.
    """
    user = reply.asked.user
    text = as_text(_kept(body_of(reply), keep), reply.headers.get("Content-Type", ""))
    if "@" in user:  # another name could be a word of any reply
        text = redact(text, user)
    if not text.strip():
        raise _unreadable(reply, "with an empty reply", text)
    if is_page(text):
        said = gist(text)
        raise _unreadable(reply, f"with a web page{f' ({said})' if said else ''}", text)
    try:
        content = json.loads(text, object_pairs_hook=_checked)
    except ValueError as error:
        # Without the error that json raises, which holds the whole text.
        raise _unreadable(reply, f"with something that is not JSON ({_place(error)})", text) from None
    except RecursionError:
        raise _unreadable(reply, "with JSON that is nested too deep", text) from None
    return _without(content, user) if "\\u0040" in text and "@" in user else content


def _kept(body: bytes, path: Path | None) -> bytes:
    """The same, written to a file if one is named."""
    if path is not None:
        try:
            with atomic_path(path, overwrite=True) as temporary:
                temporary.write_bytes(body)
        except StorageError as error:
            # A reply that exists only once would be lost with it.
            log.warning("a reply is not kept: %s", error)
    return body


def _checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = sorted({key for key in keys if keys.count(key) > 1}) if len(keys) < 1000 else ["of a long list"]
        log.warning("a reply says these more than once, the last one counts: %.200s", ", ".join(twice))
    return found


def _without(content: Any, user: str) -> Any:
    """The same without an address that was written in escapes, so that it did not show before."""
    if isinstance(content, str):
        return redact(content, user)
    if isinstance(content, list):
        return [_without(item, user) for item in content]
    if isinstance(content, dict):
        return {redact(key, user): _without(item, user) for key, item in content.items()}
    return content


def _place(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, character {error.pos}"
    return "a number has too many digits"


def _unreadable(reply: Reply, what: str, text: str) -> ProtocolError:
    return ProtocolError(
        f"{reply.asked.url} answered {what}",
        advice="the service may be under maintenance: try again later",
        url=reply.asked.url,
        status=reply.status,
        payload_excerpt=redact(text[: 10 * _EXCERPT], reply.asked.user)[:_EXCERPT],
    )
