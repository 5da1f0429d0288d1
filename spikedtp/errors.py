"""Errors that a user can mend, and how a message shows the value that was given."""

import reprlib
import traceback
from collections.abc import Iterable
from numbers import Integral

__all__ = ["SpikedtpError", "in_one_line", "known_names", "shown"]

MAX_CHARACTERS = 2000  # of a message


class SpikedtpError(ValueError):
    """A mistake of the user. Its message is one line that says what is wrong, where, and how to mend it.

    The command line prints the message and exits with status 2. A bug raises some other error and keeps its traceback.
    The message is always one printable line of limited length, whatever came into it from a file or a path.

    Examples
    --------
    >>> from spikedtp import SpikedtpError, load_rate_network
    >>> try:
    ...     load_rate_network("digits_dtp").present([0.5] * 63)
    ... except SpikedtpError as error:
    ...     print(error)
    x must be (64,) or (samples, 64) for InputE, got (63,)
    """

    def __init__(self, message: object = ""):
        text = str(message)
        if len(text) > MAX_CHARACTERS:  # what went wrong stands at the front, how to mend it at the end
            text = f"{text[: MAX_CHARACTERS // 2]} [...] {text[-MAX_CHARACTERS // 2 :]}"
        super().__init__("".join(map(_printable, text)).strip())


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else character.encode("unicode_escape").decode()


def known_names(kind: str, name: object, known: Iterable[object]) -> SpikedtpError:
    """The error for an unknown name. It lists the known names.

    Parameters
    ----------
    kind : str
        What was looked for, e.g. ``"population"``.
    name : object
        What was given.
    known : iterable of str
        The names that exist.
    """
    text = shown(name if isinstance(name, str) else shown(name))
    return SpikedtpError(f"unknown {kind} {text}: known are {', '.join(sorted(map(str, known)))}")


def in_one_line(problem: BaseException) -> str:
    """What went wrong in somebody else's code: a user's mistake as it is, anything else with its type and place."""
    text = " ".join(str(problem).split())
    if isinstance(problem, SpikedtpError):
        return text
    trace = traceback.extract_tb(problem.__traceback__)
    file, line = (trace[-1].filename, trace[-1].lineno) if trace else ("", 0)
    if isinstance(problem, SyntaxError):
        text, file, line = problem.msg, problem.filename or file, problem.lineno or line
    place = f" ({file.rpartition('/')[2]}, line {line})" if file and not file.startswith("<") else ""
    return f"{type(problem).__name__}: {text}{place}"


def shown(value: object) -> str:
    """The `repr` of any value, shortened so that it fits into a message."""
    try:
        return _SHORT.repr(value)
    except ValueError:  # of an integer with more digits than Python prints
        return f"a huge {type(value).__name__}"


class _Plain(reprlib.Repr):
    """Texts and whole numbers of numpy are shown as Python's: 'a', not np.str_('a')."""

    def repr1(self, x: object, level: int) -> str:
        if isinstance(x, str):
            return super().repr1(str.__str__(x), level)
        if type(x).__module__ == "numpy" and isinstance(x, Integral):
            return super().repr1(int(x), level)
        return super().repr1(x, level)


_SHORT = _Plain()
_SHORT.maxlevel = 3
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = 8
_SHORT.maxstring = _SHORT.maxother = 120
_SHORT.maxlong = 60
