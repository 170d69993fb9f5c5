"""A quickstart beside the instances that are tried here, on packages that are there; its parent begins from nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Installation, copy_of_the_tree, installed
from tests.support import environments


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    clone = copy_of_the_tree(tmp_path_factory.mktemp("neighbour") / "portcullis")
    environments.prepare(clone)
    with installed(clone) as running:
        yield running
