"""What a result depends on beside its inputs: the versions of what computed it."""

import platform
from importlib import metadata

PACKAGES = ("sartor", "torch", "transformers", "peft", "numpy", "scikit-learn")


def versions() -> dict[str, str]:
    """Version by name, of Python and of the packages that decide numbers and are installed; imports none of them."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
