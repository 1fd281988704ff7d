"""Many files at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .._threads import side_by_side
from ..config import conf
from ..exceptions import ServiceError
from .protocol import CatalogBackend
from .saving import file_name

__all__ = ["fetch_all"]


def fetch_all(
    backend: CatalogBackend, urls: Mapping[str, str], folder: Path
) -> tuple[dict[str, Path], dict[str, ServiceError]]:
    """Fetch files side by side, each into a folder of its own under the name that its address gives it.

    Parameters
    ----------
    backend : CatalogBackend
        Where they are.
    urls : mapping of str to str
        Their addresses by what they are.
    folder : Path
        Where they go.

    Returns
    -------
    files : dict of str to Path
        What could be had.
    errors : dict of str to ServiceError
        Why others could not.
    """
    with side_by_side(min(max(1, int(conf.max_connections)), max(1, len(urls)))) as workers:
        started = {}
        for number, (what, url) in enumerate(urls.items()):
            place = folder / str(number)
            place.mkdir()
            started[what] = workers.submit(backend.fetch, url, place / file_name(url))
        files: dict[str, Path] = {}
        errors: dict[str, ServiceError] = {}
        for what, future in started.items():
            try:
                files[what] = future.result()
            except ServiceError as error:
                errors[what] = error
        return files, errors
