"""The command ``swiftxrt`` and its parts: demo, simulate, serve and user."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import __version__
from .._log import log
from ..exceptions import OutputExistsError, SwiftXRTError
from ..identifiers import parse_obsid

__all__ = ["main"]

_SERVER_PACKAGES = ("starlette", "uvicorn")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Command line without the program's name; by default that of the process.

    Returns
    -------
    status : int
        0 if all went well, 1 after an error (its text goes to standard error).
    """
    options = _parser().parse_args(arguments)
    try:
        with _reports():
            status: int = options.run(options)
    except (SwiftXRTError, OSError) as error:
        print(f"swiftxrt: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _SERVER_PACKAGES:
            raise
        print(f"swiftxrt: this command needs {package}: pip install 'swiftxrt[server]'", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("swiftxrt: interrupted", file=sys.stderr)
        return 130
    return status


@contextmanager
def _reports() -> Iterator[None]:
    """Show warnings and records of our log on standard error, each once.

    Records of other packages are left to them: astroquery, for one, shows
    warnings in its own log from the moment it is imported.
    """
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    log.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    finally:
        log.removeHandler(handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="swiftxrt", description="Swift X-ray Telescope data as Astropy objects.")
    parser.add_argument("--version", action="version", version=f"swiftxrt {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    demo = commands.add_parser("demo", help="make all products of one observation, through an embedded server")
    demo.add_argument("--archive", type=Path, help="folder with observations; a simulated burst by default")
    demo.add_argument("--obsid", type=_obsid, help="observation to use; all below --archive by default")
    demo.add_argument("--output", type=Path, default=Path("swiftxrt-demo"), help="folder for the results (%(default)s)")
    demo.set_defaults(run=_demo)

    simulate = commands.add_parser("simulate", help="write simulated observations of a field, or of a gamma-ray burst")
    simulate.add_argument("output", type=Path, help="folder to write to, in archive layout")
    simulate.add_argument("--scene", type=Path, metavar="FILE", help="what to observe (YAML, JSON); a burst by default")
    simulate.add_argument("--seed", type=int, help="the same seed gives the same events; that of the scene, or 1")
    simulate.add_argument("--overwrite", action="store_true", help="replace observations that are there already")
    simulate.set_defaults(run=_simulate)

    _add_serve(commands)
    _add_user(commands)
    return parser


def _add_serve(commands: Any) -> None:
    serve = commands.add_parser("serve", help="run the product service on observations on disk")
    serve.add_argument("--archive", type=Path, required=True, help="folder with observations")
    serve.add_argument("--port", type=int, default=8951, help="port; 0 picks a free one (%(default)s)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s, this machine only)")
    serve.add_argument("--state", type=Path, help="folder for jobs, kept over restarts; a temporary one by default")
    serve.add_argument(
        "--user", action="extend", nargs="+", default=[], metavar="EMAIL", help="registered users; anybody by default"
    )
    serve.add_argument(
        "--users-file", type=Path, metavar="FILE", help="file with a registered address per line; read when it changes"
    )
    serve.add_argument(
        "--job-limit", type=int, default=20, metavar="N", help="jobs of a user under way; 0 for no limit (%(default)s)"
    )
    serve.add_argument("--keep-days", type=float, metavar="N", help="remove products N days after submission")
    serve.add_argument("--workers", type=int, help="products built side by side; one per processor core by default")
    serve.add_argument("--certificate", type=Path, metavar="FILE", help="speak HTTPS with this certificate (PEM)")
    serve.add_argument("--certificate-key", type=Path, metavar="FILE", help="private key of the certificate (PEM)")
    serve.add_argument(
        "--proxy-port", type=int, metavar="N", help="port of a proxy that leads clients of the real service here"
    )
    serve.set_defaults(run=_serve)


def _add_user(commands: Any) -> None:
    user = commands.add_parser("user", help="keep the address that is registered with the service in the keyring")
    actions = user.add_subparsers(required=True, metavar="action", dest="action")
    actions.add_parser("set", help="keep an address, which is asked for or read from standard input")
    actions.add_parser("show", help="say which address is used, with most of it left out, and where it is from")
    actions.add_parser("forget", help="remove the address from the keyring")
    user.set_defaults(run=_user)


def _obsid(text: str) -> str:
    try:
        return parse_obsid(text)
    except SwiftXRTError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _demo(options: argparse.Namespace) -> int:
    from .demo import run

    return run(archive=options.archive, obsid=options.obsid, output=options.output)


def _simulate(options: argparse.Namespace) -> int:
    from ..engine.demonstration import default_scene
    from ..testing.scene_files import read_scene
    from ..testing.synthetic import simulate_observations

    scene, seed = (default_scene(), None) if options.scene is None else read_scene(options.scene)
    seed = next((value for value in (options.seed, seed) if value is not None), 1)
    try:
        observations = simulate_observations(scene, options.output, seed=seed, overwrite=options.overwrite)
    except OutputExistsError as error:
        advice = "give another folder, or replace them with --overwrite"
        raise OutputExistsError(f"{options.output} has such observations; {advice}") from error
    for observation in observations:
        print(options.output / observation.obsid)
    return 0


def _serve(options: argparse.Namespace) -> int:
    from .serve import ServeOptions, run

    return run(
        ServeOptions(
            archive=options.archive,
            host=options.host,
            port=options.port,
            state=options.state,
            users=tuple(options.user),
            users_file=options.users_file,
            job_limit=options.job_limit,
            keep_days=options.keep_days,
            workers=options.workers,
            certificate=options.certificate,
            certificate_key=options.certificate_key,
            proxy_port=options.proxy_port,
        )
    )


def _user(options: argparse.Namespace) -> int:
    from . import user

    actions = {"set": user.set_, "show": user.show, "forget": user.forget}
    return actions[options.action]()


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: object = None,
) -> None:
    print(f"{category.__name__}: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
