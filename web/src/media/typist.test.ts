import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Edit, follow } from "./line";
import { CONNECTION_LOST, RpcError } from "./rpc";
import { BETWEEN, Typist } from "./typist";

type Params = Record<string, unknown>;

/** A service that has one line; `down`: nothing reaches it. */
class Service {
  text = "";
  revision = 0;
  line = "";
  down = false;
  calls: [string, Params][] = [];
  finished: string[] = [];
  gone = 0;

  readonly typist = new Typist(
    {
      call: (method, params) => this.take(method, params),
      act: async (method, params) => {
        this.calls.push([method, params]);
        this.finished.push(String(params.text));
        this.line = "";
      },
      gone: () => (this.gone += 1),
    },
    () => "ar",
  );

  private async take(method: string, params: Params): Promise<unknown> {
    if (this.down) throw new RpcError(CONNECTION_LOST, "");
    this.calls.push([method, params]);
    if (params.line !== this.line) {
      if (params.revision !== 1) throw new RpcError("text_gone", "");
      Object.assign(this, { line: params.line, text: "", revision: 0 });
    }
    const after = follow({ revision: this.revision, text: this.text }, params as unknown as Edit);
    if (!after) throw new RpcError("text_out_of_step", "");
    Object.assign(this, after);
    return {};
  }

  async write(text: string): Promise<void> {
    this.typist.write(text);
    await vi.advanceTimersByTimeAsync(BETWEEN);
  }
}

let it_: Service;
beforeEach(() => {
  vi.useFakeTimers();
  it_ = new Service();
});
afterEach(() => void vi.useRealTimers());

it("tells the first letter at once, and those that follow together", async () => {
  it_.typist.write("h");
  expect(it_.calls).toHaveLength(1);
  it_.typist.write("he");
  it_.typist.write("hej");
  expect(it_.calls).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(BETWEEN);
  expect(it_.calls.map(([, params]) => [params.revision, params.keep, params.add, params.language])).toEqual([
    [1, 0, "h", "ar"],
    [2, 1, "ej", "ar"],
  ]);
});

it("says nothing while nothing is written", async () => {
  await it_.write("");
  expect(it_.calls).toEqual([]);
});

it("sends the whole line when the service has missed an edit", async () => {
  await it_.write("ab");
  it_.revision = 0;
  it_.text = "";
  await it_.write("abc");
  await vi.advanceTimersByTimeAsync(2 * BETWEEN);
  expect(it_.text).toBe("abc");
});

it("sends the whole line when the connection is back", async () => {
  await it_.write("ab");
  it_.down = true;
  await it_.write("abcd");
  expect(it_.text).toBe("ab");
  it_.down = false;
  it_.typist.again();
  await vi.advanceTimersByTimeAsync(BETWEEN);
  expect(it_.text).toBe("abcd");
});

it("begins another line when the service never had the first", async () => {
  it_.down = true;
  await it_.write("ab");
  it_.down = false;
  it_.typist.again();
  await vi.advanceTimersByTimeAsync(BETWEEN);
  expect([it_.text, it_.revision, it_.gone]).toEqual(["ab", 1, 0]);
});

it("lets go of a line that is gone, and writes the next one", async () => {
  await it_.write("bara för er");
  const { line } = it_;
  it_.typist.lost("another");
  expect(it_.gone).toBe(0);
  it_.typist.lost(line);
  expect(it_.gone).toBe(1);
  await it_.write("ny");
  expect([it_.text, it_.line === line]).toEqual(["ny", false]);
});

it("lets go of a line that the service does not know any more", async () => {
  await it_.write("ab");
  it_.line = "";
  await it_.write("abc");
  expect(it_.gone).toBe(1);
});

it("finishes a line as a whole, and holds the next one until that is done", async () => {
  await it_.write("hej");
  const done = it_.typist.finish();
  it_.typist.write("nä");
  expect(await done).toBe(true);
  await vi.advanceTimersByTimeAsync(BETWEEN);
  expect(it_.finished).toEqual(["hej"]);
  expect(it_.text).toBe("nä");
  const order = it_.calls.map(([method]) => method);
  expect(order.indexOf("text.finish")).toBe(1);
});

it("tells the last letters before it finishes", async () => {
  it_.typist.write("h");
  it_.typist.write("hej");
  await it_.typist.finish();
  expect(it_.calls.map(([method]) => method)).toEqual(["text.type", "text.type", "text.finish"]);
});

it("goes on with a line from before the page was loaded", async () => {
  Object.assign(it_, { line: "old", revision: 7, text: "förut" });
  expect(it_.typist.takeUp("old", 7, "förut")).toBe(true);
  await it_.write("förut och nu");
  expect([it_.text, it_.revision]).toEqual(["förut och nu", 8]);
});
