"""Spectra in the layouts of other missions, as small files made by the tests.

Layouts and figures are those of public files: the ISGRI spectrum of the Crab
of science window 035200330010 (``example_integral.pha`` in the wheel of
threeml 2.6.1) and the matrix ``tests/test_data/isgri_rmf_Crab.fits`` of
oda_api; ``3c273`` of ACIS and the EMOS1 background of MN Lup in
sherpa-test-data; ``pnS004-A2443_reg2`` of the EPIC pn and the GBM files of
GRB 080916009 in threeml. Those of NuSTAR and NICER follow the keywords that
``nuproducts`` and ``nicerl3-spect`` write (channels from 0 to 4095 and 1500).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

CRAB_EXPOSURE_S = 1857.29683437395
CRAB_CHANNELS = (12.5, 1029.5)
ISGRI_ENERGIES = (9.272016, 1193.4742)


def table(name: str, columns: Sequence[fits.Column], **cards: Any) -> fits.BinTableHDU:
    hdu = fits.BinTableHDU.from_columns(columns, name=name)
    hdu.header.update(cards)
    return hdu


def save(path: Path, *hdus: Any) -> Path:
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path, overwrite=True)
    return path


def spectrum(columns: Mapping[str, tuple[str, Any]], *, name: str = "SPECTRUM", **cards: Any) -> fits.BinTableHDU:
    """A table of one spectrum; columns by name, with format and values."""
    made = [fits.Column(key, kind, array=np.asarray(values)) for key, (kind, values) in columns.items()]
    usual = {"HDUCLASS": "OGIP", "HDUCLAS1": "SPECTRUM", "HDUCLAS2": "TOTAL", "CHANTYPE": "PI"}
    files = {"BACKFILE": "NONE", "RESPFILE": "NONE", "ANCRFILE": "NONE"}
    scales = {"AREASCAL": 1.0, "BACKSCAL": 1.0}
    return table(name, made, **{**usual, **files, **scales, **cards})


def ebounds(first: int, edges: Any, unit: str | None = "keV", **cards: Any) -> fits.BinTableHDU:
    edges = np.asarray(edges, dtype=float)
    columns = [
        fits.Column("CHANNEL", "I", array=np.arange(first, first + edges.size - 1)),
        fits.Column("E_MIN", "E", unit=unit, array=edges[:-1]),
        fits.Column("E_MAX", "E", unit=unit, array=edges[1:]),
    ]
    return table("EBOUNDS", columns, HDUCLASS="OGIP", HDUCLAS1="RESPONSE", HDUCLAS2="EBOUNDS", **cards)


def matrix(
    energies: Any,
    rows: Sequence[Sequence[tuple[int, Sequence[float]]]],
    *,
    name: str = "MATRIX",
    kind: str = "PI",
    unit: str | None = "keV",
    **cards: Any,
) -> fits.BinTableHDU:
    """A matrix whose rows are groups of channels: number of the first, and the values."""
    energies = np.asarray(energies, dtype=float)
    most = max(1, *(len(row) for row in rows))
    firsts, lengths, values = (np.empty(len(rows), dtype=object) for _ in range(3))
    for number, row in enumerate(rows):
        firsts[number] = np.array([first for first, _ in row], dtype=np.int16)
        lengths[number] = np.array([len(part) for _, part in row], dtype=np.int16)
        values[number] = np.array([one for _, part in row for one in part], dtype=np.float32)
    if kind == "I":  # A fixed number of groups, the unused ones zero, as in files of XMM.
        firsts, lengths = (
            np.array([np.resize(np.append(one, [0] * most), most) for one in some]) for some in (firsts, lengths)
        )
        kind = f"{most}I"
    if kind == "J":  # One group in each row.
        firsts, lengths = (np.array([int(one[0]) for one in some]) for some in (firsts, lengths))
    columns = [
        fits.Column("ENERG_LO", "E", unit=unit, array=energies[:-1]),
        fits.Column("ENERG_HI", "E", unit=unit, array=energies[1:]),
        fits.Column("N_GRP", "I", array=[len(row) for row in rows]),
        fits.Column("F_CHAN", kind if kind != "PI" else "PI()", array=firsts),
        fits.Column("N_CHAN", kind if kind != "PI" else "PI()", array=lengths),
        fits.Column("MATRIX", "PE()", array=values),
    ]
    return table(name, columns, HDUCLASS="OGIP", HDUCLAS1="RESPONSE", HDUCLAS2="RSP_MATRIX", **cards)


def diagonal(n_energy: int, n_channel: int, first: int, value: float = 0.9) -> list[list[tuple[int, list[float]]]]:
    """Each energy in one channel."""
    return [[(first + number * n_channel // n_energy, [value])] for number in range(n_energy)]


def arf(path: Path, energies: Any, area_cm2: float, **cards: Any) -> Path:
    energies = np.asarray(energies, dtype=float)
    columns = [
        fits.Column("ENERG_LO", "E", unit="keV", array=energies[:-1]),
        fits.Column("ENERG_HI", "E", unit="keV", array=energies[1:]),
        fits.Column("SPECRESP", "E", unit="cm**2", array=np.full(energies.size - 1, area_cm2)),
    ]
    return save(path, table("SPECRESP", columns, HDUCLASS="OGIP", HDUCLAS1="RESPONSE", HDUCLAS2="SPECRESP", **cards))


def isgri(folder: Path) -> Path:
    """A file with the spectra of two sources and the background, and a matrix and an area beside it."""
    n = 256
    origin = {"TELESCOP": "INTEGRAL", "INSTRUME": "IBIS", "DETNAM": "ISGRI"}
    edges = np.linspace(*CRAB_CHANNELS, n + 1)
    quality = np.where(np.arange(n) < 2, 3, 0)
    tables = []
    for number, name in enumerate(("Crab", "1A 0535+262", "Background")):
        rate = np.where(quality > 0, 0.0, (12.0 - 3 * number) * (edges[:-1] / 20) ** -2.1 - 0.01).astype(np.float32)
        error = np.where(quality > 0, 0.0, 0.3 * (edges[:-1] / 20) ** -1).astype(np.float32)
        columns = {
            "CHANNEL": ("I", np.arange(n)),
            "RATE": ("E", rate),
            "SYS_ERR": ("E", np.zeros(n)),
            "STAT_ERR": ("E", error),
            "QUALITY": ("I", quality),
            "GROUPING": ("I", np.ones(n)),
        }
        cards = {"HDUCLAS3": "RATE", "DETCHANS": n, "EXPOSURE": CRAB_EXPOSURE_S, "NAME": name, "TLMIN1": 0}
        clock = {"MJDREF": 51544.0, "TIMEUNIT": "d", "TIMESYS": "TT"}
        tables.append(spectrum(columns, name="ISGR-EVTS-SPE", **cards, **clock, **origin))
    energies = np.linspace(*ISGRI_ENERGIES, 301)
    rows = [[(0, np.full(n, 0.001))] for _ in range(300)]
    rmf = matrix(energies, rows, name="SPECRESP MATRIX", kind="J", unit=None, TLMIN4=0, **origin)
    save(folder / "rmf.fits", ebounds(0, edges, None, **origin), rmf)
    arf(folder / "arf.fits", energies, 2600.0, **origin)
    return save(folder / "isgri.fits", *tables)


def nustar(folder: Path) -> Path:
    """Module A: 1.6 keV and 40 eV per channel, source and background with their responses."""
    n = 4096
    origin = {"TELESCOP": "NuSTAR", "INSTRUME": "FPMA", "FILTER": "NONE"}
    edges = 1.6 + 0.04 * np.arange(n + 1)
    energies = np.linspace(1.6, 165.44, 129)
    for name, mean, scale in (("nuA01_bk.pha", 3, 2.0e-3), ("nuA01_sr.pha", 5, 5.0e-4)):
        counts = np.random.default_rng(mean).poisson(mean * (edges[:-1] / 5) ** -1.5)
        columns = {"CHANNEL": ("J", np.arange(n)), "COUNTS": ("J", counts)}
        flags = {"QUALITY": ("I", np.zeros(n)), "GROUPING": ("I", np.zeros(n))}
        links = {"BACKFILE": "nuA01_bk.pha", "RESPFILE": "nuA01_sr.rmf", "ANCRFILE": "nuA01_sr.arf"}
        cards = {"HDUCLAS3": "COUNT", "POISSERR": True, "EXPOSURE": 21345.6, "BACKSCAL": scale, "TLMIN1": 0}
        links = links if name.endswith("sr.pha") else {}
        save(folder / name, spectrum({**columns, **flags}, **{**cards, **links}, **origin))
    rows = diagonal(128, n, 0)
    save(folder / "nuA01_sr.rmf", ebounds(0, edges), matrix(energies, rows, TLMIN4=0, HDUCLAS3="REDIST", **origin))
    arf(folder / "nuA01_sr.arf", energies, 300.0, **origin)
    return folder / "nuA01_sr.pha"


def nicer(folder: Path) -> Path:
    """Channels 0 to 1500 of 10 eV, a systematic error of 1.5 per cent, matrix and area of their own."""
    n = 1501
    origin = {"TELESCOP": "NICER", "INSTRUME": "XTI", "FILTER": "NONE"}
    edges = 0.01 * np.arange(n + 1)
    energies = np.linspace(0.1, 15.0, 150)
    counts = np.random.default_rng(7).poisson(40 * np.exp(-edges[:-1]))
    columns = {
        "CHANNEL": ("J", np.arange(n)),
        "COUNTS": ("J", counts),
        "STAT_ERR": ("E", np.sqrt(counts)),
        "SYS_ERR": ("E", np.full(n, 0.015)),
        "QUALITY": ("I", np.zeros(n)),
        "GROUPING": ("I", np.zeros(n)),
    }
    cards = {"HDUCLAS3": "COUNT", "POISSERR": False, "EXPOSURE": 845.0, "TLMIN1": 0}
    links = {"RESPFILE": "ni.rmf", "ANCRFILE": "ni.arf"}
    save(
        folder / "ni.rmf",
        matrix(energies, diagonal(149, n, 0), name="SPECRESP MATRIX", TLMIN4=0, **origin),
        ebounds(0, edges),
    )
    arf(folder / "ni.arf", energies, 1900.0, **origin)
    return save(folder / "ni.pha", spectrum(columns, **{**cards, **links}, **origin))


def epic(folder: Path) -> Path:
    """The EPIC pn: 4096 channels of 5 eV, groups of channels in columns of fixed width, BACKSCAL an area."""
    n = 4096
    origin = {"TELESCOP": "XMM", "INSTRUME": "EPN", "FILTER": "Thin1"}
    edges = 0.005 * np.arange(n + 1)
    energies = np.linspace(0.05, 16.0, 101)
    rows = [[(10, [0.1, 0.2]), (40 * number + 20, [0.6])] for number in range(100)]
    rows[3] = [(140, [0.5])]
    for name, mean, area in (("bkg.fits", 1, 19487580), ("pn.fits", 4, 3897516)):
        counts = np.random.default_rng(mean).poisson(mean, n)
        columns = {"CHANNEL": ("I", np.arange(n)), "COUNTS": ("J", counts)}
        links = {"BACKFILE": "bkg.fits", "RESPFILE": "pn.rmf", "ANCRFILE": "pn.arf"} if name == "pn.fits" else {}
        cards = {"HDUCLAS3": "COUNT", "POISSERR": True, "EXPOSURE": 42589.3742691135, "BACKSCAL": area}
        extra = {"SYS_ERR": 0, "QUALITY": 0, "GROUPING": 0, "SPECDELT": 5, "TLMIN1": 0}
        save(folder / name, spectrum(columns, **{**cards, **extra, **links}, **origin))
    rmf = matrix(energies, rows, kind="I", TLMIN4=0, HDUCLAS3="REDIST", **origin)
    save(folder / "pn.rmf", rmf, ebounds(0, edges, **origin, TLMIN1=0))
    arf(folder / "pn.arf", energies, 800.0, **origin)
    return folder / "pn.fits"


def acis(folder: Path) -> Path:
    """Channels from 1, errors that say no more than the counts, and the background in the same file."""
    n = 1024
    origin = {"TELESCOP": "CHANDRA", "INSTRUME": "ACIS"}
    edges = np.append(0.00146, 0.0146 * np.arange(1, n + 1))
    hdus = []
    for kind, mean, scale in (("TOTAL", 0.7, 2.5264364698914e-06), ("BKG", 0.2, 1.872535141462e-05)):
        counts = np.random.default_rng(3).poisson(mean, n)
        columns = {
            "CHANNEL": ("J", np.arange(1, n + 1)),
            "PI": ("D", np.arange(1.0, n + 1)),
            "COUNTS": ("J", counts),
            "STAT_ERR": ("D", np.sqrt(counts)),
        }
        cards = {"HDUCLAS2": kind, "HDUCLAS4": "COUNT", "POISSERR": False, "EXPOSURE": 38564.608926889}
        links = {"BACKFILE": "acis.pi[3]", "RESPFILE": "acis.rmf", "BACKSCAL": scale, "TLMIN1": 1}
        hdus.append(spectrum(columns, **{**cards, **links}, **origin))
    gti = table("GTI", [fits.Column("START", "D", array=[100.0]), fits.Column("STOP", "D", array=[900.0])])
    gti.header.update(TIMESYS="TT", TIMEUNIT="s", MJDREF=50814.0)
    rmf = matrix(np.linspace(0.1, 11.0, 65), diagonal(64, n, 1), TLMIN4=1, HDUCLAS3="REDIST", **origin)
    save(folder / "acis.rmf", rmf, ebounds(1, edges))
    return save(folder / "acis.pi", hdus[0], gti, hdus[1])


def gbm(folder: Path) -> Path:
    """Rows without channel numbers, energies in the file; in the matrix, F_CHAN is from 1 and EBOUNDS from 0."""
    n = 128
    origin = {"TELESCOP": "GLAST", "INSTRUME": "GBM", "CHANTYPE": "PHA"}
    edges = np.geomspace(4.267, 2000.0, n + 1)
    counts = np.random.default_rng(5).poisson(30, (3, n))
    columns = [
        fits.Column("COUNTS", f"{n}I", array=counts),
        fits.Column("EXPOSURE", "E", unit="s", array=[4.08182, 4.08, 4.07]),
        fits.Column("QUALITY", "I", array=[0, 0, 1]),
        fits.Column("TIME", "D", unit="s", array=[0.0, 4.1, 8.2]),
    ]
    cards = {"HDUCLASS": "OGIP", "HDUCLAS1": "SPECTRUM", "HDUCLAS2": "TOTAL", "HDUCLAS4": "TYPEII", "POISSERR": True}
    links = {"BACKFILE": "none", "RESPFILE": "none", "ANCRFILE": "none", "AREASCAL": 1.0, "BACKSCAL": 1.0}
    rows = table("SPECTRUM", columns, **cards, **links, **origin)
    everywhere = [(1, np.full(n, 0.01))]
    matrices = [
        matrix(np.geomspace(5, 50000, 31), [*diagonal(29, n, 1, value), everywhere], name="SPECRESP MATRIX", **origin)
        for value in (70.0, 90.0)
    ]
    save(folder / "gbm.rsp2", ebounds(0, edges, **origin), *matrices)
    return save(folder / "gbm.pha", ebounds(0, edges, **origin), rows)
