"""The worker: capture, encode, stream and channels of one session, under an account of its own."""
