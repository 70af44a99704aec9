/** What iOS asks of a page that wants to be heard (Audio Session, W3C draft; other browsers have none of it). */

type Sounding = Navigator & { audioSession?: { type: string } };

/**
 * Web Audio alone counts as an accompaniment there, and the ring switch mutes it: who only listens would hear nothing.
 * While a microphone is open the browser knows by itself, and "playback" would shut the microphone.
 */
export function soundAs(capturing: boolean): void {
  const { audioSession } = navigator as Sounding;
  if (audioSession) audioSession.type = capturing ? "auto" : "playback";
}
