import { beforeEach, describe, expect, it, vi } from "vitest";
import { FakeSocket } from "./fake";
import { Rpc, RpcError, uuid } from "./rpc";

function connected(limit?: number) {
  const socket = new FakeSocket("ws://test");
  const heard: [string, unknown][] = [];
  const closed: number[] = [];
  const rpc = new Rpc(
    socket as unknown as WebSocket,
    { notification: (method, params) => heard.push([method, params]), closed: (code) => closed.push(code) },
    limit,
  );
  socket.open();
  return { socket, rpc, heard, closed };
}

describe("a call", () => {
  beforeEach(() => void vi.useRealTimers());

  it("gets the answer that carries its id, in whatever order answers come", async () => {
    const { socket, rpc } = connected();
    const first = rpc.call("one", { a: 1 });
    const second = rpc.call("two");
    expect(socket.sent.map((sent) => [sent.jsonrpc, sent.method])).toEqual([["2.0", "one"], ["2.0", "two"]]);
    socket.answer(socket.sent[1], "second");
    socket.answer(socket.sent[0], "first");
    expect(await Promise.all([first, second])).toEqual(["first", "second"]);
  });

  it("fails with the server's stable code", async () => {
    const { socket, rpc } = connected();
    const call = rpc.call("meeting.start");
    socket.refuse(socket.last, "not_allowed");
    await expect(call).rejects.toMatchObject({ code: "not_allowed" });
  });

  it("fails when no answer comes in time, and a late answer harms nothing", async () => {
    vi.useFakeTimers();
    const { socket, rpc } = connected(1000);
    const call = rpc.call("slow");
    const failed = expect(call).rejects.toMatchObject({ code: "timed_out" });
    await vi.advanceTimersByTimeAsync(1001);
    await failed;
    socket.answer(socket.last, "late");
  });

  it("fails when the connection closes under it, and so does every later one", async () => {
    const { socket, rpc, closed } = connected();
    const call = rpc.call("one");
    socket.drop(1006);
    await expect(call).rejects.toBeInstanceOf(RpcError);
    await expect(rpc.call("two")).rejects.toMatchObject({ code: "connection_lost" });
    expect(closed).toEqual([1006]);
  });
});

describe("what the server says by itself", () => {
  it("is handed on", () => {
    const { socket, heard } = connected();
    socket.say({ method: "media.speakers", params: { speakers: [] } });
    expect(heard).toEqual([["media.speakers", { speakers: [] }]]);
  });

  it.each(["", "{", "[]", "null", "17", '{"id":"x"}', '{"id":99,"result":1}'])("harms nothing when it is %s", (text) => {
    const { socket, heard } = connected();
    socket.say(text);
    expect(heard).toEqual([]);
  });
});

it("makes ids of the UUID shape where the page is no secure context", () => {
  vi.stubGlobal("crypto", { getRandomValues: (bytes: Uint8Array) => bytes.fill(255) });
  expect(uuid()).toBe("ffffffff-ffff-4fff-bfff-ffffffffffff");
  vi.unstubAllGlobals();
});
