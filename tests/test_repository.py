"""The files around the package: README, citation, changelog, and what must not be in any file."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import swiftxrt

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def text_files() -> list[Path]:
    """What belongs to the project: tracked files and new ones; without git, the usual folders."""
    asked = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        folders = ("swiftxrt", "tests", "docs", "benchmarks", "changelog", ".ci")
        candidates = [*ROOT.glob("*"), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]
    else:
        candidates = [ROOT / name for name in listed if name]
    return [path for path in candidates if path.is_file() and b"\0" not in path.read_bytes()]


def test_readme_has_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- ([\w-]+) -->\n```bash\n(.*?)```", readme, flags=re.DOTALL)
    assert [name for name, _ in blocks] == ["main-job", "test"]
    assert readme.count("```bash") == len(blocks)
    main_job, test = (text for _, text in blocks)
    assert "swiftxrt demo" in main_job
    assert ".ci/test" in test


def test_ci_runs_the_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in script
    assert "<!-- test -->" in script


@pytest.mark.parametrize("script", ["run", "test"])
def test_scripts_are_valid_bash(script):
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / script)], check=True)


def test_version_is_a_version():
    assert re.match(r"\d+\.\d+", swiftxrt.__version__)


def test_module_can_be_run_like_the_command():
    assert PROJECT["project"]["scripts"]["swiftxrt"] == "swiftxrt.cli.main:main"
    done = subprocess.run(
        [sys.executable, "-m", "swiftxrt", "--help"],
        cwd=Path(swiftxrt.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "demo" in done.stdout


def test_citation_agrees_with_the_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["license"] == PROJECT["project"]["license"]
    assert [author["name"] for author in citation["authors"]] == [a["name"] for a in PROJECT["project"]["authors"]]
    for reference in citation["references"]:
        assert f"{reference['volume']}, {reference['start']}" in swiftxrt.__citation__


def test_changelog_fragments_have_known_types():
    types = {kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"]}
    fragments = {path.name for path in (ROOT / "changelog").iterdir()} - {"README.rst"}
    assert fragments
    assert [name for name in fragments if not re.fullmatch(rf"\d+\.({'|'.join(types)})\.rst", name)] == []


# The patterns are put together here so that this file does not contain what it looks for.
FORBIDDEN = {
    "a path of one machine": r"(?<![\w.])/" + r"(?:home|root|Users|work|mnt)/\w",
    "the host of a package registry": r"pypi\." + r"org|python" + r"hosted|conda\." + r"anaconda|crates" + r"\.io",
    "a marker of unfinished work": r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_contains(what):
    pattern = re.compile(FORBIDDEN[what])
    hits = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not hits, f"{what}:\n" + "\n".join(hits)


@pytest.mark.parametrize(
    "line", ["open('" + "/ho" + "me/someone/x')", "see https://py" + "pi.org/simple", "# TO" + "DO"]
)
def test_forbidden_text_is_recognised(line):
    assert any(re.search(pattern, line) for pattern in FORBIDDEN.values())


def test_no_large_or_data_files():
    large = [path for path in text_files() if path.stat().st_size > 600_000]
    assert large == []
