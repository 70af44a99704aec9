/** The line to the service itself: the WebSocket, and how much goes over HTTPS. */
import { request } from "../stores/api";
import type { Found } from "./paths";

const PATIENCE = 10_000;
/** Letters of one measure; the best counts, for a device is busy at times. The last is for lines that are not slow. */
const DOWN = [100_000, 100_000, 1_000_000];
const UP = [50_000, 50_000, 200_000];
const SLOW = 2;

/** There and back: an upgrade alone can pass a proxy that lets nothing through afterwards. */
export function tryWebSocket(): Promise<Found> {
  const url = new URL("/api/v1/socket", window.location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const target = `TCP ${url.hostname}:${url.port || (url.protocol === "wss:" ? 443 : 80)}`;
  const start = performance.now();
  const socket = new WebSocket(url);
  return new Promise<Found>((resolve) => {
    const done = (open: boolean) =>
      resolve({ state: open ? "open" : "blocked", target, ms: open ? Math.round(performance.now() - start) : null });
    setTimeout(() => done(false), PATIENCE);
    socket.onopen = () => socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "session.ping" }));
    socket.onmessage = () => done(true);
    socket.onerror = socket.onclose = () => done(false);
  }).finally(() => socket.close());
}

async function measured(sizes: number[], once: (letters: number) => Promise<void>): Promise<number> {
  let speed = 0;
  for (const letters of sizes) {
    if (letters === sizes.at(-1) && speed < SLOW) break;
    const start = performance.now();
    await once(letters);
    speed = Math.max(speed, (letters * 8) / (performance.now() - start) / 1_000);
  }
  return speed;
}

/** Megabits a second, down and up. */
export async function measureLine(): Promise<{ down: number; up: number }> {
  const down = await measured(DOWN, async (letters) => void (await request("POST", "/connection-test/line", { letters })));
  const up = await measured(UP, async (letters) => {
    await request("POST", "/connection-test/line", { letters: 0, filler: chance(letters) });
  });
  return { down, up };
}

/** Nothing on the way can make it smaller by much. */
function chance(letters: number): string {
  const text = new Uint8Array(letters);
  for (let from = 0; from < letters; from += 65_536) crypto.getRandomValues(text.subarray(from, from + 65_536));
  return Array.from(text, (byte) => String.fromCharCode(48 + (byte % 64))).join("").replaceAll("\\", "z");
}
