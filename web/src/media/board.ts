/** Where a page lies on the board that is sent: pure geometry, in pixels of the board. */

export interface Size {
  width: number;
  height: number;
}

export interface Point {
  x: number;
  y: number;
}

/** What of the page is looked at: 1 is the whole page, and the middle is a share of its width and height. */
export interface View {
  zoom: number;
  middle: Point;
}

/** The page's upper left corner, and how many pixels a point of it takes. */
export interface Placement extends Point {
  scale: number;
}

/** The shape of the newcomer's stage. */
export const BOARD: Size = { width: 1280, height: 800 };
export const WHOLE: View = { zoom: 1, middle: { x: 0.5, y: 0.5 } };
export const LARGEST_ZOOM = 4;
const STEP = 1.25;

export function zoomed(view: View, steps: number): View {
  const zoom = Math.min(LARGEST_ZOOM, Math.max(1, view.zoom * STEP ** steps));
  return { ...view, zoom: Math.abs(zoom - 1) < 0.01 ? 1 : zoom };
}

/** The same view with its middle so near the page's own that the board is filled as far as the page reaches. */
export function within(view: View, page: Size, board: Size = BOARD): View {
  const scale = scaleOf(view, page, board);
  const kept = (middle: number, length: number, space: number) => {
    const half = space / (2 * length * scale);
    return half >= 0.5 ? 0.5 : Math.min(1 - half, Math.max(half, middle));
  };
  return {
    zoom: view.zoom,
    middle: { x: kept(view.middle.x, page.width, board.width), y: kept(view.middle.y, page.height, board.height) },
  };
}

/** Moved by a share of the board. */
export function moved(view: View, by: Point, page: Size, board: Size = BOARD): View {
  const scale = scaleOf(view, page, board);
  const middle = {
    x: view.middle.x + (by.x * board.width) / (page.width * scale),
    y: view.middle.y + (by.y * board.height) / (page.height * scale),
  };
  return within({ zoom: view.zoom, middle }, page, board);
}

export function placement(view: View, page: Size, board: Size = BOARD): Placement {
  const scale = scaleOf(view, page, board);
  return {
    scale,
    x: board.width / 2 - view.middle.x * page.width * scale,
    y: board.height / 2 - view.middle.y * page.height * scale,
  };
}

function scaleOf(view: View, page: Size, board: Size): number {
  return Math.min(board.width / page.width, board.height / page.height) * view.zoom;
}
