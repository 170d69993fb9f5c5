import secrets

import pytest

from agents.linux.wine import maker


@pytest.fixture
def own_names(monkeypatch, tmp_path):
    """How the accounts of this test's makings are called: another suite may be making templates just now."""
    name = f"ptw{secrets.token_hex(4)}"
    monkeypatch.setattr(maker, "NAME", name)
    monkeypatch.setattr(maker, "LOCKS", tmp_path)
    return name
