#!/usr/bin/env bash
# This machine becomes a gateway of a Portcullis site that runs elsewhere: installs what is missing, joins, serves https.
role=gateway usage="usage: PORTCULLIS_JOIN_TOKEN=TOKEN deploy/gateway.sh --broker HOST:PORT --listen ADDRESS --name PUBLIC.NAME
                            [--cert FILE --key FILE] [--port PORT] [--as NAME] [--foreground] [--no-install]
       deploy/gateway.sh [--broker HOST:PORT] [--cert FILE --key FILE] | --status | --stop | --reset [--yes]

This machine becomes a gateway of a site that runs elsewhere. \`portcullis gateway join-token\` there prints the command.
Needs root or sudo. Every host of the site dials it, so its inner port has to be open to them; it prints which.

  --join TOKEN   the join token; - reads it from standard input. The variable, or --join-file FILE, keeps it out of
                 the list of processes
  --broker HOST:PORT
                 inner address of a broker of the site; later: where to look for it from now on
  --listen ADDRESS --name PUBLIC.NAME
                 https for browsers that call it PUBLIC.NAME, and the inner port, on this address of this machine.
                 Another one later takes a token that names the gateway
  --cert FILE --key FILE
                 certificate for that name with its chain, and its key, PEM; read again when they change. Without
                 them the site's own web CA issues one (docs/https.md)
  --port PORT    of https (default: 443, or the first free one from 8443 on)
  --as NAME      what the gateway is called in lists (default: this machine's name)
  --foreground   stay, and stop everything at the end
  --no-install   install no system packages
  --status       whether it runs and is connected (exit status 0: it is, 1: not connected, 3: stopped)
  --stop         stop; what was made stays
  --reset        stop, and remove all that was made. Asks, or --yes. The site still lists it

Without a token it starts what has joined, and moves it to the code of this clone."
# shellcheck source=deploy/machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
