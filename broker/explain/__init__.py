"""Why a launch went as it did: its trace, what a launch would do now, and what was changed since."""
