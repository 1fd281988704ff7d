"""The replies of a service as files, with an index of them in plain values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._filenames import distinct_names
from ..kinds import ProductKind
from ..products.provenance import Provenance
from ..products.replies import Answer, ServiceReply

__all__ = ["read_replies", "write_replies"]


def write_replies(replies: Mapping[ProductKind, ServiceReply], folder: Path) -> dict[str, Any]:
    """Write replies, each product's into a folder of its own.

    Returns
    -------
    index : dict
        What `read_replies` needs to find its way.
    """
    return {kind.value: _write_reply(reply, folder / kind.value) for kind, reply in replies.items()}


def read_replies(index: Mapping[str, Any], folder: Path) -> dict[ProductKind, ServiceReply]:
    """Read what `write_replies` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError, AttributeError, RecursionError, OSError
        If something else stands there.
    """
    return {
        ProductKind.of(name): _read_reply(plain, folder / ProductKind.of(name).value) for name, plain in index.items()
    }


def _write_reply(reply: ServiceReply, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True)
    names = distinct_names(_names(reply.answers))
    for name, answer in zip(names, reply.answers, strict=True):
        if answer.is_file:
            (folder / name).write_bytes(answer.content)
        elif not answer.error:
            (folder / name).write_text(json.dumps(answer.content, indent=1), encoding="ascii")
    return {
        "job_id": reply.job_id,
        "url": reply.url,
        "rebin_of": reply.rebin_of,
        "provenance": reply.provenance.to_dict(),
        "answers": [_described(answer, name) for name, answer in zip(names, reply.answers, strict=True)],
    }


def _names(answers: Iterable[Answer]) -> list[str]:
    """Names that tell what is in the files: the last part of the address, ``.json`` for the reply to a call."""
    parts = [urlsplit(answer.call).path.rpartition("/")[2] for answer in answers]
    return [
        part if answer.is_file else f"{part.removesuffix('.php')}.json"
        for part, answer in zip(parts, answers, strict=True)
    ]


def _described(answer: Answer, name: str) -> dict[str, Any]:
    told = {
        "call": answer.call,
        "asked": dict(answer.asked),
        "fetched": answer.fetched,
        "from_cache": answer.from_cache,
    }
    return told | ({"error": answer.error} if answer.error else {"file": name, "json": not answer.is_file})


def _read_reply(plain: Mapping[str, Any], folder: Path) -> ServiceReply:
    answers = tuple(_read_answer(one, folder) for one in plain["answers"])
    optional = {name: None if plain[name] is None else str(plain[name]) for name in ("url", "rebin_of")}
    return ServiceReply(str(plain["job_id"]), answers, **optional, provenance=Provenance.from_dict(plain["provenance"]))


def _read_answer(plain: Mapping[str, Any], folder: Path) -> Answer:
    empty = Answer(
        str(plain["call"]), dict(plain["asked"]), None, str(plain["fetched"]), from_cache=bool(plain["from_cache"])
    )
    if "error" in plain:
        return replace(empty, error=str(plain["error"]))
    (name,) = Path(plain["file"]).parts  # a name, not a path
    path = folder / name
    return replace(empty, content=json.loads(path.read_text(encoding="ascii")) if plain["json"] else path.read_bytes())
