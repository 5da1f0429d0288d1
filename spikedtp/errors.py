"""Errors that a user can mend. Nothing else lives here."""

__all__ = ["SpikedtpError", "known_names"]


class SpikedtpError(ValueError):
    """A user's mistake: one line that says what is wrong, where, and how to mend it.

    The command line prints the message and exits with status 2; a bug raises anything else and keeps its traceback.
    """


def known_names(kind: str, name: object, known) -> SpikedtpError:
    """The error for an unknown name: lists the names that would have been right.

    Parameters
    ----------
    kind : str
        What was looked for, e.g. ``"population"``.
    name : object
        What was given.
    known : iterable of str
        The names that exist.
    """
    return SpikedtpError(f"unknown {kind} {str(name)!r}: known are {', '.join(sorted(map(str, known)))}")
