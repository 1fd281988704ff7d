"""Run the benchmarks, one after the other; words on the command line choose by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main(words: list[str]) -> int:
    scripts = sorted(Path(__file__).parent.glob("bench_*.py"))
    chosen = [script for script in scripts if not words or any(word in script.stem for word in words)]
    failed = []
    for script in chosen:
        print(f"\n=== {script.name}", flush=True)
        if subprocess.run([sys.executable, str(script)], check=False).returncode:
            failed.append(script.name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return len(failed) > 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
