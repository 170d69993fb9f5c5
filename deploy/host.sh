#!/usr/bin/env bash
# This machine becomes a host of a Portcullis site that runs elsewhere: installs what is missing, joins, starts the agent.
role=host usage="usage: PORTCULLIS_JOIN_TOKEN=TOKEN deploy/host.sh --broker HOST:PORT [--name NAME] [--slots N] [--foreground] [--no-install]
       deploy/host.sh [--broker HOST:PORT] | --status | --stop | --reset [--yes]

This machine becomes a host of a site that runs elsewhere. \`portcullis host join-token\` there prints the command.
Needs root or sudo. It opens no port: broker and gateways are dialled.

  --join TOKEN   the join token; - reads it from standard input. The variable, or --join-file FILE, keeps it out of
                 the list of processes
  --broker HOST:PORT
                 inner address of a broker of the site; later: where to look for it from now on
  --name NAME    what the host is called (default: this machine's name)
  --slots N      how many sessions it runs at once (default 20)
  --foreground   stay, and stop everything at the end
  --no-install   install no system packages
  --status       whether it runs and is connected (exit status 0: it is, 1: not connected, 3: stopped)
  --stop         end its sessions and stop; what was made stays
  --reset        stop, and remove all that was made: accounts, homes, state. Asks, or --yes. The site still lists it

Without a token it starts what has joined, and moves it to the code of this clone: sessions go on."
# shellcheck source=deploy/machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
