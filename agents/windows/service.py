"""The agent as a Windows service: `python -I -m agents.windows.service`, which the service manager starts.

python.exe is the service's process itself. Its settings come from the command line, else from `paths.config_file()`.
The service manager gives a process that it has started some seconds to say that it runs: so the agent is imported after
that. Somebody who signs in, or unlocks the screen, changes nothing that is kept here: `wts.look` is asked at each
launch. Stopping leaves sessions running.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.windows.serving import Running

log = logging.getLogger(__name__)

NAME = "PortcullisAgent"
DISPLAY_NAME = "Portcullis Agent"
DESCRIPTION = "Publishes applications of this machine through a Portcullis site."
STOP_SECONDS = 20


def service_class(arguments: list[str]) -> type[Any]:
    """What pywin32 makes the service of; made here, since its parent is there on Windows alone."""
    import win32service
    import win32serviceutil

    class AgentService(win32serviceutil.ServiceFramework):  # type: ignore[misc]  # has no types
        _svc_name_ = NAME
        _svc_display_name_ = DISPLAY_NAME
        _svc_description_ = DESCRIPTION

        def __init__(self, given: Any) -> None:
            super().__init__(given)
            self._running: Running | None = None
            self._is_stopped = False

        def GetAcceptedControls(self) -> int:  # the framework's name
            accepted: int = super().GetAcceptedControls() | win32service.SERVICE_ACCEPT_SESSIONCHANGE
            return accepted

        def SvcOtherEx(self, control: int, event: int, data: Any) -> None:
            """Somebody signed in or out, locked or unlocked: for the log alone."""
            if control == win32service.SERVICE_CONTROL_SESSIONCHANGE:
                log.info("a Windows session changed: event %d, session %s", event, data[0] if data else "?")

        def SvcStop(self) -> None:
            self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING, waitHint=STOP_SECONDS * 1000)
            self._is_stopped = True
            if self._running is not None:
                self._running.stop()

        def SvcDoRun(self) -> None:
            from agents.windows import serving

            self._running = serving.Running(serving.settings_with_log(arguments))
            if self._is_stopped:
                self._running.stop()
            self._running.run()

    return AgentService


def main(arguments: list[str]) -> int:
    import servicemanager

    servicemanager.Initialize(NAME, None)
    servicemanager.PrepareToHostSingle(service_class(arguments))
    servicemanager.StartServiceCtrlDispatcher()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
