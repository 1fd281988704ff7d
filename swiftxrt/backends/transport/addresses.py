"""Which addresses may be asked: replies and redirections name some, and may be forged."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from ..._printable import printable
from ...config import conf
from ...exceptions import ProtocolError, ServiceError

__all__ = ["Origin", "confined", "redirected", "split"]

_PORTS = {"http": 80, "https": 443}
_LONGEST = 8192
# What some readers of addresses skip and others do not.
_SKIPPED = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ODD_IN_HOSTS = re.compile(r"[^!-~]|[@\\]")


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port; the usual port need not be written."""

    scheme: str
    host: str
    port: int
    #: What users set to say where it is.
    setting: str = field(default="conf.service_url", compare=False)

    @property
    def is_loopback(self) -> bool:
        """Whether it is this computer."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


def split(url: str) -> tuple[Origin, SplitResult]:
    """The origin of an address, and its parts.

    Raises
    ------
    ValueError
        If it is no plain http or https address.
    """
    if len(url) > _LONGEST:
        raise ValueError("it is too long")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("it is no http or https address")
    if _SKIPPED.search(url) or _ODD_IN_HOSTS.search(parts.netloc):
        raise ValueError("it holds a user name or characters that do not belong there")
    return Origin(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]), parts


def confined(url: str, base: Origin) -> str:
    """An address of a reply, if it lies where the service is.

    Parameters
    ----------
    url : str
        The address.
    base : Origin
        The service. What lies there unencrypted is asked for encrypted if the service is.

    Returns
    -------
    url : str
        The address to ask.

    Raises
    ------
    ServiceError
        If it lies elsewhere.
    """
    try:
        origin, parts = split(url)
    except ValueError as error:
        raise _outside(url, base, str(error)) from None
    if _is_allowed(origin, base):
        return url
    safer = Origin("https", origin.host, 443)
    if (origin.scheme, origin.port, base.scheme) == ("http", 80, "https") and _is_allowed(safer, base):
        return urlunsplit(parts._replace(scheme="https", netloc=str(safer).partition("//")[2]))
    raise _outside(url, base, "it does not lie there")


def redirected(url: str, location: str | None, base: Origin, *, with_body: bool) -> str:
    """Where a redirection leads to, if it may be followed.

    Parameters
    ----------
    url : str
        What was asked.
    location : str or None
        Where the answer points to.
    base : Origin
        The service.
    with_body : bool
        Whether something is sent along, which goes to the same host only.

    Raises
    ------
    ServiceError
        If it leads elsewhere, or from an encrypted address to another one.
    """
    if not location:
        raise ProtocolError(f"{url} redirects, but does not say where to", url=url)
    old, _ = split(url)
    try:
        target = urljoin(url, location)
        new, _ = split(target)
    except ValueError as error:
        raise _outside(location, base, str(error)) from None
    if (old.scheme, new.scheme) == ("https", "http"):
        raise _outside(target, base, "it is not encrypted")
    if not _is_allowed(new, base) or (with_body and not _is_same_place(new, old)):
        raise _outside(target, base, "it does not lie there")
    return target


def _is_allowed(origin: Origin, base: Origin) -> bool:
    if _is_same_place(origin, base):
        return True
    return any(_is_meant(entry, origin, base) for entry in re.split(r"[,\s]+", conf.service_hosts) if entry)


def _is_same_place(origin: Origin, base: Origin) -> bool:
    """Whether it is the same origin, or its encrypted side."""
    if origin == base:
        return True
    return (origin.scheme, base.scheme, origin.host) == ("https", "http", base.host) and origin.port in (443, base.port)


def _is_meant(entry: str, origin: Origin, base: Origin) -> bool:
    """Whether an entry of ``conf.service_hosts`` allows an origin; without a scheme it is that of the service."""
    schemes = [""] if "://" in entry else ["https://", "http://"] if base.scheme == "http" else ["https://"]
    try:
        return origin in [split(f"{scheme}{entry}")[0] for scheme in schemes]
    except ValueError as error:
        raise ServiceError(f"conf.service_hosts holds {entry!r}, which is no host: {error}") from None


def _outside(url: str, base: Origin, reason: str) -> ServiceError:
    shown = printable(url, 200)
    return ServiceError(
        f"the service at {base} pointed to {shown}, and {reason}; not followed. If the service has moved, set "
        f"{base.setting}; if it has files on another host, add that host to conf.service_hosts",
        url=shown,
    )
