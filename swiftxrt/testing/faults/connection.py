"""Faults of connections: time, breaks, lengths and headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import astropy.units as u

from ...exceptions import RequestError
from ._values import plain
from .plan import Fault, Reply, Request

__all__ = [
    "delay",
    "drip",
    "duplicate_headers",
    "huge_headers",
    "longer",
    "lose_reply",
    "never_answer",
    "reset",
    "reset_in_body",
    "set_headers",
    "stall",
    "truncate",
    "wrong_length",
]


def delay(time: u.Quantity) -> Fault:
    """Let the client wait; the server has dealt with the request by then.

    Parameters
    ----------
    time : `~astropy.units.Quantity`, time
        How long.
    """
    seconds = plain("time", time, u.s)
    return Fault("delay", lambda request, reply: replace(reply, delay_s=reply.delay_s + seconds))


def drip(rate: u.Quantity, *, head: bool = False) -> Fault:
    """Send the reply slowly.

    Parameters
    ----------
    rate : `~astropy.units.Quantity`
        Such as ``1 * u.byte / u.s``.
    head : bool, optional
        Whether status and headers are slow too.
    """
    per_second = plain("rate", rate, u.byte / u.s)
    if per_second == 0:
        raise RequestError([("rate", "must be above zero; never_answer() sends nothing")], "fault")
    return Fault("drip", lambda request, reply: replace(reply, rate=per_second, drip_head=head))


def never_answer(*, processed: bool = False) -> Fault:
    """Take the request and keep the connection open without a word.

    Parameters
    ----------
    processed : bool, optional
        Whether the server deals with the request.
    """
    return Fault(
        "never answer",
        lambda request, reply: replace(reply, send_head=False, ending="hang"),
        processed=processed,
    )


def stall(sent: float = 0.5) -> Fault:
    """Stop in the body and keep the connection open.

    Parameters
    ----------
    sent : float, optional
        The part of the body that is sent, or, from 1 on, the number of bytes.
    """
    return Fault("stall", lambda request, reply: replace(reply, send=sent, ending="hang"))


def reset(*, processed: bool = False) -> Fault:
    """Break the connection before anything is sent.

    Parameters
    ----------
    processed : bool, optional
        Whether the server deals with the request; see also `lose_reply`.
    """
    return Fault("reset", _broken, processed=processed)


def lose_reply() -> Fault:
    """Deal with the request, then break the connection: a job is made, and the client does not learn of it."""
    return Fault("lose reply", _broken)


def _broken(request: Request, reply: Reply) -> Reply:
    return replace(reply, send_head=False, ending="reset")


def reset_in_body(sent: float = 0.5) -> Fault:
    """Break the connection within the body.

    Parameters
    ----------
    sent : float, optional
        The part of the body that is sent, or, from 1 on, the number of bytes.
    """
    return Fault("reset in body", lambda request, reply: replace(reply, send=sent, ending="reset"))


def truncate(sent: float = 0.5, *, framing: Literal["length", "chunked", "close"] = "length") -> Fault:
    """Send a part of the body and close the connection, as if that were all.

    Parameters
    ----------
    sent : float, optional
        The part of the body that is sent, or, from 1 on, the number of bytes.
    framing : {"length", "chunked", "close"}, optional
        How the client could know: fewer bytes than ``Content-Length`` says, no
        last chunk, or not at all.
    """
    return Fault("truncate", lambda request, reply: replace(reply, send=sent, framing=framing, ending="close"))


def longer(extra: bytes = b"more than was promised") -> Fault:
    """Send more bytes than ``Content-Length`` says; the connection stays open.

    Parameters
    ----------
    extra : bytes, optional
        What comes after the body; a client could take it for the next reply.
    """
    return Fault(
        "longer",
        lambda request, reply: replace(reply, length=str(len(reply.body)), body=reply.body + extra),
    )


def wrong_length(text: str) -> Fault:
    """Let ``Content-Length`` be something else, and close the connection after the body.

    Parameters
    ----------
    text : str
        Such as ``"-5"``, ``"many"`` or ``"99999999999999999999"``.
    """
    return Fault("wrong length", lambda request, reply: replace(reply, length=text, ending="close"))


def set_headers(headers: Mapping[str, str | None]) -> Fault:
    """Set headers of the reply.

    Parameters
    ----------
    headers : mapping of str to str or None
        Names and texts; `None` removes a header.
    """
    given = dict(headers)
    return Fault("headers", lambda request, reply: reply.with_headers(given))


def duplicate_headers(headers: Mapping[str, str]) -> Fault:
    """Send headers a second time, with other texts.

    Parameters
    ----------
    headers : mapping of str to str
        Names and texts, such as ``{"Content-Length": "7"}``.
    """
    again = tuple(headers.items())
    return Fault("duplicate headers", lambda request, reply: replace(reply, headers=reply.headers + again))


def huge_headers(size: int = 1 << 20, *, number: int = 1) -> Fault:
    """Send headers that are far too long, or far too many.

    Parameters
    ----------
    size : int, optional
        Length of each.
    number : int, optional
        How many.
    """
    filler = tuple((f"X-Filler-{one}", "x" * size) for one in range(number))
    return Fault("huge headers", lambda request, reply: replace(reply, headers=reply.headers + filler))
