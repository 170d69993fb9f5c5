"""The public REST API (docs/api.md) for Python programs: client.py, and profile.py, which says where and as whom."""
