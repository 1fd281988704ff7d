"""What the embedded server answers: from the decoded JSON of a request to that of the reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..exceptions import SwiftXRTError
from ..jobs.protocol import HostingBackend
from . import catalogcalls, jobcalls, productcalls, rebincalls
from .call import Call, Reply
from .expiry import Expiry
from .limits import JobLimit
from .payload import check_payload, excerpt
from .refusals import RefusedError, refusal, refusal_of
from .users import UserRegistry

__all__ = ["API_PATH", "FUNCTIONS", "PATHS", "Service"]

Handler = Callable[[Call], Reply]

#: Addresses below ``/user_objects/``, and who answers.
PATHS: Mapping[str, Handler] = {
    "run_userobject.php": jobcalls.submit,
    "checkProductStatus.php": jobcalls.product_status,
    "canceljob.php": jobcalls.cancel,
    "getOldProduct.php": jobcalls.old_job,
    "listOldJobs.php": jobcalls.list_jobs,
    "getNumJobs.php": jobcalls.count_jobs,
    "tprods/getPSFPos.php": productcalls.standard_position,
    "tprods/getEnhPos.php": productcalls.enhanced_position,
    "tprods/getAstromPos.php": productcalls.astrometric_position,
    "tprods/getXastromPos.php": productcalls.astrometric_position,
    "tprods/getSourceDetResults.php": productcalls.source_list,
    "tprods/getLCData.php": productcalls.light_curve,
    "tprods/getSpecData.php": productcalls.spectra,
}

#: The address for rebinning, below the root; the call is named in the request.
API_PATH = "API/main.php"
#: Those names, and who answers. Nobody says who asks: whoever knows the number of a job may.
FUNCTIONS: Mapping[str, Handler] = {
    "rebinLightCurve": rebincalls.rebin,
    "checkRebinStatus": rebincalls.rebin_status,
    "cancelRebin": rebincalls.cancel_rebin,
    "downloadLightCurve": rebincalls.light_curve,
}


#: Calls that take their time, as they read products.
_SLOW = frozenset(
    {
        productcalls.source_list,
        productcalls.light_curve,
        productcalls.spectra,
        rebincalls.light_curve,
    }
)


class Service:
    """The product service around a backend.

    Parameters
    ----------
    backend : HostingBackend
        What builds the products.
    users : UserRegistry
        Who may ask.
    job_limit : JobLimit, optional
        How many jobs a user may have under way.
    expiry : Expiry, optional
        When products are removed; by default never.
    """

    def __init__(
        self,
        backend: HostingBackend,
        users: UserRegistry,
        *,
        job_limit: JobLimit | None = None,
        expiry: Expiry | None = None,
    ) -> None:
        self.backend = backend
        self.users = users
        self.job_limit = job_limit or JobLimit()
        self.expiry = expiry

    @staticmethod
    def is_slow(path: str, payload: Any) -> bool:
        """Whether a call should not be made side by side with many others, see `answer`."""
        if path != API_PATH:
            return PATHS[path] in _SLOW
        name = payload.get("APIFunc") if isinstance(payload, Mapping) else None
        return isinstance(name, str) and name in FUNCTIONS and FUNCTIONS[name] in _SLOW

    @staticmethod
    def may_wait(path: str, payload: Any) -> bool:
        """Whether a call may have to wait until something is made: the catalogue, or a product that was not asked for yet."""
        if path != API_PATH or not isinstance(payload, Mapping):
            return False
        name = payload.get("APIFunc")
        of_catalog = isinstance(name, str) and (name not in FUNCTIONS or catalogcalls.is_for_catalog(payload))
        return of_catalog and name not in catalogcalls.QUICK

    def answer(self, path: str, payload: Any, base_url: str) -> Reply:
        """Answer one call.

        Whatever comes in, a reply goes out; only a fault of this program is an
        exception.

        Parameters
        ----------
        path : str
            A key of `PATHS`, or `API_PATH`.
        payload : object
            The decoded JSON of the request, or `None` if it was not JSON.
        base_url : str
            Address under which the client sees the server.

        Returns
        -------
        reply : dict
            Ready for JSON.
        """
        answer = self._answer_function if path == API_PATH else self._answer_path
        try:
            if self.expiry is not None:
                self.expiry.look(self.backend)
            return answer(path, payload, base_url)
        except RefusedError as refused:
            reply = refused.reply
        except (SwiftXRTError, OSError) as error:
            reply = refusal_of(error, path)
        return rebincalls.refused(reply) if path == API_PATH else reply

    def _answer_path(self, path: str, payload: Any, base_url: str) -> Reply:
        checked = check_payload(payload)
        address = checked.get("UserID")
        owner = self.users.owner(address)
        if owner is None:
            raise RefusedError(refusal(f"The user `{excerpt(address)}` is not recognised / validated"))
        return PATHS[path](Call(checked, self.backend, base_url, self.job_limit, owner))

    def _answer_function(self, path: str, payload: Any, base_url: str) -> Reply:
        checked = check_payload(payload)
        name = checked.get("APIFunc")
        if not isinstance(name, str):
            raise RefusedError(refusal(f"This server has no function {excerpt(name)}."))
        if name in FUNCTIONS and not catalogcalls.is_for_catalog(checked):
            return FUNCTIONS[name](Call(checked, self.backend, base_url, self.job_limit))
        return catalogcalls.answer(Call(checked, self.backend, base_url, self.job_limit), name)
