"""How a host or gateway becomes a machine of its site, and stays one: joining.py, renewal.py."""
