"""Which layouts a display has for a user's keyboard and language."""

import pytest

from agents.linux.keyboard_groups import Named, attempts, groups_of, parse


@pytest.mark.parametrize(
    ("layout", "locale", "groups"),
    [
        ("us", "en-US", "us"),
        ("de(neo)", "de-DE", "de(neo)"),
        ("ru", "ru-RU", "ru,us"),
        ("ru(phonetic)", "en-US", "ru(phonetic),us"),
        ("us", "ru-RU", "us,ru"),
        ("us", "uk", "us,ua"),
        ("us(intl)", "el_GR", "us(intl),gr"),
        ("us", "ar-MA", "us,ma"),
        ("rs(latin)", "sr-Latn", "rs(latin),rs"),
        ("jp", "ja-JP", "jp"),
    ],
)
def test_layout_of_another_script_has_a_latin_one_beside_it_and_the_other_way_round(layout, locale, groups):
    assert ",".join(map(str, groups_of(parse(layout), locale))) == groups


def test_host_that_lacks_a_variant_loads_its_layout_and_at_last_us():
    assert attempts("fr(bepo)", "fr-FR") == [(Named("fr", "bepo"),), (Named("fr"),), (Named("us"),)]
    assert attempts("ru", "ru") == [(Named("ru"), Named("us")), (Named("us"),)]


@pytest.mark.parametrize("name", ["", "de;reboot", "de(", "../de", "de(a,b)", "DE"])
def test_name_that_is_none_gives_us(name):
    assert attempts(name, "en-US") == [(Named("us"),)]
