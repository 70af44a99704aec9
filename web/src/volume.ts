/** Roughly how loud, in words: the key of a text. `volume` is linear, 1 as it was sent. */
export function volumeWord(volume: number): string {
  if (volume <= 0) return "device.volume.none";
  if (volume <= 0.4) return "device.volume.low";
  return volume < 0.95 ? "device.volume.less" : "device.volume.full";
}
