"""An aiohttp application behind what a server at an edge needs: caps, deadlines, bounded memory a connection."""
