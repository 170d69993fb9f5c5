"""By what an attendant is known: to its leader, and by windows of these classes to the workers of its Windows session.

Any program of that user may make such a window. It gains nothing: a question that is none stops whoever is connected
from typing, and a sign that is none lets nobody type while a true one says that the person does.
"""

from __future__ import annotations

AGREED = "portcullis-agreed"
"""What it prints once its sign stands."""
BROKEN = 70
"""Its exit status when it fails: 1 is that of a process that somebody killed."""

QUESTION_CLASS = "Portcullis.Question"
"""While one is there nobody who is connected can type or click."""
SIGN_CLASS = "Portcullis.Sign"
"""While none is there nobody can."""
PERSON = "Portcullis.Person"
"""A property of signs: when the person last typed or pointed, as GetTickCount tells time, and never 0."""
FROM_AFAR = 0x504F5254
"""What stands beside every event that a worker makes (dwExtraInfo)."""
