"""What a session shows of its connection: lost, back, or silent."""

from __future__ import annotations

import time
from dataclasses import replace

from resonance_tui.messaging.link import Link
from resonance_tui.messaging.link_status import LinkState
from resonance_tui.session.events import LinkUpdate
from resonance_tui.session.happenings import Happenings
from resonance_tui.session.outage import outage_after
from resonance_tui.session.shown import Shown
from resonance_tui.session.silence import Silence, silence_text


class LinkNews:
    """Used on the loop's thread."""

    def __init__(self, shown: Shown, happenings: Happenings) -> None:
        self._shown, self._happenings = shown, happenings
        self._silence = Silence()

    def look(self, link: Link, now: float) -> bool:
        """Whether the state is another, and connected. `now`: monotonic seconds."""
        self._listen_for_silence(link, now)
        view, status = self._shown.view, link.status
        if status == view.link:
            return False
        outage = outage_after(view.outage, status, now)
        self._shown.change(link=status, viewer_id=link.viewer_id, outage=outage)
        self._shown.tell(LinkUpdate(time.time(), status))
        self._shown.happened(self._happenings.link(outage, time.time(), now))
        return status.state is LinkState.CONNECTED

    def _listen_for_silence(self, link: Link, now: float) -> None:
        """Told as it begins and as it ends; a screen shows the seconds."""
        is_connected, before = link.status.state is LinkState.CONNECTED, self._shown.view.silent_s
        silent_s = self._silence.look(link.asked_at if is_connected else None, now)
        if silent_s != before:
            self._shown.change(silent_s=silent_s)
        if silent_s and not before:
            status = replace(link.status, detail=silence_text(silent_s))
            self._shown.tell(LinkUpdate(time.time(), status))
        elif before and not silent_s and is_connected:
            self._shown.tell(LinkUpdate(time.time(), link.status))
