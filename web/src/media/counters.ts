/** What the browser counts of each track and of each path, read from its reports. */
import type { types } from "mediasoup-client";
import type { Source } from "../wire";
import type { Outgoing } from "./healer";
import type { LinkCounters } from "./network";

export interface ConsumerStats {
  id: string;
  participant: string;
  source: Source;
  kind: types.MediaKind;
  /** It is sent; a picture that nobody sees is not. */
  plays?: boolean;
  packetsReceived?: number;
  bytesReceived?: number;
  packetsLost?: number;
  framesDecoded?: number;
  framesPerSecond?: number;
  frameWidth?: number;
  frameHeight?: number;
  totalSamplesReceived?: number;
  concealedSamples?: number;
  silentConcealedSamples?: number;
  freezeCount?: number;
  /** Frames of sound that came along with others, and those of them that had come already. */
  fecPacketsReceived?: number;
  fecPacketsDiscarded?: number;
  /** Seconds that all samples or pictures together have waited, and how many they are. */
  jitterBufferDelay?: number;
  jitterBufferEmittedCount?: number;
  /** Loudness now, 0 to 1, where it is mixed. */
  level?: number;
}

/** What one received track has brought. */
export function receivedBy(reports: RTCStatsReport): Partial<ConsumerStats> {
  const found: Partial<ConsumerStats> = {};
  for (const report of reports.values()) {
    if (report.type !== "inbound-rtp") continue;
    found.packetsReceived = report.packetsReceived;
    found.bytesReceived = report.bytesReceived;
    found.packetsLost = report.packetsLost;
    found.framesDecoded = report.framesDecoded;
    found.framesPerSecond = report.framesPerSecond;
    found.frameWidth = report.frameWidth;
    found.frameHeight = report.frameHeight;
    found.totalSamplesReceived = report.totalSamplesReceived;
    found.concealedSamples = report.concealedSamples;
    found.silentConcealedSamples = report.silentConcealedSamples;
    found.freezeCount = report.freezeCount;
    found.fecPacketsReceived = report.fecPacketsReceived;
    found.fecPacketsDiscarded = report.fecPacketsDiscarded;
    found.jitterBufferDelay = report.jitterBufferDelay;
    found.jitterBufferEmittedCount = report.jitterBufferEmittedCount;
  }
  return found;
}

/** When the newest packet came of all that is played, by the browser's clock; null where nothing is. */
export function newestPlayed(consumers: Iterable<types.Consumer>): number | null {
  const times = [...consumers].flatMap(({ rtpReceiver }) =>
    (rtpReceiver?.getSynchronizationSources?.() ?? []).map(({ timestamp }) => timestamp),
  );
  return times.length > 0 ? Math.max(...times) : null;
}

/** All that has come over a transport's path so far: bytes, and answers to the browser's checks. */
export async function arrived(transport: types.Transport): Promise<number> {
  let sum = 0;
  for (const report of (await transport.getStats()).values()) {
    if (report.type === "candidate-pair") sum += (report.bytesReceived ?? 0) + (report.responsesReceived ?? 0);
  }
  return sum;
}

export function sentBy(reports: RTCStatsReport): Omit<Outgoing, "source"> {
  let packets = 0;
  let answered: number | undefined;
  for (const report of reports.values()) {
    if (report.type === "outbound-rtp") packets += report.packetsSent ?? 0;
    if (report.type === "remote-inbound-rtp") answered = Math.max(answered ?? 0, report.timestamp);
  }
  return { packets, answered };
}

export function countLink(reports: Iterable<RTCStats>, into: LinkCounters): void {
  // The browser's reports are wider than the type that TypeScript knows for them all.
  for (const report of reports as Iterable<RTCStats & Record<string, never>>) {
    if (report.type === "candidate-pair" && report.nominated && report.currentRoundTripTime !== undefined) {
      into.roundTrip = Math.max(into.roundTrip ?? 0, report.currentRoundTripTime);
    } else if (report.type === "outbound-rtp") {
      into.sent += report.packetsSent ?? 0;
      into.limited ||= report.qualityLimitationReason === "bandwidth";
    } else if (report.type === "remote-inbound-rtp") {
      into.sentLost += report.packetsLost ?? 0;
    }
  }
}
