// Notes when things happen in a page for the first time, from the click that takes its owner in: `window.__times`.
window.__times = {};
window.__first = new Promise((resolve) => {
  const CLICK = '[data-testid="step-in"], #join';
  const PICTURE = "stage-video";
  let clicked = null;
  let connections = 0;
  const note = (what) => {
    if (clicked !== null && !(what in window.__times)) window.__times[what] = performance.now() - clicked;
  };

  addEventListener("click", ({ target }) => {
    if (target.closest?.(CLICK) && clicked === null) clicked = performance.now();
  }, { capture: true });

  const watched = new WeakSet();
  const watch = (video) => {
    if (watched.has(video)) return;
    watched.add(video);
    if (video.dataset.testid === PICTURE) note("place of the picture");
    video.requestVideoFrameCallback(() => {
      if (video.dataset.testid !== PICTURE || clicked === null) return;
      note("picture");
      resolve(window.__times.picture);
    });
  };
  const look = () => document.querySelectorAll("video").forEach(watch);
  new MutationObserver(look).observe(document, { childList: true, subtree: true });

  const { fetch } = window;
  window.fetch = async (...words) => {
    const answer = await fetch(...words);
    note(`fetched ${new URL(answer.url).pathname}`);
    return answer;
  };

  const asked = new Map();
  const { WebSocket, RTCPeerConnection } = window;
  window.WebSocket = class extends WebSocket {
    constructor(...words) {
      super(...words);
      note("socket made");
      this.addEventListener("open", () => note("socket open"));
      this.addEventListener("message", ({ data }) => {
        if (typeof data !== "string") return note("socket heard");
        const message = JSON.parse(data);
        if (message.method) {
          const kind = message.params?.kind;
          if (message.method !== "meeting.event") note(`told ${message.method}${kind ? ` ${kind}` : ""}`);
        } else {
          note(`answered ${asked.get(message.id)}`);
        }
      });
    }
    send(data) {
      if (typeof data === "string") {
        const { id, method } = JSON.parse(data);
        asked.set(id, method);
        note(`asked ${method}`);
      }
      super.send(data);
    }
  };
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...words) {
      super(...words);
      const name = `connection ${connections++}`;
      note(`${name} made`);
      this.addEventListener("iceconnectionstatechange", () => note(`${name} path ${this.iceConnectionState}`));
      this.addEventListener("connectionstatechange", () => note(`${name} ${this.connectionState}`));
      this.addEventListener("track", ({ track }) => {
        note(`${name} ${track.kind} track`);
        track.addEventListener("unmute", () => note(`${name} ${track.kind} comes`));
      });
    }
  };
});
