import type { Caller } from "./rpc";

/** What was given less than so many milliseconds ago is still good for as long as a path takes. */
const FRESH = 30_000;

/** The relays of a session (TURN). Their credentials are good for a short while, so a later path asks for new ones. */
export class Relays {
  private at: number;

  constructor(
    private servers: RTCIceServer[],
    private readonly call: Caller,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.at = now();
  }

  get any(): boolean {
    return this.servers.length > 0;
  }

  /** The call that follows fails by itself where this one does. */
  async current(): Promise<RTCIceServer[]> {
    if (this.any && this.now() - this.at > FRESH) {
      const asked = this.now();
      const answer = await this.call<{ ice_servers: RTCIceServer[] }>("media.iceServers").catch(() => null);
      if (answer) {
        this.servers = answer.ice_servers;
        this.at = asked;
      }
    }
    return this.servers;
  }
}
