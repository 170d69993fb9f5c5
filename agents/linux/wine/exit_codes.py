"""What it means how the runner ended. A program's own exit status never comes through: it may be any number. Pure."""

from __future__ import annotations

EXIT_STATUSES: dict[str, int] = {
    "wine_template_missing": 80,
    "wine_program_missing": 81,
    "wine_prefix_busy": 82,
    "wine_prefix_foreign": 83,
    "wine_prefix_broken": 84,
    "wine_failed": 85,
    "home_full": 86,
}
EXIT_CODES: dict[int, str] = {status: code for code, status in EXIT_STATUSES.items()}


class Trouble(Exception):
    """The program cannot run. `code` is one of EXIT_STATUSES; the text names the place."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
