"""What one incoming RTP stream looks like from here (RFC 3550 appendix A). Time is passed in, in seconds."""

from media.rtcp import ReportBlock
from media.rtp import compact_ntp, extend_timestamp

MAX_DROPOUT = 3000
"""A forward step up to this many packets is loss; a larger one must be confirmed by its successor."""
MAX_MISORDER = 100


class ReceiveStatistics:
    """Loss, jitter and the report block of one SSRC.

    `highest_sequence` and `highest_timestamp` are unwrapped and never go back, also when the source restarts.
    """

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.clock_rate = clock_rate
        self.packets = 0
        self.bytes = 0
        self.jitter = 0.0
        self.highest_sequence: int | None = None
        self.highest_timestamp: int | None = None
        self.last_arrival: float | None = None
        self._base = 0
        self._received = 0
        self._expected_prior = 0
        self._received_prior = 0
        self._restart_at: int | None = None
        self._transit: float | None = None
        self._report_ntp: int | None = None
        self._report_arrival = 0.0

    @property
    def jitter_seconds(self) -> float:
        return self.jitter / self.clock_rate

    @property
    def lost(self) -> int:
        """Packets expected but not received since the source (re)started; duplicates make it smaller."""
        return self._expected - self._received

    @property
    def _expected(self) -> int:
        return 0 if self.highest_sequence is None else self.highest_sequence - self._base + 1

    def add(self, sequence: int, timestamp: int, now: float, size: int) -> int | None:
        """Count a packet; its unwrapped sequence number, or `None` while a suspicious jump is unconfirmed.

        Of a picture's packets the first tells of jitter: the others wait for their sender's pace.
        """
        extended = self._place(sequence)
        if extended is None:
            return None
        self.packets += 1
        self._received += 1
        self.bytes += size
        self.last_arrival = now
        if self.highest_timestamp is None:
            self.highest_timestamp = timestamp
        elif (ahead := timestamp - self.highest_timestamp & 0xFFFFFFFF) == 0:
            return extended
        elif ahead < 0x80000000:
            self.highest_timestamp += ahead
        self._measure_jitter(timestamp, now)
        return extended

    def _place(self, sequence: int) -> int | None:
        if self.highest_sequence is None:
            self.highest_sequence = self._base = sequence
            return sequence
        ahead = sequence - self.highest_sequence & 0xFFFF
        if ahead < MAX_DROPOUT:
            self.highest_sequence += ahead
        elif ahead <= 0x10000 - MAX_MISORDER:
            if sequence != self._restart_at:
                self._restart_at = sequence + 1 & 0xFFFF
                return None
            self._restart(self.highest_sequence + ahead)
        else:
            return self.highest_sequence + ahead - 0x10000
        self._restart_at = None
        return self.highest_sequence

    def _restart(self, sequence: int) -> None:
        self.highest_sequence = self._base = sequence
        self._received = self._expected_prior = self._received_prior = 0
        self._transit = None

    def _measure_jitter(self, timestamp: int, now: float) -> None:
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            difference = abs(extend_timestamp(0, int(transit - self._transit)))
            if difference < 5 * self.clock_rate:
                self.jitter += (difference - self.jitter) / 16
        self._transit = transit

    def sender_report(self, ntp: int, now: float) -> None:
        """Remember when the source's latest sender report came, for LSR and DLSR."""
        self._report_ntp = ntp
        self._report_arrival = now

    def report(self, now: float) -> ReportBlock | None:
        """The report block since the last call; `None` before the first packet."""
        if self.highest_sequence is None:
            return None
        expected = self._expected - self._expected_prior
        received = self._received - self._received_prior
        self._expected_prior, self._received_prior = self._expected, self._received
        fraction = min(255, max(0, expected - received) * 256 // expected) if expected > 0 else 0
        lsr = dlsr = 0
        if self._report_ntp is not None:
            lsr = compact_ntp(self._report_ntp)
            dlsr = min(0xFFFFFFFF, max(0, int((now - self._report_arrival) * 65536)))
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=fraction,
            cumulative_lost=max(-0x800000, min(0x7FFFFF, self.lost)),
            highest_sequence=self.highest_sequence & 0xFFFFFFFF,
            jitter=int(self.jitter),
            lsr=lsr,
            dlsr=dlsr,
        )
