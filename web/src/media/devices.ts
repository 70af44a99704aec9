/** Camera and microphone: asking for them, choosing between them, and every way of not getting them. */

export type DeviceKind = "microphone" | "camera";
export type DeviceProblem = "refused" | "missing" | "busy" | "insecure" | "failed";

export interface DeviceChoice {
  microphone?: string;
  camera?: string;
  speaker?: string;
}

const REMEMBERED = "motesrum-devices";

/** What this browser was told last time: people have several meetings in a row. */
export function rememberedChoice(): DeviceChoice {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(REMEMBERED) ?? "{}");
    if (typeof kept !== "object" || kept === null) return {};
    const texts = Object.entries(kept).filter(([, id]) => typeof id === "string");
    return Object.fromEntries(texts) as DeviceChoice;
  } catch {
    return {};
  }
}

export function rememberChoice(choice: DeviceChoice): void {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify(choice));
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

export interface Wanted {
  microphone: boolean;
  camera: boolean;
  /** Untreated sound, for an interpreter with a headset (design, section 6). */
  plainSound: boolean;
}

export interface Opened {
  microphone: MediaStreamTrack | null;
  camera: MediaStreamTrack | null;
  problems: Partial<Record<DeviceKind, DeviceProblem>>;
}

export interface PictureSize {
  width: number;
  height: number;
  frameRate: number;
}

const PICTURE: PictureSize = { width: 1280, height: 720, frameRate: 30 };

/** Reads `?picture=320x180@10`, for slow machines and lines; anything else is the usual picture. */
export function pictureSize(query: string): PictureSize {
  const match = /^(\d{2,4})x(\d{2,4})@(\d{1,2})$/.exec(new URLSearchParams(query).get("picture") ?? "");
  if (!match) return PICTURE;
  return { width: Number(match[1]), height: Number(match[2]), frameRate: Number(match[3]) };
}

export function problemOf(error: unknown): DeviceProblem {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return "failed";
}

function microphoneConstraints(plain: boolean, deviceId?: string): MediaTrackConstraints {
  return {
    echoCancellation: !plain,
    noiseSuppression: !plain,
    autoGainControl: !plain,
    channelCount: { ideal: 1 },
    ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
  };
}

function cameraConstraints(size: PictureSize, deviceId?: string): MediaTrackConstraints {
  return {
    width: { ideal: size.width },
    height: { ideal: size.height },
    frameRate: { ideal: size.frameRate, max: size.frameRate },
    ...(deviceId ? { deviceId: { exact: deviceId } } : {}),
  };
}

/** A chosen device that is elsewhere today is forgotten: any other is better than none. */
async function one(media: MediaDevices, kind: "audio" | "video", wanted: MediaTrackConstraints): Promise<MediaStreamTrack> {
  const { deviceId, ...any } = wanted;
  try {
    return (await media.getUserMedia({ [kind]: wanted })).getTracks()[0];
  } catch (error) {
    if (!deviceId || problemOf(error) !== "missing") throw error;
    return (await media.getUserMedia({ [kind]: any })).getTracks()[0];
  }
}

/** Asks once for both, so that people meet one question; then for each alone, so that one refusal costs one device. */
export async function openDevices(wanted: Wanted, choice: DeviceChoice = {}, size = PICTURE): Promise<Opened> {
  const opened: Opened = { microphone: null, camera: null, problems: {} };
  const media: MediaDevices | undefined = navigator.mediaDevices;
  if (!media) {
    if (wanted.microphone) opened.problems.microphone = "insecure";
    if (wanted.camera) opened.problems.camera = "insecure";
    return opened;
  }
  const audio = microphoneConstraints(wanted.plainSound, choice.microphone);
  const video = cameraConstraints(size, choice.camera);
  if (wanted.microphone && wanted.camera) {
    try {
      const stream = await media.getUserMedia({ audio, video });
      opened.microphone = stream.getAudioTracks()[0] ?? null;
      opened.camera = stream.getVideoTracks()[0] ?? null;
      return opened;
    } catch {
      // Which of the two failed is found by asking for each.
    }
  }
  if (wanted.microphone) {
    try {
      opened.microphone = await one(media, "audio", audio);
    } catch (error) {
      opened.problems.microphone = problemOf(error);
    }
  }
  if (wanted.camera) {
    try {
      opened.camera = await one(media, "video", video);
    } catch (error) {
      opened.problems.camera = problemOf(error);
    }
  }
  return opened;
}

export interface DeviceList {
  microphones: MediaDeviceInfo[];
  cameras: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

export async function listDevices(): Promise<DeviceList> {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind && device.deviceId !== "");
  return { microphones: of("audioinput"), cameras: of("videoinput"), speakers: of("audiooutput") };
}
