"""Keeping a library's progress bars and log lines out of the caller's terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from logging import ERROR

from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from transformers.utils import logging


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers below errors, and put its settings back as they were.

    What it would log about missing and unexpected weights is checked by rmaudit itself and raised as an error.
    """
    verbosity, own_bars, hub_bars = (
        logging.get_verbosity(),
        logging.is_progress_bar_enabled(),
        not are_progress_bars_disabled(),
    )
    logging.set_verbosity(ERROR)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if own_bars:
            logging.enable_progress_bar()
        # The two calls above switch the hub's bars along with their own.
        (enable_progress_bars if hub_bars else disable_progress_bars)()
