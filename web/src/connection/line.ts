/** The line to the service itself: the WebSocket, and how much goes over HTTPS. */
import { request } from "../stores/api";
import type { Found } from "./paths";

const PATIENCE = 10_000;
/** Letters of one measure; a slow line sends the first only. */
const DOWN = [100_000, 1_000_000];
const UP = [50_000, 200_000];
/** A first measure that took longer than this many milliseconds is the last. */
const SLOW = 1_500;

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
    const start = performance.now();
    await once(letters);
    const took = performance.now() - start;
    speed = (letters * 8) / took / 1_000;
    if (took > SLOW) break;
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
