import { mkdirSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import subset from "subset-font";
import type { Plugin } from "vite";

/**
 * Virtual module `virtual:fonts`: our faces, cut to the letters and weights that the pages use. What people may write
 * beyond that (rarer letters of the same scripts, Cyrillic) lies in faces of its own, fetched when such a letter is shown.
 */
interface Face {
  family: string;
  file: string;
  /** From and to, both included. */
  ranges: [number, number][];
}

const NAME = "virtual:fonts";
const WEIGHTS = { min: 400, max: 700 };
const LATIN = "noto-sans/files/noto-sans";
const ARABIC = "noto-sans-arabic/files/noto-sans-arabic-arabic-wght-normal.woff2";
const ETHIOPIC = "noto-sans-ethiopic/files/noto-sans-ethiopic-ethiopic-wght-normal.woff2";

export const FACES: Record<string, Face> = {
  latin: {
    family: "Noto Sans Variable",
    file: `${LATIN}-latin-wght-normal.woff2`,
    ranges: [[0x20, 0x7e], [0xa0, 0xff], [0x131, 0x131], [0x152, 0x153], [0x2c6, 0x2c6], [0x2da, 0x2dc], [0x2010, 0x2026], [0x2039, 0x203a], [0x20ac, 0x20ac], [0x2122, 0x2122], [0x2212, 0x2212]],
  },
  "latin-more": { family: "Noto Sans Variable", file: `${LATIN}-latin-ext-wght-normal.woff2`, ranges: [[0x100, 0x130], [0x132, 0x151], [0x154, 0x24f], [0x1e00, 0x1e9f]] },
  cyrillic: { family: "Noto Sans Variable", file: `${LATIN}-cyrillic-wght-normal.woff2`, ranges: [[0x400, 0x45f], [0x490, 0x491]] },
  arabic: { family: "Noto Sans Arabic Variable", file: ARABIC, ranges: [[0x600, 0x6ff], [0x200c, 0x200e]] },
  "arabic-more": { family: "Noto Sans Arabic Variable", file: ARABIC, ranges: [[0x750, 0x77f], [0x8a0, 0x8ff], [0xfb50, 0xfdff], [0xfe70, 0xfefc]] },
  ethiopic: { family: "Noto Sans Ethiopic Variable", file: ETHIOPIC, ranges: [[0x1200, 0x137f]] },
  "ethiopic-more": { family: "Noto Sans Ethiopic Variable", file: ETHIOPIC, ranges: [[0x1380, 0x139f], [0x2d80, 0x2ddf], [0xab00, 0xab2f]] },
};

/** Until Noto Sans is here the device's own letters stand in as wide as it, so that nothing moves when it comes. */
const STANDS_IN = `@font-face {
  font-family: "Noto Sans Standing In";
  src: local("Arial"), local("Liberation Sans"), local("Helvetica");
  size-adjust: 106.6%;
  ascent-override: 100.3%;
  descent-override: 27.5%;
  line-gap-override: 0%;
}
`;

function lettersOf({ ranges }: Face): string {
  return ranges
    .map(([from, to]) => Array.from({ length: to - from + 1 }, (_, n) => String.fromCodePoint(from + n)).join(""))
    .join("");
}

function rule(name: string, { family, ranges }: Face): string {
  const hex = (code: number) => code.toString(16).toUpperCase();
  const spans = ranges.map(([from, to]) => (from === to ? `U+${hex(from)}` : `U+${hex(from)}-${hex(to)}`));
  return `@font-face {
  font-family: "${family}";
  font-style: normal;
  font-display: swap;
  font-weight: ${WEIGHTS.min} ${WEIGHTS.max};
  src: url("./${name}.woff2") format("woff2");
  unicode-range: ${spans.join(", ")};
}
`;
}

async function cut(face: Face): Promise<Buffer> {
  const whole = readFileSync(createRequire(import.meta.url).resolve(`@fontsource-variable/${face.file}`));
  return subset(whole, lettersOf(face), { targetFormat: "woff2", variationAxes: { wght: WEIGHTS } });
}

/** Cut once, and again when this file's list has changed. */
async function write(folder: string): Promise<string> {
  const styles = join(folder, "fonts.css");
  const rules = STANDS_IN + Object.entries(FACES).map(([name, face]) => rule(name, face)).join("");
  if (existsSync(styles) && readFileSync(styles, "utf8") === rules) return styles;
  mkdirSync(folder, { recursive: true });
  for (const [name, face] of Object.entries(FACES)) writeFileSync(join(folder, `${name}.woff2`), await cut(face));
  writeFileSync(styles, rules);
  return styles;
}

export function fonts(): Plugin {
  let folder = "";
  return {
    name: "fonts",
    configResolved(config) {
      folder = join(config.root, "node_modules", ".fonts");
    },
    resolveId: (id) => (id === NAME ? write(folder) : undefined),
  };
}
