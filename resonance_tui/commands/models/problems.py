"""The zoo's errors as this program's, with their exit codes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from resonance_tui.errors import InputError, ResonanceError
from resonance_zoo.card_types import CardError
from resonance_zoo.checkpoints.errors import NothingPublished, PullError, WeightsError
from resonance_zoo.registry import UnknownModel


@contextmanager
def zoo_errors_translated() -> Generator[None]:
    """Raises InputError and ResonanceError in place of what the zoo raises."""
    try:
        yield
    except UnknownModel as error:
        raise InputError(error.message, error.hint) from error
    except NothingPublished as error:
        raise InputError(error.message, error.hint) from error
    except PullError as error:
        raise ResonanceError(error.message, error.hint) from error
    except WeightsError as error:
        raise InputError(error.message, error.hint) from error
    except CardError as error:
        raise InputError(f"{error}.") from error
    except (ValueError, TypeError) as error:  # settings that the network cannot be built with
        raise InputError(f"{error}.") from error
    except OSError as error:
        where = error.filename or "The data directory"
        raise ResonanceError(f"{where}: {error.strerror or error}.") from error
