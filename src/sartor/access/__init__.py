"""Who may do what, and the trail of what was done. Everything that acts for somebody asks here first."""

from sartor.access.api_keys import ApiKey, ApiKeys
from sartor.access.audit import Audit
from sartor.access.keys import SigningKey
from sartor.access.policy import Actor, Policy

__all__ = ["Actor", "ApiKey", "ApiKeys", "Audit", "Policy", "SigningKey"]
