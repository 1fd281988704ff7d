"""HTTP to the service: one session, deadlines, repetitions where they do no harm, typed errors."""

from .core import SecretText, Transport
from .fetching import Fetched

__all__ = ["Fetched", "SecretText", "Transport"]
