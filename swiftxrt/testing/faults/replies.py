"""Faulty replies: status, redirection and content."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import astropy.units as u

from ._values import http_status, plain
from .plan import Fault, Reply, Request

__all__ = [
    "bad_encoding",
    "bad_json",
    "change_reply",
    "change_texts",
    "empty",
    "encoded",
    "html",
    "redirect",
    "replace_body",
    "status",
]

_PAGE = "<!DOCTYPE html>\n<html><head><title>Maintenance</title></head><body><h1>Back soon</h1></body></html>\n"
_HTML_TYPE = "text/html; charset=UTF-8"


def status(
    code: int,
    text: str = "something is wrong\n",
    *,
    headers: Mapping[str, str] | None = None,
    retry_after: u.Quantity | datetime | None = None,
) -> Fault:
    """Answer with a status, without dealing with the request.

    Parameters
    ----------
    code : int
        HTTP status code.
    text : str, optional
        The body.
    headers : mapping of str to str, optional
        Further headers.
    retry_after : `~astropy.units.Quantity` or `~datetime.datetime`, optional
        When to come again, as a time from now or as a date.
    """
    sent = {"Content-Type": "text/plain; charset=UTF-8", **(headers or {})}
    if isinstance(retry_after, datetime):
        sent["Retry-After"] = format_datetime(retry_after.astimezone(UTC), usegmt=True)
    elif retry_after is not None:
        sent["Retry-After"] = f"{plain('retry_after', retry_after, u.s):.0f}"
    return _instead(f"status {code}", text.encode(), sent, status=code)


def redirect(to: str | None = None, *, status: int = 302) -> Fault:
    """Send the client elsewhere, without dealing with the request.

    Parameters
    ----------
    to : str, optional
        An address, such as one of another host, or ``"file:///etc/passwd"``. By
        default the address that was asked for: the client goes round in a
        circle, or, if the fault strikes only once, comes back and succeeds.
    status : int, optional
        HTTP status code.
    """
    http_status(status)

    def change(request: Request, reply: Reply) -> Reply:
        return Reply(status, (("Location", request.target if to is None else to),), delay_s=reply.delay_s)

    return Fault("redirect", change, processed=False)


def empty(status: int = 200) -> Fault:
    """Answer with an empty body, without dealing with the request.

    Parameters
    ----------
    status : int, optional
        HTTP status code.
    """
    return _instead("empty", b"", {"Content-Type": _HTML_TYPE}, status=status)


def html(text: str = _PAGE, *, status: int = 200) -> Fault:
    """Answer with a page for people, without dealing with the request.

    Parameters
    ----------
    text : str, optional
        The page.
    status : int, optional
        HTTP status code.
    """
    return _instead("html", text.encode(), {"Content-Type": _HTML_TYPE}, status=status)


def _instead(name: str, body: bytes, headers: Mapping[str, str], *, status: int) -> Fault:
    """A fault whose reply does not depend on the request."""
    fixed = tuple(headers.items())
    http_status(status)
    return Fault(name, lambda request, reply: Reply(status, fixed, body, delay_s=reply.delay_s), processed=False)


def replace_body(body: bytes, *, media_type: str | None = None) -> Fault:
    """Send something else than what the server answered.

    Parameters
    ----------
    body : bytes
        The body.
    media_type : str, optional
        Its ``Content-Type``; that of the server's reply by default.
    """
    headers = {} if media_type is None else {"Content-Type": media_type}
    return Fault("replace body", lambda request, reply: replace(reply.with_headers(headers), body=body, length=None))


def bad_json(kept: float = 0.5) -> Fault:
    """Cut the text of a reply, but send it correctly.

    Parameters
    ----------
    kept : float, optional
        The part that is kept.
    """
    return Fault("bad JSON", lambda request, reply: replace(reply, body=reply.body[: int(kept * len(reply.body))]))


def change_reply(function: Callable[[Any], Any]) -> Fault:
    """Change what a JSON reply says; other replies stay.

    Parameters
    ----------
    function : callable
        Gets the content, decoded, which it may change, and returns the new one.
    """

    def change(request: Request, reply: Reply) -> Reply:
        try:
            content = json.loads(reply.body)
        except (ValueError, RecursionError):
            return reply
        return replace(reply, body=json.dumps(function(content)).encode())

    return Fault("change reply", change)


def change_texts(function: Callable[[str], str], *, keys: bool = False) -> Fault:
    """Change all texts in a JSON reply; other replies stay.

    Parameters
    ----------
    function : callable
        Gets a text and returns the new one.
    keys : bool, optional
        Whether the names of the values are texts too.
    """

    def changed(value: Any) -> Any:
        if isinstance(value, str):
            return function(value)
        if isinstance(value, list):
            return [changed(item) for item in value]
        if isinstance(value, dict):
            return {function(key) if keys else key: changed(item) for key, item in value.items()}
        return value

    return replace(change_reply(changed), name="change texts")


def encoded() -> Fault:
    """Send the body compressed, and say so: what a client must undo."""

    def change(request: Request, reply: Reply) -> Reply:
        return replace(reply.with_headers({"Content-Encoding": "gzip"}), body=gzip.compress(reply.body, mtime=0))

    return Fault("encoded", change)


def bad_encoding(name: str = "gzip", *, damaged: bool = False) -> Fault:
    """Say that the body is compressed, though it is not.

    Parameters
    ----------
    name : str, optional
        The encoding it claims to have.
    damaged : bool, optional
        Whether the body is compressed with gzip, but cannot be unpacked to its end.
    """

    def change(request: Request, reply: Reply) -> Reply:
        packed = gzip.compress(reply.body, mtime=0)
        body = packed[: len(packed) // 2] + b"damaged" if damaged else reply.body
        return replace(reply.with_headers({"Content-Encoding": name}), body=body)

    return Fault("bad encoding", change)
