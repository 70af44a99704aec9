import { describe, expect, it } from "vitest";
import { answer, type Begun, candidateLine, type Found, plan, relay, type Way } from "./paths";
import { verdict } from "./verdict";

const begun = {
  address: "203.0.113.2",
  ice_servers: [
    {
      urls: ["turn:turn.example.se:3478", "turn:turn.example.se:3478?transport=tcp", "turns:turn.example.se:443?transport=tcp"],
      username: "1:a",
      credential: "b",
    },
  ],
  transport: {
    id: "test_1",
    iceParameters: { usernameFragment: "abcd", password: "efgh", iceLite: true },
    iceCandidates: [
      { foundation: "1", priority: 9, ip: "192.0.2.1", address: "192.0.2.1", port: 20081, protocol: "udp", type: "host" },
      { foundation: "2", priority: 8, ip: "192.0.2.1", address: "192.0.2.1", port: 20081, protocol: "tcp", type: "host", tcpType: "passive" },
    ],
    dtlsParameters: { fingerprints: [{ algorithm: "sha-256", value: "AA:BB" }] },
  },
} as unknown as Begun;

const found = (state: Found["state"]): Found => ({ state, target: "", ms: null });
const WELL = { down: 20, up: 5 };

describe("A way to media", () => {
  it("is tried alone, with the addresses and relays that belong to it", () => {
    expect(plan("udp", begun)).toMatchObject({ servers: [], target: "UDP 192.0.2.1:20081" });
    expect(plan("tcp", begun).candidates.map(({ tcpType }) => tcpType)).toEqual(["passive"]);
    const tls = plan("relayTls", begun);
    expect(tls.servers).toEqual([{ urls: ["turns:turn.example.se:443?transport=tcp"], username: "1:a", credential: "b" }]);
    expect(tls.candidates.map(({ protocol }) => protocol)).toEqual(["udp"]);
    expect(plan("relayUdp", { ...begun, ice_servers: [] }).servers).toEqual([]);
  });

  it("is named as a firewall sees it", () => {
    expect(relay("turns:turn.example.se")).toEqual({ way: "relayTls", target: "TCP turn.example.se:5349" });
    expect(relay("turn:[2001:db8::1]:80?transport=tcp")).toEqual({ way: "relayTcp", target: "TCP [2001:db8::1]:80" });
    expect(relay("turn:turn.example.se")).toEqual({ way: "relayUdp", target: "UDP turn.example.se:3478" });
  });

  it("is offered to the browser in its own words", () => {
    const sdp = answer("a=rtpmap:63 red/48000\r\na=rtpmap:109 opus/48000/2\r\n", begun.transport, begun.transport.iceCandidates);
    expect(sdp).toContain("m=audio 9 UDP/TLS/RTP/SAVPF 109\r\n");
    expect(sdp).toContain("a=ice-pwd:efgh\r\n");
    expect(candidateLine(begun.transport.iceCandidates[1]!)).toBe(
      "a=candidate:2 1 tcp 8 192.0.2.1 20081 typ host tcptype passive",
    );
  });
});

describe("What the results mean", () => {
  const all = (open: Way[]) =>
    Object.fromEntries((["udp", "tcp", "relayTls"] as Way[]).map((way) => [way, found(open.includes(way) ? "open" : "blocked")]));

  it("is that all is well with UDP", () => {
    expect(verdict(found("open"), all(["udp"]), WELL, true)).toBe("good");
  });

  it("is that it works with TCP alone, not as well", () => {
    expect(verdict(found("open"), all(["relayTls"]), WELL, true)).toBe("relayed");
  });

  it("is that no meeting works where nothing gets through", () => {
    expect(verdict(found("open"), all([]), WELL, true)).toBe("blocked");
    expect(verdict(found("blocked"), all(["udp"]), WELL, true)).toBe("offline");
    expect(verdict(undefined, all(["udp"]), null, true)).toBe("offline");
  });

  it("is that the line is slow, whichever way it is", () => {
    expect(verdict(found("open"), all(["udp"]), { down: 20, up: 0.4 }, true)).toBe("slow");
  });

  it("is not that all is well when camera or microphone is missing", () => {
    expect(verdict(found("open"), all(["udp"]), WELL, false)).toBe("device");
    expect(verdict(found("open"), all(["relayTls"]), WELL, false)).toBe("relayed");
  });

  it("blames no firewall for what the service itself did not do", () => {
    for (const state of ["failed", "refused"] as const) {
      const ways = { udp: found("blocked"), relayTls: found(state) };
      expect(verdict(found("open"), ways, WELL, true)).toBe("unsure");
      expect(verdict(found("open"), { ...ways, tcp: found("open") }, WELL, true)).toBe("relayed");
    }
  });
});
