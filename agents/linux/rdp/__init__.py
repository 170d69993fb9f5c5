"""RDP servers shown in a session (docs/rdp.md): `bridge` prepares one on `reach` (the server can be met). Pure are
`addresses`, `negotiation`, `command`, `keyboards` and `exit_codes`."""
