import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.linux.accounts import (
    check_prefix,
    gecos,
    home_name,
    is_home_of,
    own_accounts,
    user_account_name,
)
from portcullis.errors import InvalidInput


def test_name_is_the_same_at_every_launch_and_differs_by_tenant_and_user():
    names = {user_account_name("pc", tenant, user) for tenant in ("t1", "t2") for user in ("u1", "u2")}
    assert len(names) == 4
    assert user_account_name("pc", "t1", "u1") == user_account_name("pc", "t1", "u1")
    assert all(name.startswith("pcu") and len(name) == 13 for name in names)


@given(st.text(max_size=200))
def test_any_user_name_makes_a_comment_that_passwd_can_hold(name):
    comment = gecos(name, "a" * 16, "b" * 16)
    assert comment.startswith("Portcullis ") and comment.endswith(f"({'a' * 16}/{'b' * 16})")
    assert comment.isprintable() and not set(":,=\n") & set(comment) and len(comment) < 120


def test_only_the_instances_own_accounts_are_removed():
    comment = gecos("Ada", "t", "u")
    accounts = [
        ("pcu0123456789", comment),
        ("pcw0", "Portcullis worker"),
        ("pcw12", "Portcullis worker"),
        ("pcw1x", "Portcullis worker"),
        ("pcu0123456789a", comment),
        ("pcxu0123456789", comment),
        ("pcw3", "Somebody,,,"),
        ("pc", comment),
        ("root", "root"),
    ]
    assert own_accounts("pc", accounts) == ["pcu0123456789", "pcw0", "pcw12"]


def test_the_accounts_of_one_tenant_are_told_from_those_of_another():
    one, other = "a" * 16, "b" * 16
    accounts = [
        ("pcu0123456789", gecos("Ada", one, "1" * 16)),
        ("pcu1123456789", gecos("Ada", other, "1" * 16)),
        ("pcu2123456789", gecos(f"x ({one}/{'1' * 16})", other, "2" * 16)),
        ("pcw0", "Portcullis worker"),
    ]
    assert own_accounts("pc", accounts, one) == ["pcu0123456789"]
    assert own_accounts("pc", accounts, other) == ["pcu1123456789", "pcu2123456789"]


@given(
    st.lists(st.tuples(st.sampled_from(["a" * 16, "b" * 16, "c" * 16]), st.integers(0, 2**32)), unique=True)
)
def test_users_of_two_tenants_have_different_accounts_even_of_one_id(users):
    """Should two names fall together all the same, the second one is refused: its comment names the tenant."""
    names = {user_account_name("pc", tenant, f"{user:016x}") for tenant, user in users}
    assert len(names) == len(users)


@pytest.mark.parametrize("prefix", ["", "1a", "A", "pc/", "../x", "pc x", "-pc", "p" * 17, "pc\n", "pc--"])
def test_prefix_that_makes_no_account_name_is_refused(prefix):
    with pytest.raises(InvalidInput):
        check_prefix(prefix)


@pytest.mark.parametrize("prefix", ["pc", "pc1a2b3c4d", "pc-", "p" * 16 + "-"])
def test_account_names_stay_below_the_limit_of_32(prefix):
    check_prefix(prefix)
    assert len(user_account_name(prefix, "t", "u")) <= 31


@pytest.mark.parametrize(
    ("user_name", "home"),
    [
        ("ada", "ada-0123"),
        ("Zoë Müller", "zoemuller-0123"),
        ("../../etc", "etc-0123"),
        ("漢字", "user-0123"),
        ("x" * 200, "x" * 24 + "-0123"),
        ("a/b\0\n", "ab-0123"),
    ],
)
def test_home_is_called_after_its_user(user_name, home):
    assert home_name(user_name, "pcu0123456789") == home


@given(st.text(max_size=200))
def test_home_of_any_user_is_one_folder_known_as_the_accounts(user_name):
    name = home_name(user_name, "pcu0123456789")
    assert "/" not in name and not name.startswith(".") and is_home_of("pcu0123456789", name)
    assert not is_home_of("pcu9876543210", name)
