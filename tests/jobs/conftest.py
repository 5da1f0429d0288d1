"""Fewer test images for runs in spikes."""

from __future__ import annotations

import pytest


@pytest.fixture
def few_test_images(monkeypatch):
    """The last word of a spiking run would show all test images in spikes."""
    import spikedtp.jobs.data as module

    whole = module.load

    def few(*args, **options):
        images = whole(*args, **options)
        for name in ("test_x", "test_t", "test_y"):
            object.__setattr__(images, name, getattr(images, name)[:5])
        return images

    monkeypatch.setattr(module, "load", few)
