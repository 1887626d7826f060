"""What is changed or left out when data are opened: said in one line, never done in silence."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any


class DataWarning(UserWarning):
    """Something in the data was repaired, converted or left out; the text says what, and which values it had."""


def notice(text: str) -> None:
    """Say that data were changed or left out, as a `DataWarning`.

    Args:
        text: One line that names what was changed and its values.
    """
    warnings.warn(text, DataWarning, stacklevel=3)


@contextlib.contextmanager
def notices_to(write: Callable[[str], None]) -> Iterator[None]:
    """Hand the text of each `DataWarning` to a function, each text once; other warnings are shown as they were.

    Args:
        write: Gets one line.
    """
    told: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", DataWarning)
        before: Callable[..., Any] = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
            if not issubclass(category, DataWarning):
                before(message, category, *rest, **named)
            elif str(message) not in told:
                told.add(str(message))
                write(str(message))

        warnings.showwarning = show
        yield
