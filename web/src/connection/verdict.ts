import type { Found, Way } from "./paths";

export type Verdict = "good" | "device" | "relayed" | "slow" | "unsure" | "blocked" | "offline";

/** Megabits a second that a meeting with sound and picture needs, each way. */
export const NEEDED = 1;

/** What all the results together mean for a meeting. `device`: camera and microphone work. */
export function verdict(
  socket: Found | undefined,
  ways: Partial<Record<Way, Found>>,
  speed: { down: number; up: number } | null,
  device: boolean,
): Verdict {
  const open = (way: Way) => ways[way]?.state === "open";
  const found = Object.values(ways).map(({ state }) => state);
  if (socket?.state !== "open") return "offline";
  if (!found.includes("open")) return found.includes("failed") || found.includes("refused") ? "unsure" : "blocked";
  if (speed && Math.min(speed.down, speed.up) < NEEDED) return "slow";
  if (!open("udp") && !open("relayUdp")) return "relayed";
  return device ? "good" : "device";
}
