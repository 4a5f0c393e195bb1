"""Adapters by name and version: registry and cards."""

from sartor.adapters.registry import AdapterVersion, Registry

__all__ = ["AdapterVersion", "Registry"]
