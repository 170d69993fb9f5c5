"""Who there is and what they may: tenant, roles, groups, users, groups of hosts, entitlements."""

from __future__ import annotations

from portcullis.model.names import MAXIMUM_NAME_LENGTH
from portcullis.model.roles import PERMISSIONS, TENANT_PERMISSIONS
from portcullis.schemas.kinds.values import ENTITLED, TEXT, flag, group, list_of, mapping, name, said
from portcullis.schemas.shapes import Schema

MAXIMUM_GROUPS = 64
MAXIMUM_MEMBERS = 1000
MAXIMUM_TEXT_LENGTH = 500


def user() -> Schema:
    return mapping(
        "a mapping with kind: user",
        {
            "name": name("As they sign in; one user whatever the case."),
            "role": name(
                "user, administrator, help_desk, auditor, or a role of the tenant. Absent: as it is."
            ),
            "groups": list_of(
                group(), "a list of group names", MAXIMUM_GROUPS, about="All of them. Absent: as it is."
            ),
            "disabled": flag("They cannot sign in. Absent: as it is."),
        },
        ("name",),
    )


def group_document() -> Schema:
    contained = list_of(group(), "a list of group names", MAXIMUM_MEMBERS, about="Groups inside this one.")
    return mapping(
        "a mapping with kind: group",
        {
            "name": group(),
            "description": said(
                f"text of at most {MAXIMUM_TEXT_LENGTH} characters", **TEXT, maxLength=MAXIMUM_TEXT_LENGTH
            ),
            "members": mapping("a mapping with groups", {"groups": contained}),
        },
        ("name",),
    )


def host_group() -> Schema:
    hosts = list_of(name(), "a list of host names", MAXIMUM_MEMBERS, about="All hosts of the group, by name.")
    return mapping("a mapping with kind: host-group", {"name": group(), "hosts": hosts}, ("name", "hosts"))


def entitlement() -> Schema:
    return mapping(
        "a mapping with kind: entitlement",
        {
            "name": name("Tells entitlements of one application apart. Absent: the application's name."),
            "application": name("Who may start it, besides those that its own document names."),
            **ENTITLED,
        },
        ("application",),
    )


def role() -> Schema:
    allowed = said(
        "the name of a permission", enum=[name for name in PERMISSIONS if name in TENANT_PERMISSIONS]
    )
    permissions = list_of(allowed, "a list of permissions", len(TENANT_PERMISSIONS))
    return mapping(
        "a mapping with kind: role", {"name": name(), "permissions": permissions}, ("name", "permissions")
    )


def tenant(logo: Schema) -> Schema:
    rate = said("a number, 0 or more, or null", type=["number", "null"], minimum=0, maximum=1_000_000)
    accent = said("a colour such as #1b5fae, or null", type=["string", "null"], pattern="^#[0-9a-fA-F]{6}$")
    return mapping(
        "a mapping with kind: tenant",
        {
            "title": said(
                "text of at most 64 printable characters",
                type="string",
                maxLength=MAXIMUM_NAME_LENGTH,
                pattern="^[^\\u0000-\\u001f]*$",
                description="What pages show instead of the tenant's name.",
            ),
            "theme": mapping("a mapping of accent and logo", {"accent": accent, "logo": logo}),
            "quotas": mapping(
                "a mapping of sessions, launches_per_second and logins_per_second",
                {
                    "sessions": said(
                        "a whole number, 0 or more, or null",
                        type=["integer", "null"],
                        minimum=0,
                        maximum=10_000_000,
                    ),
                    "launches_per_second": rate,
                    "logins_per_second": rate,
                },
            ),
        },
    )
