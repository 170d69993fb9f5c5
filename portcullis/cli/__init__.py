"""The command `portcullis`: publishes and looks after a tenant through the public REST API alone.

    __main__.py          options, dispatch, exit codes
    reading.py           get, explain               users.py             user add, reset, disable, enable, delete
    changing.py          apply, host join-token, session logoff, token revoke
    manifest.py          the documents of `apply` (pure)    documents.py  YAML and JSON with the place of everything
    icons.py             an icon's bytes, by name    discovering.py  host applications
    output.py            tables, JSON, safe text     qr.py                codes for phones

Exit codes: 0 done; 1 the service refused or failed; 2 wrong usage or malformed input, nothing was changed;
3 no usable profile; 4 the service does not answer.
"""
