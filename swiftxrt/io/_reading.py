"""What other libraries say about damaged files, in our words."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..exceptions import FormatError, MetadataWarning, SwiftXRTError, SwiftXRTWarning, warn

__all__ = ["foreign_content", "needed_packages"]

# A file can be damaged in such a way that Astropy and NumPy raise any of these; the memory
# ends where a header promises far more than there is.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


@contextmanager
def needed_packages(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say which package is missing, where Astropy needs one more for a format.

    Parameters
    ----------
    path : path-like
        The file.

    Raises
    ------
    FormatError
        If one is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        advice = f"install {error.name} (python -m pip install {error.name})" if error.name else "install it"
        raise FormatError(
            f"this format needs another package: {error}; {advice}, or use another format", path
        ) from error


@contextmanager
def foreign_content(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Turn errors and warnings of other libraries into ours; for a block that reads a file.

    Parameters
    ----------
    path : path-like
        The file.
    what : str
        What is wrong with it in case of an error, whose text is added.

    Raises
    ------
    FormatError
        For errors that are not ours.

    Warns
    -----
    MetadataWarning
        For warnings that are not ours, all in one.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with needed_packages(path):
                yield
        except SwiftXRTError:
            raise
        except _DAMAGE as error:
            raise FormatError(f"{what} ({str(error) or type(error).__name__})", path) from error
    remarks = []
    for one in caught:
        if issubclass(one.category, SwiftXRTWarning):
            warnings.warn(one.message, stacklevel=3)
        else:
            remarks.append(" ".join(str(one.message).split()))
    if remarks:
        listed = "; ".join(dict.fromkeys(remarks))
        warn(f"{Path(path).name} does not keep to its format and may be damaged: {listed}", MetadataWarning)
