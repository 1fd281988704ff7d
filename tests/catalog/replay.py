"""A catalogue that gives prepared replies, and remembers what it was asked."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from swiftxrt.wire import api

URL = "https://replay.invalid"


class Replay:
    """A `swiftxrt.catalog.protocol.CatalogBackend` that replays replies.

    Parameters
    ----------
    functions : mapping
        For each function of the service: a reply for every call; a list of
        replies, one after the other, the last for all that follow; or a
        callable that takes the content of the call and returns the reply. A
        reply has its envelope (``OK`` or ``ERROR``) or not; an exception is
        raised.
    files : mapping of str to (bytes or Path), optional
        What `fetch` gives, by address.
    name, service : str, optional
        What it calls itself.

    Attributes
    ----------
    asked : list of (str, dict)
        Functions and contents, in the order of the calls.
    fetched : list of str
        Addresses.
    """

    def __init__(
        self,
        functions: Mapping[str, Any],
        files: Mapping[str, bytes | Path] | None = None,
        *,
        name: str = "ukssdc",
        service: str = URL,
    ) -> None:
        self.functions = {key: list(value) if isinstance(value, list) else value for key, value in functions.items()}
        self.files = dict(files or {})
        self.name = name
        self.service = service
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.fetched: list[str] = []
        self._guard = threading.Lock()

    def ask(
        self, function: str, content: Mapping[str, Any], *, deadline_s: float | None = None, keep: Path | None = None
    ) -> dict[str, Any]:
        # Through JSON, as over a wire: what cannot be sent fails here.
        sent = json.loads(json.dumps(dict(content), allow_nan=False))
        with self._guard:
            self.asked.append((function, sent))
            reply = self._reply(function)
        if callable(reply):
            reply = reply(sent)
        if isinstance(reply, Exception):
            raise reply
        if "ERROR" not in reply and "OK" not in reply:
            reply = api.success(reply)
        reply = json.loads(json.dumps(reply))
        if keep is not None:
            keep.write_text(json.dumps(reply), encoding="ascii")
        return api.open_reply(reply, url=f"{self.service}/API/main.php")

    def _reply(self, function: str) -> Any:
        assert function in self.functions, f"nothing is prepared for {function}; there is {', '.join(self.functions)}"
        prepared = self.functions[function]
        if isinstance(prepared, list):
            assert prepared, f"no reply is left for {function}"
            return prepared.pop(0) if len(prepared) > 1 else prepared[0]
        return prepared

    def fetch(self, url: str, path: Path, *, overwrite: bool = False) -> Path:
        with self._guard:
            self.fetched.append(url)
        content = self.files[url]
        if isinstance(content, Path):
            shutil.copyfile(content, path)
        else:
            path.write_bytes(content)
        return path

    def close(self) -> None:
        pass

    def sent(self, function: str) -> list[dict[str, Any]]:
        """Contents of the calls of one function."""
        return [content for name, content in self.asked if name == function]


def metadata(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A reply of ``getMetadata``; columns have at least ``ColName``."""
    usual = {"Class": "BASIC", "Description": "", "Type": "TXT", "IsObsCol": 0, "IsTargetCol": 0, "IsNameCol": 0}
    full = [{**usual, **row} for row in rows]
    return {"metadata": {"columns": ["ColName", *usual], "metadata": full}}


def rows_of(table: Mapping[str, Any], without: Callable[[str], bool] = lambda name: False) -> list[dict[str, Any]]:
    """The rows of a recorded table (``columns`` and ``rows``) as ``queryDB`` sends them.

    What the reference client adds to the columns (``RA_s``, ``RA_apy``, ...)
    and the columns that the recording left out are not among them.
    """
    names = table["columns"]
    added = {name for name in names if name.endswith(("_s", "_apy")) or name == "..." or without(name)}
    return [
        {name: value for name, value in zip(names, row, strict=True) if name not in added}
        for row in table["rows"]
        if row[0] != "..."
    ]


def fixture(validation_data: Path, *parts: str) -> Any:
    """A recording beside the folder with real data."""
    return json.loads(validation_data.parent.joinpath("fixtures", *parts).read_text(encoding="utf-8"))
