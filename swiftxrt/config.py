"""Configuration, read at the time of use.

Set a value for one block with ``with swiftxrt.conf.set_temp("name", value):``,
or for good in astropy's configuration file ``swiftxrt.cfg``.
"""

from __future__ import annotations

from pathlib import Path

from astropy.config import ConfigItem, ConfigNamespace

__all__ = ["Conf", "conf", "data_folder"]


class Conf(ConfigNamespace):
    """Configuration of `swiftxrt`."""

    service_url = ConfigItem(
        "https://www.swift.ac.uk",
        "Base address of the service; point it to an embedded server for work without a network.",
    )
    user = ConfigItem(
        "", "Registered e-mail address; the environment variable SWIFTXRT_USER is used when this is empty."
    )
    connect_timeout = ConfigItem(20.0, "Seconds to wait for a connection.")
    read_timeout = ConfigItem(120.0, "Seconds to wait for the next bytes of a reply.")
    total_timeout = ConfigItem(3600.0, "Seconds that one reply or download may take in all.")
    poll_interval = ConfigItem(60.0, "Seconds between two looks at a job; the service asks for no less than 60.")
    archive = ConfigItem("", "Folder with observations in archive layout; SWIFTXRT_ARCHIVE is used when this is empty.")
    max_workers = ConfigItem(0, "Worker processes of the local engine; 0 means one per processor core.")
    data_dir = ConfigItem(
        "", "Folder of the job book and of lists of jobs; when this is empty, a folder in the user's data directory."
    )


conf = Conf()


def data_folder() -> Path:
    """The folder of ``conf.data_dir``, or the usual one of the system; nothing is made."""
    if conf.data_dir:
        return Path(conf.data_dir).expanduser()
    from platformdirs import user_data_path

    return user_data_path("swiftxrt", appauthor=False)
