"""What signs users in to RDP servers: `memory` (for one launch), `vault` (kept by them), `giving` (to the host)."""
