import type { Found, Way } from "./paths";

export type Verdict = "good" | "relayed" | "slow" | "blocked" | "offline";

/** Megabits a second that a meeting with sound and picture needs, each way. */
export const NEEDED = 1;

/** What all the results together mean for a meeting. */
export function verdict(
  socket: Found | undefined,
  ways: Partial<Record<Way, Found>>,
  speed: { down: number; up: number } | null,
): Verdict {
  const open = (way: Way) => ways[way]?.state === "open";
  if (socket?.state !== "open") return "offline";
  if (!Object.values(ways).some(({ state }) => state === "open")) return "blocked";
  if (speed && Math.min(speed.down, speed.up) < NEEDED) return "slow";
  return open("udp") || open("relayUdp") ? "good" : "relayed";
}
