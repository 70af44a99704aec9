import { afterEach, describe, expect, it, vi } from "vitest";
import { openDevices, pictureSize } from "./devices";

const WANTED = { microphone: true, camera: true, plainSound: false };

class FakeStream {
  constructor(private readonly kinds: string[]) {}
  getTracks() {
    return this.kinds.map((kind) => ({ kind }));
  }
  getAudioTracks() {
    return this.getTracks().filter((track) => track.kind === "audio");
  }
  getVideoTracks() {
    return this.getTracks().filter((track) => track.kind === "video");
  }
}

function machine(refuse: Partial<Record<"audio" | "video", string>>) {
  const asked: MediaStreamConstraints[] = [];
  const getUserMedia = async (wanted: MediaStreamConstraints) => {
    asked.push(wanted);
    for (const kind of ["audio", "video"] as const) {
      if (wanted[kind] && refuse[kind]) throw new DOMException("", refuse[kind]);
    }
    return new FakeStream([...(wanted.audio ? ["audio"] : []), ...(wanted.video ? ["video"] : [])]);
  };
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
  return asked;
}

describe("opening camera and microphone", () => {
  afterEach(() => void vi.unstubAllGlobals());

  it("asks one question when both are given", async () => {
    const asked = machine({});
    const opened = await openDevices(WANTED);
    expect(asked).toHaveLength(1);
    expect([opened.microphone?.kind, opened.camera?.kind, opened.problems]).toEqual(["audio", "video", {}]);
  });

  it.each([
    ["NotAllowedError", "refused"],
    ["NotFoundError", "missing"],
    ["NotReadableError", "busy"],
    ["TypeError", "failed"],
  ])("keeps the microphone when the camera ends in %s, and says %s", async (name, problem) => {
    machine({ video: name });
    const opened = await openDevices(WANTED);
    expect(opened.microphone?.kind).toBe("audio");
    expect(opened.problems).toEqual({ camera: problem });
  });

  it("says so where the browser gives no devices at all", async () => {
    vi.stubGlobal("navigator", {});
    expect((await openDevices(WANTED)).problems).toEqual({ microphone: "insecure", camera: "insecure" });
  });

  it("takes another camera when the chosen one is elsewhere today", async () => {
    const asked = machine({});
    const media = navigator.mediaDevices;
    const any = media.getUserMedia;
    media.getUserMedia = async (wanted) => {
      if (wanted?.video && (wanted.video as MediaTrackConstraints).deviceId) throw new DOMException("", "OverconstrainedError");
      return any(wanted);
    };
    const opened = await openDevices(WANTED, { camera: "at home" });
    expect([opened.microphone?.kind, opened.camera?.kind, opened.problems]).toEqual(["audio", "video", {}]);
    expect(asked.at(-1)).not.toHaveProperty("video.deviceId");
  });

  it("insists on the chosen microphone", async () => {
    const asked = machine({});
    await openDevices(WANTED, { microphone: "headset" });
    expect(asked[0].audio).toMatchObject({ deviceId: { exact: "headset" } });
  });

  it("leaves an interpreter's sound untreated", async () => {
    const asked = machine({});
    await openDevices({ ...WANTED, plainSound: true });
    expect(asked[0].audio).toMatchObject({ echoCancellation: false, noiseSuppression: false, autoGainControl: false });
  });
});

it("reads a smaller picture from the address, and nothing else", () => {
  expect(pictureSize("?picture=320x180@10")).toEqual({ width: 320, height: 180, frameRate: 10 });
  expect(pictureSize("?picture=huge")).toMatchObject({ width: 1280, height: 720 });
});
