import { expect, it } from "vitest";
import { icons } from "./icons.ts";
import { buildSprite } from "./sprite.ts";

const sprite = buildSprite();

it("holds every icon of ours once", () => {
  for (const name of Object.keys(icons)) expect(sprite.split(`id="m-icon-${name}"`)).toHaveLength(2);
});

it.each(["doc", "error", "file", "pdf", "pic"])("draws FKUI's %s anew", (name) => {
  const symbol = new RegExp(`<symbol id="f-icon-${name}"[^>]*>`).exec(sprite)?.[0];
  expect(symbol).toContain('viewBox="0 0 24 24"');
});

it("carries no other licence notice and no inline style", () => {
  expect(sprite).not.toMatch(/Font Awesome|fontawesome|<style| style=/i);
});
