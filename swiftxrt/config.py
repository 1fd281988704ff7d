"""Configuration, read at the time of use.

Set a value for one block with ``with swiftxrt.conf.set_temp("name", value):``,
or for good in astropy's configuration file ``swiftxrt.cfg``.
"""

from __future__ import annotations

from pathlib import Path

from astropy.config import ConfigItem, ConfigNamespace

# What numbers may be, in the words of astropy's configuration.
_TIME, _NUMBER, _SOME = "float(min=0)", "integer(min=0)", "integer(min=1)"

__all__ = ["Conf", "cache_folder", "conf", "data_folder"]


class Conf(ConfigNamespace):
    """Configuration of `swiftxrt`."""

    service_url = ConfigItem(
        "https://www.swift.ac.uk",
        "Base address of the service; point it to an embedded server for work without a network.",
    )
    user = ConfigItem(
        "", "Registered e-mail address; the environment variable SWIFTXRT_USER is used when this is empty."
    )
    connect_timeout = ConfigItem(20.0, "Seconds to wait for a connection.", cfgtype=_TIME)
    read_timeout = ConfigItem(120.0, "Seconds to wait for the next bytes of a reply.", cfgtype=_TIME)
    total_timeout = ConfigItem(
        3600.0, "Seconds that one reply or download may take in all, with every repetition and pause.", cfgtype=_TIME
    )
    retries = ConfigItem(
        4, "How often a call is repeated that can be repeated safely; a submission never is.", cfgtype=_NUMBER
    )
    retry_wait = ConfigItem(
        1.0,
        "Seconds to wait before the first repetition; the wait doubles from one to the next, up to 60 s.",
        cfgtype=_TIME,
    )
    retry_after_max = ConfigItem(
        300.0, "Seconds to wait at most when the service says how long to wait (Retry-After).", cfgtype=_TIME
    )
    max_connections = ConfigItem(4, "Number of requests to one service that may be under way at once.", cfgtype=_SOME)
    requests_per_second = ConfigItem(
        5.0,
        "Requests per second that one service gets at most; 0 means no limit, and an embedded server has none.",
        cfgtype=_TIME,
    )
    max_reply = ConfigItem(
        268435456, "Bytes that a reply may have, also when it is unpacked; larger ones are refused.", cfgtype=_NUMBER
    )
    max_download = ConfigItem(
        53687091200, "Bytes that a downloaded file may have; larger ones are refused.", cfgtype=_NUMBER
    )
    download_workers = ConfigItem(4, "Number of files that are downloaded at once.", cfgtype=_SOME)
    heasarc_url = ConfigItem(
        "https://heasarc.gsfc.nasa.gov/xamin/vo",
        "Address of the services of the HEASARC for the Virtual Observatory, which are asked for observations.",
    )
    heasarc_files_url = ConfigItem(
        "https://heasarc.gsfc.nasa.gov/FTP/swift/data/obs",
        "Address of the observations in the archive of HEASARC, which are in folders for months there.",
    )
    aws_url = ConfigItem(
        "https://nasa-heasarc.s3.amazonaws.com", "Address of the public copy of that archive (a bucket of Amazon S3)."
    )
    archive_requests_per_second = ConfigItem(
        20.0,
        "Requests per second that these two archives get at most; 0 means no limit.",
        cfgtype=_TIME,
    )
    max_active_jobs = ConfigItem(5, "Number of jobs of a list that the service is given at once.", cfgtype=_SOME)
    service_hosts = ConfigItem(
        "",
        "Hosts besides that of service_url to which replies may point, separated by commas: names, or addresses such "
        "as https://example.org:8443.",
    )
    offline = ConfigItem(False, "Whether to use only what was kept on this computer, and no network.")  # noqa: FBT003
    cache = ConfigItem(True, "Whether final replies of the service are kept on this computer.")  # noqa: FBT003
    cache_dir = ConfigItem(
        "", "Folder of the kept replies; when this is empty, a folder in the user's cache directory."
    )
    cache_expiry = ConfigItem(604800.0, "Seconds after which a kept reply is no longer used.", cfgtype=_TIME)
    cache_size = ConfigItem(
        1073741824, "Bytes that kept replies may take in all; the oldest are removed first.", cfgtype=_NUMBER
    )
    poll_interval = ConfigItem(
        60.0, "Seconds between two looks at a job; the service asks for no less than 60.", cfgtype=_TIME
    )
    caldb = ConfigItem(
        "",
        "Folder with calibration files (CALDB) of the XRT for the local engine, or v004 or v006, the PSF of what comes with "
        "the package; the environment variable CALDB is used when this is empty.",
    )
    archive = ConfigItem("", "Folder with observations in archive layout; SWIFTXRT_ARCHIVE is used when this is empty.")
    max_workers = ConfigItem(
        0, "Worker processes of the local engine; 0 means one per processor core.", cfgtype=_NUMBER
    )
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


def cache_folder() -> Path:
    """The folder of ``conf.cache_dir``, or the usual one of the system; nothing is made."""
    if conf.cache_dir:
        return Path(conf.cache_dir).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("swiftxrt", appauthor=False)
