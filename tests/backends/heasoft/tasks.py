"""Stand-ins for tasks of HEASoft, run as programs: strict about their parameters, and they write what tasks write.

Parameters are those of HEASoft 6.20 (files ``*.par`` of the tasks); a task refuses what it does not
know, and what it would have to ask for. Each call is written down in ``$HEADAS/calls``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

# Parameters that a task asks for if they are not given; hidden parameters that it has besides.
ASKED = {
    "xrtexpomap": "infile attfile hdfile outdir",
    "xrtproducts": "infile regionfile bkgregionfile outdir ra dec radius expofile attfile hdfile",
    "xrtpipeline": "indir outdir steminputs srcra srcdec",
    "ftgrouppha": "infile outfile grouptype",
}
HIDDEN = {
    "xrtexpomap": "stemout fovfile vigfile vigflag energy pcnframe wtnframe checkattitude teldef cleanup clobber chatter",
    "xrtproducts": (
        "bkgextract stemout binsize display lcfile phafile bkglcfile bkgphafile imagefile gtifile arffile rmffile mirfile "
        "transmfile inarffile psffile vigfile psfflag extended arfboxsize plotdevice pilow pihigh correctlc outinstrfile "
        "corrfile lccorrfile wtnframe pcnframe lcenergy clobber chatter history cleanup"
    ),
    "xrtpipeline": "stemoutputs datamode obsmode entrystage exitstage createexpomap cleanup clobber chatter history",
    "ftgrouppha": "backfile respfile groupscale minchannel maxchannel clobber chatter history",
}


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main(task: str, arguments: list[str]) -> int:
    home = Path(os.environ["HEADAS"])
    given = dict(argument.split("=", 1) for argument in arguments)
    with (home / "calls").open("a") as calls:
        call = {"task": task, "parameters": given, "pfiles": os.environ["PFILES"], "folder": str(Path.cwd())}
        calls.write(json.dumps(call) + "\n")
    behaviour = home / f"{task}.behaviour"
    if behaviour.exists():
        wanted = behaviour.read_text()
        if wanted == "fail":
            say("xselect: cannot open the file")
            say(f"{task}_0.1: Exit with error: no events in the region")
            return 3
        if wanted == "silent":
            say(f"{task}_0.1: Error: something, but the status is 0")
            return 0
        if wanted == "hang":
            (home / "child").write_text(str(os.getpid()))
            time.sleep(600)
    asked, hidden = ASKED[task].split(), HIDDEN[task].split()
    problems = [f"parameter {name} is unknown" for name in given if name not in (*asked, *hidden)]
    problems += [f"parameter {name} would be asked for" for name in asked if name not in given]
    problems += [f"{os.environ.get(name)!r} as {name}" for name in ("HEADASNOQUERY",) if not os.environ.get(name)]
    if os.environ["PFILES"].split(";")[1:] != [str(home / "syspfiles")] or sys.stdin.read():
        problems.append("parameter files or standard input are not private")
    if not Path(os.environ["PFILES"].split(";")[0]).is_dir():
        problems.append("no folder for parameter files")
    if problems:
        say("; ".join(problems))
        return 1
    TASKS[task](given)
    return 0


def expose(given: dict[str, str]) -> None:
    import numpy as np
    from astropy.io import fits

    from swiftxrt import EventList

    events = EventList.read(given["infile"])
    assert Path(given["attfile"]).is_file()
    assert Path(given["hdfile"]).is_file()
    header = events.wcs.to_header()
    data = np.full((1000, 1000), events.gti.exposure_s)
    fits.PrimaryHDU(data, header).writeto(Path(given["outdir"]) / f"{given['stemout']}_ex.img")


def extract(given: dict[str, str]) -> None:
    import astropy.units as u
    import numpy as np
    from astropy.io import fits

    from swiftxrt import ARF, GTI, CountSpectrum, EventList
    from swiftxrt.io.regions import read_regions

    events = EventList.read(given["infile"])
    with fits.open(given["gtifile"]) as hdus:
        good = GTI(hdus[1].data["START"], hdus[1].data["STOP"])
        assert hdus[1].header["EXTNAME"] == "STDGTI"
    events = events.select(gti=good)
    regions = {"s": given["regionfile"], "b": given["bkgregionfile"]}
    parts = {key: events.select(region=read_regions(name)) for key, name in regions.items()}
    out = Path(given["outdir"])
    if given["phafile"] != "NONE":
        for key, name in (("s", given["phafile"]), ("b", given["bkgphafile"])):
            counts = np.bincount(parts[key].pi[parts[key].pi < 1024], minlength=1024)
            CountSpectrum(counts=counts, exposure=events.exposure, mode=events.mode).write(out / name)
        edges = np.linspace(0.0, 12.0, 2401) * u.keV
        ARF(energy_edges=edges, effective_area=np.full(2400, 120.0) * u.cm**2).write(out / given["arffile"])
        say(f"xrtmkarf_0.6.4: Info: Processing '{os.environ['CALDB']}/swxpc.rmf' CALDB file.")
    if given["lcfile"] != "NONE":
        step = float(given["binsize"])
        channels = int(given["pilow"]), int(given["pihigh"])
        edges = np.arange(good.start[0], good.stop[-1] + step, step)
        exposed = good.overlap_s(edges[:-1], edges[1:])
        seen = exposed > 0
        for key, name, factor in (("s", "lcfile", 1.0), ("b", "bkglcfile", 1.0), ("s", "lccorrfile", 1.25)):
            inside = (parts[key].pi >= channels[0]) & (parts[key].pi <= channels[1])
            counts = np.histogram(parts[key].met[inside], edges)[0][seen]
            columns = {
                "TIME": (edges[:-1] + step / 2)[seen] - edges[0],
                "RATE": factor * counts / exposed[seen],
                "ERROR": factor * np.sqrt(counts) / exposed[seen],
                "FRACEXP": exposed[seen] / step,
            }
            table = fits.BinTableHDU.from_columns(
                [fits.Column(name=title, format="D", array=values) for title, values in columns.items()], name="RATE"
            )
            table.header["TIMEZERO"] = edges[0]
            table.writeto(out / given[name])


def group(given: dict[str, str]) -> None:
    from swiftxrt import CountSpectrum

    assert given["grouptype"] == "min"
    assert Path(given["respfile"]).is_file()
    CountSpectrum.read(given["infile"]).group(min_counts=int(given["groupscale"])).write(given["outfile"])


def clean(given: dict[str, str]) -> None:
    import gzip

    assert given["exitstage"] == "2"
    stem = given["steminputs"]
    out = Path(given["outdir"])
    out.mkdir()
    for raw in (Path(given["indir"]) / "xrt" / "event").glob(f"{stem}xpcw3po_uf.evt.gz"):
        (out / f"{stem}xpcw3po_cl.evt").write_bytes(gzip.decompress(raw.read_bytes()))


TASKS = {"xrtexpomap": expose, "xrtproducts": extract, "ftgrouppha": group, "xrtpipeline": clean}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
