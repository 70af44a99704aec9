/** Stills of people, taken from the pictures that they send. They live as long as the page and go nowhere. */
import { defineStore } from "pinia";
import { shallowReactive } from "vue";
import { looks } from "../media/looks";

export const PORTRAIT = 96;
/** A camera's first frames are dark. */
const AGAIN = 4_000;

export const usePortraits = defineStore("portraits", () => {
  const stills = shallowReactive(new Map<string, ImageBitmap>());
  const taken = new WeakSet<MediaStreamTrack>();

  function keep(participant: string, track: MediaStreamTrack): void {
    if (taken.has(track)) return;
    taken.add(track);
    void take(participant, track);
    setTimeout(() => void take(participant, track), AGAIN);
  }

  async function take(participant: string, track: MediaStreamTrack): Promise<void> {
    if (track.readyState === "ended") return;
    const still = await stillOf(track).catch(() => null);
    if (!still) return;
    stills.get(participant)?.close();
    stills.set(participant, still);
  }

  function forget(): void {
    for (const still of stills.values()) still.close();
    stills.clear();
  }

  return { stills, keep, forget };
});

/** The middle of the next frame as a square. */
async function stillOf(track: MediaStreamTrack): Promise<ImageBitmap | null> {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  looks.see(track, video, { width: PORTRAIT, height: PORTRAIT });
  try {
    await new Promise<void>((resolve, reject) => {
      video.addEventListener("loadeddata", () => resolve(), { once: true });
      track.addEventListener("ended", () => reject(new Error("The picture has ended")), { once: true });
      video.play().catch(reject);
    });
    const { videoWidth: width, videoHeight: height } = video;
    const side = Math.min(width, height);
    if (!side) return null;
    const size = { resizeWidth: PORTRAIT, resizeHeight: PORTRAIT, resizeQuality: "medium" } as const;
    return await createImageBitmap(video, (width - side) / 2, (height - side) / 2, side, side, size);
  } finally {
    looks.leave(track, video);
    video.srcObject = null;
  }
}
