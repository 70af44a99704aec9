import type { DeviceList } from "../media/devices";

/** A drawn stand-in for a camera: a calm background, a head and shoulders. */
const SHADES = ["#2f5d6b", "#6b4a5e", "#54403a", "#39504a", "#5b5f4a"];

export function drawnPicture(name: string): MediaStreamTrack {
  const canvas = document.createElement("canvas");
  canvas.width = 640;
  canvas.height = 360;
  const paint = canvas.getContext("2d")!;
  const shade = SHADES[name.length % SHADES.length];
  const draw = () => {
    paint.fillStyle = "#d5dedc";
    paint.fillRect(0, 0, 640, 360);
    paint.fillStyle = shade;
    paint.beginPath();
    paint.ellipse(320, 400, 190, 150, 0, 0, Math.PI * 2);
    paint.fill();
    paint.fillStyle = "#ddb08c";
    paint.beginPath();
    paint.ellipse(320, 170, 70, 88, 0, 0, Math.PI * 2);
    paint.fill();
  };
  draw();
  setInterval(draw, 200);
  return canvas.captureStream(5).getVideoTracks()[0];
}

/** A drawn stand-in for a document: an upright page with lines of text. */
export function drawnCanvas(): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = 595;
  canvas.height = 842;
  const paint = canvas.getContext("2d")!;
  paint.fillStyle = "#fff";
  paint.fillRect(0, 0, 595, 842);
  paint.fillStyle = "#16242c";
  paint.font = "600 34px sans-serif";
  paint.fillText("Ansökan om barnbidrag", 60, 100);
  paint.fillStyle = "#4a5a63";
  for (let line = 0; line < 14; line += 1) paint.fillRect(60, 150 + line * 40, line % 4 === 3 ? 260 : 475, 12);
  return canvas;
}

export function drawnPage(): MediaStreamTrack {
  const canvas = drawnCanvas();
  setInterval(() => canvas.getContext("2d")!.fillRect(60, 150, 475, 12), 200);
  return canvas.captureStream(5).getVideoTracks()[0];
}

export function drawnDevices(): DeviceList {
  const made = (kind: MediaDeviceKind, ...labels: string[]) => labels.map((label) => ({ kind, label, deviceId: label, groupId: "" }) as MediaDeviceInfo);
  return {
    cameras: made("videoinput", "Logitech Brio", "Inbyggd kamera"),
    microphones: made("audioinput", "Jabra Evolve2", "Inbyggd mikrofon"),
    speakers: made("audiooutput", "Jabra Evolve2", "Högtalare"),
  };
}

/** A microphone in a room where nobody says anything; `hum`: loudness of a fan in it (root mean square). */
export function drawnSound(hum = 0): MediaStreamTrack {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const fan = context.createOscillator();
  const gain = context.createGain();
  gain.gain.value = hum * Math.SQRT2;
  fan.connect(gain).connect(out);
  fan.start();
  return out.stream.getAudioTracks()[0];
}
