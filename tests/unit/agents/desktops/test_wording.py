"""What a helper says on a person's screen."""

from agents.desktops.wording import question, shown, sign


def test_a_name_cannot_forge_what_stands_beside_it():
    assert shown("Ann\n\nAllow\u202e?\u200b") == "AnnAllow?"
    assert shown("Ann   of\tIT") == "Ann ofIT"
    assert shown("\u0000") == "Somebody"
    assert len(shown("x" * 500)) == 64


def test_a_long_name_does_not_push_out_of_the_sign_what_the_person_can_do():
    text = sign("Windows is up to date. Press End to close this " * 3, view_only=False)
    assert text == "Windows is up to date. … can see and use this screen"
    assert sign("山" * 80, view_only=True) == "山" * 11 + "… can see this screen"
    assert sign("firstname.lastname@x.org", view_only=True).startswith("firstname.lastname@x.org can")


def test_the_question_says_who_and_what():
    asked = question("ann", "Help desk", "Acme", view_only=False)
    assert asked.text.startswith("ann of Acme wants to see and use this screen (Help desk).")
    assert "type" not in question("ann", "Help desk", "", view_only=True).text
    assert sign("ann", view_only=True) == "ann can see this screen"
