"""Large CSV files, read in parts by several threads in bounded memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from .._threads import DaemonThreads

__all__ = ["NO_VALUE", "csv_parts"]

#: What stands for a missing value.
NO_VALUE = ("", "NaN", "nan", "NULL", "null", "None", "\\N", "0000-00-00 00:00:00")

# Doubles hold whole numbers exactly up to here.
_EXACT = 2.0**53
# Bytes of text that a thread gets at a time, and that it looks at in one go, which fit into the processor's cache.
_PART, _BLOCK = 1 << 23, 1 << 20
# More threads would wait for the one that reads the file and writes the result.
_MOST_THREADS = 8
# Parts that are there beyond those being worked at, so that no thread waits.
_MORE = 4


def csv_parts(
    pa: Any, source: Path, types: Mapping[str, Any], *, examined: Collection[str] | None = None
) -> Iterator[Any]:
    """The schema of a file, then its rows as tables, in order.

    Parameters
    ----------
    pa : module
        The package pyarrow.
    source : Path
        The file, which may be compressed.
    types : mapping of str to pyarrow.DataType
        Types of columns; others get the type of their first values.
    examined : collection of str, optional
        Columns of whole numbers, some of which may be written with a decimal
        point: those get another type than the others. All values of these,
        and of columns without a type, are looked at before, which takes long.

    Raises
    ------
    pyarrow.ArrowInvalid
        If something does not fit its column, or a row is not complete.
    OSError
        If the file cannot be read.
    """
    if examined is not None:
        types = {**_examined(pa, source, examined), **types}
    with pa.input_stream(str(source)) as stream:
        texts = _texts(stream)
        first = _parse(pa, next(texts, b""), types)
        yield first.schema
        for part in chain([first], _parsed(pa, texts, first.schema)):
            _check_exact(pa, part, examined or ())
            yield part


def _examined(pa: Any, source: Path, whole: Collection[str]) -> dict[str, Any]:
    """Types that hold all values of the columns."""
    schema = pa.csv.read_csv(source, convert_options=_options(pa, {})).schema
    found = dict(zip(schema.names, schema.types, strict=True))
    return {
        name: pa.float64() if name in whole and not pa.types.is_integer(kind) else kind for name, kind in found.items()
    }


def _check_exact(pa: Any, part: Any, whole: Collection[str]) -> None:
    """See that whole numbers lost no digits by being read like those with a decimal point."""
    for name in set(whole).intersection(part.schema.names):
        if pa.types.is_floating(part[name].type) and np.nanmax(np.abs(part[name].to_numpy()), initial=0.0) >= _EXACT:
            raise pa.ArrowInvalid(f"{name} has numbers with a decimal point, and one with too many digits for that")


def _texts(stream: Any) -> Iterator[memoryview]:
    """The file in parts that end with a line, without those that are empty."""
    rest, is_more = b"", True
    while is_more:
        text = stream.read(_PART)
        is_more = bool(text)
        whole = rest + text
        end = whole.rfind(b"\n") + 1 if is_more else len(whole)
        rest = whole[end:]
        if end and not whole.isspace():
            yield memoryview(whole)[:end]


def _parsed(pa: Any, texts: Iterator[memoryview], schema: Any) -> Iterator[Any]:
    """Tables of texts without a header, made at the same time and given in order."""
    types = dict(zip(schema.names, schema.types, strict=True))
    n_threads = min(os.cpu_count() or 1, _MOST_THREADS)
    pending: deque[Future[Any]] = deque()
    pool = DaemonThreads(n_threads)
    try:
        for text in texts:
            pending.append(pool.submit(_parse, pa, text, types, schema.names))
            if len(pending) > n_threads + _MORE:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _parse(pa: Any, text: memoryview | bytes, types: Mapping[str, Any], names: list[str] | None = None) -> Any:
    """Rows as a table; the names are in the first line if they are not given."""
    options = pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=names)
    return pa.csv.read_csv(pa.BufferReader(text), options, convert_options=_options(pa, types))


def _options(pa: Any, types: Mapping[str, Any]) -> Any:
    return pa.csv.ConvertOptions(column_types=types, null_values=NO_VALUE, strings_can_be_null=True)
