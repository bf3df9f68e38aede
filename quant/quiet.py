"""torch's exporter without its words."""

import contextlib
import io
import logging
import warnings


@contextlib.contextmanager
def quiet():  # type: ignore[no-untyped-def]
    """torch's exporter reports its stages and missing optional packages; neither is news for our user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
