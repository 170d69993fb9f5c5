"""The HTML5 client: plain ES modules, served as they stand. Python knows only where they are and how to fetch zstd.

index.html  core/ (session library)  app/ (portal)  ui/ (DOM helpers)  styles/  vendor/ (fetched, not committed)
"""

from pathlib import Path

ROOT = Path(__file__).parent
