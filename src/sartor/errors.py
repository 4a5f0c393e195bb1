"""Every failure a user meets: one sentence that says what is wrong, where, and what to do.

The exit code belongs to the class: 1 a gate or check said no, 2 the user's input is wrong, 3 the system failed.
"""


class SartorError(Exception):
    """Base of all errors that Sartor raises on purpose; `str(error)` is the sentence shown to the user."""

    exit_code = 3


class GateError(SartorError):
    """A gate or check said no."""

    exit_code = 1


class InputError(SartorError):
    """The user's input is wrong: a file, a row, a column or a key. Nothing was written."""

    exit_code = 2


class SystemFailure(SartorError):
    """The machine or a service failed (disk full, endpoint down). What was finished is kept."""

    exit_code = 3


class DiskFull(SystemFailure):
    """There is no room left for what was to be written."""
