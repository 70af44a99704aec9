/** Ways to media, each tried by itself: a test that succeeds has sent and received over the very way that a meeting takes. */
import type { types } from "mediasoup-client";

export type Way = "udp" | "tcp" | "relayUdp" | "relayTcp" | "relayTls";
export const WAYS: readonly Way[] = ["udp", "tcp", "relayUdp", "relayTcp", "relayTls"];

/**
 * `open` has answered, `blocked` has not, `refused` has, but will not carry anything, `failed` could not be tried,
 * `absent` is not set up at this service. `target`: what a firewall sees.
 */
export interface Found {
  state: "open" | "blocked" | "refused" | "failed" | "absent";
  target: string;
  ms: number | null;
}

interface Offer {
  id: string;
  iceParameters: types.IceParameters;
  iceCandidates: types.IceCandidate[];
  dtlsParameters: types.DtlsParameters;
}

export interface Begun {
  ice_servers: { urls: string[]; username: string; credential: string }[];
  /** From which the service was called. */
  address: string;
  transport: Offer;
}

/** What has not answered by then is blocked (ms). */
const PATIENCE = 12_000;

/** `turn:host:port?transport=udp` as a way, and as a firewall sees it. */
export function relay(url: string): { way: Way; target: string } {
  const [, scheme, host, port, transport] = /^(turns?):(\[.*?\]|[^:?]+)(?::(\d+))?(?:\?transport=(\w+))?$/.exec(url) ?? [];
  const tls = scheme === "turns";
  const way = tls ? "relayTls" : transport === "tcp" ? "relayTcp" : "relayUdp";
  return { way, target: `${way === "relayUdp" ? "UDP" : "TCP"} ${host}:${port ?? (tls ? 5349 : 3478)}` };
}

export function candidateLine(one: types.IceCandidate): string {
  const tcp = one.tcpType ? ` tcptype ${one.tcpType}` : "";
  return `a=candidate:${one.foundation} 1 ${one.protocol} ${one.priority} ${one.address ?? one.ip} ${one.port} typ ${one.type}${tcp}`;
}

/** The answer of a server that would send nothing. */
export function answer(offer: string, transport: Offer, candidates: types.IceCandidate[]): string {
  const payload = /^a=rtpmap:(\d+) opus\//im.exec(offer)?.[1] ?? "111";
  const print = transport.dtlsParameters.fingerprints.find(({ algorithm }) => algorithm === "sha-256")!;
  return [
    "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite", "a=group:BUNDLE 0",
    `m=audio 9 UDP/TLS/RTP/SAVPF ${payload}`, "c=IN IP4 0.0.0.0", "a=mid:0", "a=inactive", "a=rtcp-mux",
    `a=rtpmap:${payload} opus/48000/2`,
    `a=ice-ufrag:${transport.iceParameters.usernameFragment}`, `a=ice-pwd:${transport.iceParameters.password}`,
    `a=fingerprint:${print.algorithm} ${print.value}`, "a=setup:passive",
    ...candidates.map(candidateLine), "a=end-of-candidates", "",
  ].join("\r\n");
}

/** The server's addresses, and the relays, that belong to a way. */
export function plan(way: Way, begun: Begun): { servers: RTCIceServer[]; candidates: types.IceCandidate[]; target: string } {
  if (way === "udp" || way === "tcp") {
    const candidates = begun.transport.iceCandidates.filter(({ protocol }) => protocol === way);
    const targets = candidates.map((one) => `${way.toUpperCase()} ${one.address ?? one.ip}:${one.port}`);
    return { servers: [], candidates, target: targets.join(", ") };
  }
  const servers = begun.ice_servers
    .map((server) => ({ ...server, urls: server.urls.filter((url) => relay(url).way === way) }))
    .filter(({ urls }) => urls.length > 0);
  const candidates = begun.transport.iceCandidates.filter(({ protocol }) => protocol === "udp");
  return { servers, candidates, target: servers.flatMap(({ urls }) => urls.map((url) => relay(url).target)).join(", ") };
}

export async function tryWay(way: Way, begun: Begun): Promise<Found> {
  const { servers, candidates, target } = plan(way, begun);
  const relayed = way.startsWith("relay");
  if ((relayed && servers.length === 0) || candidates.length === 0) return { state: "absent", target, ms: null };
  const peer = new RTCPeerConnection({ iceServers: servers, iceTransportPolicy: relayed ? "relay" : "all" });
  const start = performance.now();
  try {
    peer.addTransceiver("audio", { direction: "recvonly" });
    const offer = await peer.createOffer();
    const over = ended(peer);
    await peer.setLocalDescription(offer);
    await peer.setRemoteDescription({ type: "answer", sdp: answer(offer.sdp ?? "", begun.transport, candidates) });
    const state = await over;
    return { state, target, ms: state === "open" ? Math.round(performance.now() - start) : null };
  } finally {
    peer.close();
  }
}

/** From here on an error says that a relay was not reached (W3C webrtc, `icecandidateerror`); below, what it answered. */
const NOT_REACHED = 700;

function ended(peer: RTCPeerConnection): Promise<"open" | "blocked" | "refused"> {
  return new Promise((resolve) => {
    let refused = false;
    const lost = () => resolve(refused ? "refused" : "blocked");
    setTimeout(lost, PATIENCE);
    peer.addEventListener("icecandidateerror", ({ errorCode }) => {
      refused ||= errorCode < NOT_REACHED;
    });
    peer.addEventListener("iceconnectionstatechange", () => {
      const state = peer.iceConnectionState;
      if (state === "connected" || state === "completed") resolve("open");
      else if (state === "failed") lost();
    });
  });
}
