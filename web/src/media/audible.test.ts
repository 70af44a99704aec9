import { afterEach, expect, it, vi } from "vitest";
import { soundAs } from "./audible";

afterEach(() => vi.unstubAllGlobals());

it("is heard with the ring switch off, and leaves an open microphone to the browser", () => {
  const audioSession = { type: "auto" };
  vi.stubGlobal("navigator", { audioSession });
  soundAs(false);
  expect(audioSession.type).toBe("playback");
  soundAs(true);
  expect(audioSession.type).toBe("auto");
});

it("asks nothing of browsers that need nothing", () => {
  vi.stubGlobal("navigator", {});
  expect(() => soundAs(false)).not.toThrow();
});
