import { describe, expect, it } from "vitest";
import { cameraLayers } from "./layers";

const scales = (width?: number) => cameraLayers({ width }).map((layer) => layer.scaleResolutionDownBy);

describe("the sizes of a camera", () => {
  it("are three for a large picture, the smallest first", () => expect(scales(1280)).toEqual([4, 2, 1]));
  it("are three where the browser does not say", () => expect(scales()).toEqual([4, 2, 1]));
  it("are two for one of 640", () => expect(scales(640)).toEqual([2, 1]));
  it("is one for a small one, which names no layer", () => {
    expect(cameraLayers({ width: 320 })).toEqual([{ maxBitrate: 500_000, scalabilityMode: "L1T3" }]);
  });
});
