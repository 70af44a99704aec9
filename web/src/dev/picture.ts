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
