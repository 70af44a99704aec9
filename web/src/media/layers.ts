/** In which sizes a camera is sent. */
import type { types } from "mediasoup-client";

/** bit/s of a picture of 180, 360 and 720 lines. */
const BITRATES = [150_000, 500_000, 1_500_000];
/** Three layers from this width on, two from that: a smaller picture is worth no other size. */
const THREE_FROM = 960;
const TWO_FROM = 480;
/** What a browser that does not tell the size may well have. */
const UNKNOWN_WIDTH = 1280;

/** The smallest first; each next one is twice as wide. Temporal layers where the browser makes them. */
export function cameraLayers({ width = UNKNOWN_WIDTH }: MediaTrackSettings): types.RtpEncodingParameters[] {
  const count = width >= THREE_FROM ? 3 : width >= TWO_FROM ? 2 : 1;
  if (count === 1) return [{ maxBitrate: BITRATES[1], scalabilityMode: "L1T3" }];
  return Array.from({ length: count }, (_, layer) => ({
    rid: `r${layer}`,
    scaleResolutionDownBy: 2 ** (count - 1 - layer),
    maxBitrate: BITRATES[layer],
    scalabilityMode: "L1T3",
  }));
}
