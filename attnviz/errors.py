"""Every error of ours, one small tree. Each message says rule, value and remedy, and may be shown to a reader."""

from __future__ import annotations


class AttnvizError(Exception):
    """Base of all: catch this to catch everything that attnviz raises on purpose.

    `id` is the one by which the logs know the question that ended so, where a page asked it.
    """

    id: str = ""


class BadInputError(AttnvizError, ValueError):
    """What was asked cannot be done as asked; the message says what would work. Command line: exit code 2."""


class EmptyTextError(BadInputError):
    """No text, or nothing but blanks."""


class BadTextError(BadInputError):
    """A character that no text may hold (a lone surrogate), or a mark that this model cannot read."""


class TooLongError(BadInputError):
    """More tokens, weights or bytes than allowed here."""


class UnknownModelError(BadInputError):
    """A model that the catalogue does not have."""


class UnknownHeadError(BadInputError):
    """A layer, head or block that this trace does not have."""


class PairError(BadInputError):
    """A second text where the model takes none."""


class TokenError(BadInputError):
    """A token or segment that the tokenizer makes and the model has no embedding for."""


class NoAttentionError(BadInputError):
    """A model that yields no attention weights in any supported way."""


class ForwardError(BadInputError):
    """A forward pass of a model from elsewhere that failed in its own code."""


class ShapeError(BadInputError):
    """An array whose axes do not fit what it should be."""


class BlocksError(BadInputError):
    """A question that needs one block, asked of a trace with several."""


class ContentTypeError(BadInputError):
    """A request over HTTP that says its body is something else than what is read."""


class UnavailableError(BadInputError):
    """The model's weights are not on this machine and cannot be fetched now; `command` fetches them, "" where none does."""

    def __init__(self, message: str = "", *, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class DamagedWeightsError(BadInputError):
    """A weight file is truncated, altered or cannot be read."""


class OutputError(BadInputError):
    """A file or folder that cannot be written."""


class BackendError(AttnvizError):
    """A backend on another machine that does not answer, or not as it should: nothing is wrong with what was asked.

    Command line: exit code 1.
    """


class AnswerError(BackendError):
    """Bytes that are no whole answer of a backend."""


class LateError(BackendError):
    """An answer that was not there by its deadline."""


class NotArrivedError(LateError):
    """A question that was not whole at the backend within the time for it."""


class BusyError(BackendError):
    """More is asked at once than may wait. `retry_after` is in how many seconds to try again."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateError(BusyError):
    """More requests a minute than one address may make."""


class DiskError(BusyError):
    """A server whose disk takes nothing: it answers again when whoever runs it has made room."""


class AccessError(BackendError):
    """A backend that answers only those who have its key: whoever runs these pages can set it, no reader can."""


def kinds() -> dict[str, type[AttnvizError]]:
    """Every error of ours by its name, as a server writes it and a client reads it."""
    found, left = {}, [AttnvizError]
    while left:
        kind = left.pop()
        found[kind.__name__] = kind
        left += kind.__subclasses__()
    return {name: kind for name, kind in found.items() if kind.__module__ == __name__}
