import { describe, expect, it } from "vitest";
import { BOARD, LARGEST_ZOOM, moved, placement, WHOLE, within, zoomed } from "./board";

const UPRIGHT = { width: 595, height: 842 };
const WIDE = { width: 1920, height: 1080 };

describe("a page on the board", () => {
  it.each([[UPRIGHT], [WIDE]])("is whole and in the middle at first (%o)", (page) => {
    const { x, y, scale } = placement(WHOLE, page);
    expect(page.width * scale).toBeLessThanOrEqual(BOARD.width + 0.001);
    expect(page.height * scale).toBeLessThanOrEqual(BOARD.height + 0.001);
    expect(Math.min(x, y)).toBeCloseTo(0);
    expect(x * 2 + page.width * scale).toBeCloseTo(BOARD.width);
    expect(y * 2 + page.height * scale).toBeCloseTo(BOARD.height);
  });

  it("grows in steps, and never past its limits", () => {
    expect(zoomed(WHOLE, 1).zoom).toBe(1.25);
    expect(zoomed(zoomed(WHOLE, 3), -3).zoom).toBe(1);
    expect(zoomed(WHOLE, 100).zoom).toBe(LARGEST_ZOOM);
    expect(zoomed(WHOLE, -1).zoom).toBe(1);
  });

  it("is moved by shares of the board, as far as it reaches", () => {
    const near = { zoom: 4, middle: { x: 0.5, y: 0.5 } };
    const down = moved(near, { x: 0, y: 0.5 }, UPRIGHT);
    expect(placement(near, UPRIGHT).y - placement(down, UPRIGHT).y).toBeCloseTo(BOARD.height / 2);
    const bottom = moved(near, { x: 0, y: 50 }, UPRIGHT);
    const { y, scale } = placement(bottom, UPRIGHT);
    expect(y + UPRIGHT.height * scale).toBeCloseTo(BOARD.height);
  });

  it("stays in the middle where the board is larger than it", () => {
    expect(moved(WHOLE, { x: 3, y: 3 }, UPRIGHT).middle).toEqual({ x: 0.5, y: 0.5 });
    expect(within({ zoom: 1.25, middle: { x: 0.9, y: 0 } }, UPRIGHT).middle.x).toBe(0.5);
  });
});
