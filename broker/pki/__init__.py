"""The site's certificates and signing keys, and how machines get and keep theirs."""
