"""All exceptions of attnviz, one small tree. Each message has rule, value and remedy, and may be shown to a user."""

from __future__ import annotations


class AttnvizError(Exception):
    """Base class: catch this to catch everything that attnviz raises on purpose.

    `id` is the id in the logs of the page request that failed, "" outside pages.
    """

    id: str = ""


class BadInputError(AttnvizError, ValueError):
    """An input that cannot be used; the message says what would work. Command line: exit code 2."""


class EmptyTextError(BadInputError):
    """No text, or only blanks."""


class BadTextError(BadInputError):
    """A character that is not allowed in a text (a lone surrogate), or a mask mark that this model cannot read."""


class TooLongError(BadInputError):
    """More tokens, weights or bytes than allowed."""


class UnknownModelError(BadInputError):
    """A model that is not in the catalogue."""


class UnknownHeadError(BadInputError):
    """A layer, head or block that is not in the trace."""


class PairError(BadInputError):
    """A second text for a model that takes only one."""


class TokenError(BadInputError):
    """A token or segment from the tokenizer for which the model has no embedding."""


class NoAttentionError(BadInputError):
    """A model whose attention weights cannot be read in any supported way."""


class ForwardError(BadInputError):
    """A forward pass that failed in the code of a model that is not ours."""


class ShapeError(BadInputError):
    """An array of the wrong shape."""


class BlocksError(BadInputError):
    """An operation for one attention block, on a trace with several."""


class ContentTypeError(BadInputError):
    """An HTTP request whose body has another content type or charset than is read."""


class UnavailableError(BadInputError):
    """Weights that are not on this machine and cannot be fetched now; `command` fetches them, "" if none does."""

    def __init__(self, message: str = "", *, command: str = "") -> None:
        super().__init__(message)
        self.command = command


class DamagedWeightsError(BadInputError):
    """A weight file that is truncated, altered or unreadable."""


class OutputError(BadInputError):
    """A file or folder that cannot be written."""


class BackendError(AttnvizError):
    """A remote backend that does not answer, or not correctly: nothing is wrong with the input.

    Command line: exit code 1.
    """


class AnswerError(BackendError):
    """Bytes that are not a complete answer of a backend."""


class LateError(BackendError):
    """An answer that was not ready by its deadline."""


class NotArrivedError(LateError):
    """A request whose body did not arrive in time."""


class BusyError(BackendError):
    """Too many requests at the same time. `retry_after` is in how many seconds to try again."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateError(BusyError):
    """More requests a minute than one address may send."""


class DiskError(BusyError):
    """A server whose disk is full or not writable: it answers again when its operator has freed space."""


class AccessError(BackendError):
    """A backend that requires a key: only the operator of this server can change it."""


def kinds() -> dict[str, type[AttnvizError]]:
    """Return every exception class by its name, which a server sends and a client reads."""
    classes, todo = {}, [AttnvizError]
    while todo:
        kind = todo.pop()
        classes[kind.__name__] = kind
        todo += kind.__subclasses__()
    return {name: kind for name, kind in classes.items() if kind.__module__ == __name__}
