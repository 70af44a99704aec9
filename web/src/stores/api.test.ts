import { expect, it, vi } from "vitest";
import { request, serverAhead } from "./api";

function answers(date: string): void {
  vi.stubGlobal("fetch", async () => new Response("{}", { headers: { Date: date } }));
}

it("notes the service's clock where this device's is wrong, and takes no second for a difference", async () => {
  vi.useFakeTimers({ now: Date.parse("2026-11-24T10:00:00Z") });
  answers("Tue, 24 Nov 2026 10:00:01 GMT");
  await request("GET", "/x");
  expect(serverAhead.value).toBe(0);
  answers("Tue, 24 Nov 2026 10:07:00 GMT");
  await request("GET", "/x");
  expect(serverAhead.value).toBe(420_000);
  answers("Tue, 24 Nov 2026 10:07:01 GMT");
  await request("GET", "/x");
  expect(serverAhead.value).toBe(420_000);
  answers("Tue, 24 Nov 2026 10:00:00 GMT");
  await request("GET", "/x");
  expect(serverAhead.value).toBe(0);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});
