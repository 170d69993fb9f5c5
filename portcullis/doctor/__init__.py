"""`portcullis doctor`: looks at a running installation and names each problem and each departure from safe defaults.

    command.py        options, exit codes            report.py         how it reads, as text and as JSON
    finding.py        severities, findings           site.py           what the REST API tells: gathered once
    machine.py        what this machine tells: gathered once, as far as who runs it may look
    running.py        checks: processes, listeners, readiness, versions
    upkeep.py         checks: files, certificates, disks, packages
    publishing.py     checks: applications against this host
    tenancy.py        checks: hosts, gateways, users, tokens, clock, by the API
    defaults.py       checks: what is weaker than it could be

A check is a small pure function of what was gathered: it returns findings, `ok` ones included. What could not be
looked at is said, not left out.
"""
