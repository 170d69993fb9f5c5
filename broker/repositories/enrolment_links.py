"""Enrolment links, by the hash of their token and under a lease: an old one is gone by itself."""

from __future__ import annotations

from dataclasses import replace

from broker.grid.scopes import Condition, Path, Record, Scope, SealedOperation
from portcullis.model.user import EnrolmentLink


def path(link_hash: str) -> Path:
    return ("enrolment", link_hash)


def link_creation(store: Scope, link: EnrolmentLink, lease: int) -> SealedOperation:
    return store.put(path(link.hash), link.to_json(), lease=lease)


def link_deletion(store: Scope, link_hash: str) -> list[SealedOperation]:
    """None where there was no link."""
    return [store.delete(path(link_hash))] if link_hash else []


async def find_link(store: Scope, link_hash: str) -> tuple[Record, EnrolmentLink] | None:
    """From the grid itself: a link is spent by the transaction that deletes this very record."""
    record = await store.get(path(link_hash))
    return (record, EnrolmentLink.from_json(record.value)) if record else None


def with_factor(store: Scope, record: Record, totp_secret: str) -> tuple[SealedOperation, Condition]:
    """What makes `totp_secret` the factor that the link is to prove, if nobody was faster."""
    link = replace(EnrolmentLink.from_json(record.value), totp_secret=totp_secret)
    return store.put(record.path, link.to_json(), lease=record.lease), store.unchanged(record)
