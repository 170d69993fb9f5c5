"""Hatchling's hook before a wheel or sdist: refuses to build one whose client could not draw.

The zstd decoder is fetched, not committed, so that a fresh clone lacks it; deploy/build.sh fetches it first.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DecoderIsThere(BuildHookInterface):  # type: ignore[type-arg, misc]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises FileNotFoundError. An editable installation serves what is fetched into the clone later."""
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        try:
            from web_client.fetch import TARGET, is_fetched
        finally:
            sys.path.remove(self.root)
        if not is_fetched():
            raise FileNotFoundError(
                f"{TARGET.relative_to(Path(self.root))} is missing: run `python -m web_client.fetch` or deploy/build.sh"
            )
