/** How each source is encoded for sending. */
import type { types } from "mediasoup-client";
import type { Source } from "../wire";
import { cameraLayers } from "./layers";

const START_BITRATE = 800; // kbit/s
/** Text that stands still: sharp rather than smooth. */
const SCREEN: types.ProducerOptions["encodings"] = [{ maxBitrate: 2_000_000, maxFramerate: 5 }];

const AUDIO: Record<"microphone" | "interpretation", types.ProducerCodecOptions> = {
  microphone: { opusStereo: false, opusDtx: false, opusFec: true, opusNack: true, opusMaxAverageBitrate: 40_000 },
  interpretation: { opusStereo: false, opusDtx: false, opusFec: true, opusNack: true, opusMaxAverageBitrate: 64_000 },
};

export function encoding(source: Source, track: MediaStreamTrack): Partial<types.ProducerOptions> {
  if (source === "microphone" || source === "interpretation") return { codecOptions: AUDIO[source] };
  return {
    encodings: source === "screen" ? SCREEN : cameraLayers(track.getSettings()),
    codecOptions: { videoGoogleStartBitrate: START_BITRATE },
  };
}

/** Only these sizes of what is sent in several are made. */
export async function setLayers({ rtpSender }: types.Producer, layers: readonly number[]): Promise<void> {
  const parameters = rtpSender?.getParameters();
  if (!rtpSender || !parameters || parameters.encodings.length < 2) return;
  parameters.encodings.forEach((encoding, place) => (encoding.active = layers.includes(place)));
  await rtpSender.setParameters(parameters);
}
