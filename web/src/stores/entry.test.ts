import { beforeEach, expect, it, vi } from "vitest";
import { byLink, byToken, pressedFor, wasPressed } from "./entry";

class Kept {
  private readonly items = new Map<string, string>();
  getItem = (name: string) => this.items.get(name) ?? null;
  setItem = (name: string, value: string) => void this.items.set(name, value);
  removeItem = (name: string) => void this.items.delete(name);
}

const at = (hash: string) => ({ hash, pathname: "/t", search: "?a=1" }) as Location;
const replaced = vi.fn();
let kept: Storage;

beforeEach(() => {
  kept = new Kept() as unknown as Storage;
  replaced.mockReset();
  vi.stubGlobal("history", { state: null, replaceState: replaced });
});

it("takes the token out of the address and keeps it for the tab", async () => {
  expect(await byToken(at("#abc.def.ghi"), kept).token()).toBe("abc.def.ghi");
  expect(replaced).toHaveBeenCalledWith(null, "", "/t?a=1");
  expect(await byToken(at(""), kept).token()).toBe("abc.def.ghi");
});

it("asks what it is for, but not for somebody who comes back", async () => {
  const asked = vi.fn(async () => new Response(JSON.stringify({ role: "officer", language: "sv", booking: null })));
  vi.stubGlobal("fetch", asked);
  const way = byToken(at("#abc"), kept);
  expect(await way.about()).toMatchObject({ role: "officer" });
  way.keep!({ session: "s", secret: "x", lastEvent: 3 });
  expect(await way.about()).toBeNull();
  expect(asked).toHaveBeenCalledTimes(1);
});

it("says so when there is none", async () => {
  await expect(byToken(at(""), kept).token()).rejects.toMatchObject({ code: "token_missing" });
});

it("comes back to the session that the tab had, but not with another token", () => {
  byToken(at("#one"), kept).keep!({ session: "s", secret: "x", lastEvent: 3 });
  expect(byToken(at(""), kept).standing!()).toEqual({ session: "s", secret: "x", lastEvent: 3 });
  expect(byToken(at("#two"), kept).standing!()).toBeNull();
});

it("takes a press on another page for one way in, once", () => {
  pressedFor("abc");
  expect([wasPressed("abc"), wasPressed("abc")]).toEqual([true, false]);
  pressedFor("abc");
  expect([wasPressed("other"), wasPressed("abc")]).toEqual([false, false]);
});

it("gets a link's token ahead, uses it once, and not when it is old or could not be got", async () => {
  let numbers = 0;
  let down = false;
  const answer = () =>
    down ? new Response("{}", { status: 503 }) : new Response(JSON.stringify({ access_token: `token ${++numbers}`, expires_in: 600 }));
  vi.stubGlobal("fetch", async () => answer());
  let now = 0;
  const way = byLink("abc", () => now);
  way.ahead!();
  expect([await way.token(), await way.token()]).toEqual(["token 1", "token 2"]);
  way.ahead!();
  now += 300_000;
  expect(await way.token()).toBe("token 4");
  down = true;
  way.ahead!();
  await Promise.resolve();
  down = false;
  expect(await way.token()).toBe("token 5");
});
