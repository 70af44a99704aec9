import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Plugin } from "vite";
import { icons } from "./icons.ts";

/**
 * Virtual module `virtual:sprite`: one SVG with our symbols (`m-icon-*`, from lucide) and FKUI's own (`f-icon-*`).
 * Five of FKUI's default icons carry another licence notice; lucide symbols stand in for them under the same ids.
 */

const NAME = "virtual:sprite";
const RESOLVED = `\0${NAME}`;
const REPLACED: Record<string, string> = {
  doc: "file-text",
  error: "circle-alert",
  file: "file",
  pdf: "file-type",
  pic: "image",
};
const STROKE = 'fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"';

const require = createRequire(import.meta.url);

function lucide(id: string, file: string): string {
  const source = readFileSync(require.resolve(`lucide-static/icons/${file}.svg`), "utf8");
  const body = source
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/^[\s\S]*?<svg[\s\S]*?>/, "")
    .replace("</svg>", "")
    .replace(/\s+/g, " ")
    .trim();
  return `<symbol id="${id}" viewBox="0 0 24 24" ${STROKE}>${body}</symbol>`;
}

/** Inline styles become presentation attributes: a strict content security policy ignores the former. */
function presentation(symbol: string): string {
  const plain = symbol.replace(/<style>[\s\S]*?<\/style>/g, "");
  const coloured = plain === symbol ? plain : plain.replace("<symbol", '<symbol fill="currentColor"');
  return coloured.replace(/ style="([^"]*)"/g, (_, style: string) =>
    style
      .split(";")
      .filter(Boolean)
      .map((rule) => rule.split(":"))
      .map(([name, value]) => ` ${name.trim()}="${value.trim()}"`)
      .join(""),
  );
}

function fkuiSymbols(): string[] {
  const source = readFileSync(require.resolve("@fkui/icon-lib-default/dist/f/spritesheet.svg"), "utf8");
  const symbols = source.match(/<symbol[\s\S]*?<\/symbol>/g) ?? [];
  return symbols
    .filter((symbol) => !Object.keys(REPLACED).some((name) => symbol.includes(`id="f-icon-${name}"`)))
    .map((symbol) => presentation(symbol.replace(/<!--[\s\S]*?-->/g, "")));
}

export function buildSprite(): string {
  const ours = Object.entries(icons).map(([name, file]) => lucide(`m-icon-${name}`, file));
  const standIns = Object.entries(REPLACED).map(([name, file]) => lucide(`f-icon-${name}`, file));
  return `<svg xmlns="http://www.w3.org/2000/svg">${[...ours, ...standIns, ...fkuiSymbols()].join("")}</svg>`;
}

export function sprite(): Plugin {
  return {
    name: "motesrum-sprite",
    resolveId: (id) => (id === NAME ? RESOLVED : undefined),
    load: (id) => (id === RESOLVED ? `export default ${JSON.stringify(buildSprite())};` : undefined),
  };
}
