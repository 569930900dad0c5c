"""Fixtures every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of real deliveries, named by CHARGEHOUSE_SAMPLES; the test skips without it."""
    folder = os.environ.get("CHARGEHOUSE_SAMPLES")
    if not folder:
        pytest.skip("CHARGEHOUSE_SAMPLES is not set: it names the folder of real sample deliveries")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"CHARGEHOUSE_SAMPLES names {folder}, which is not a folder")
    return path
