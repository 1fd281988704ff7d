"""The version, as recorded when the package was installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("swiftxrt")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.1.0.dev0"
