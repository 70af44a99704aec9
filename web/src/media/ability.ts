/** What this browser and the server have in common: worked out once, before anybody waits for it. */
import type { Device, types } from "mediasoup-client";
import type { Params } from "./rpc";

/** Large, and needed by nobody before they join. */
export function library(): Promise<typeof import("mediasoup-client")> {
  return import("mediasoup-client");
}

let ready: { of: string; device: Promise<Device>; known?: Device } | null = null;

/** What this browser and a server with these capabilities have in common. It takes a while: ask before anybody waits. */
export function prepare(capabilities: types.RtpCapabilities): Promise<Device> {
  const of = JSON.stringify(capabilities);
  if (ready?.of !== of) {
    // Not the object itself: the page may watch it, and what is watched cannot be cloned.
    const begun = { of, device: load(JSON.parse(of)) };
    ready = begun;
    begun.device.then(
      (known) => Object.assign(begun, { known }),
      () => {
        if (ready === begun) ready = null;
      },
    );
  }
  return ready.device;
}

/** What this browser can receive, to be told along with joining; nothing while that is not known. */
export function receivable(): Params {
  return ready?.known ? { rtpCapabilities: receives(ready.known) } : {};
}

export function receives(device: Device): types.RtpCapabilities {
  return device.recvRtpCapabilities ?? device.rtpCapabilities;
}

async function load(routerRtpCapabilities: types.RtpCapabilities): Promise<Device> {
  const { Device } = await library();
  const device = await Device.factory();
  await device.load({ routerRtpCapabilities, preferLocalCodecsOrder: false });
  return device;
}
