import postcss from "postcss";
import { expect, it } from "vitest";
import { UNUSED, isOf, without } from "./without.ts";

const views = import.meta.glob<string>("../src/**/*.{vue,ts}", { eager: true, query: "?raw", import: "default" });

const left = (css: string) => postcss([without(["table", "grid"])]).process(css, { from: "/x/@fkui/design/lib/fkui.css" }).css;

it("leaves out the rules of parts that are not used, and keeps all others", () => {
  expect(left(".table-ng td, .table__row { color: red } .button { color: blue }").trim()).toBe(".button { color: blue }");
  expect(left(".tableau, .grid { color: red }")).toContain(".tableau");
  expect(left("h1 { color: red }")).toContain("h1");
});

it("leaves nothing out that a page is made of", () => {
  const named = Object.values(views).flatMap((source) => [...source.matchAll(/import \{([^}]*)\} from "@fkui\/vue"/g)].flatMap(([, names]) => names.split(",")));
  const parts = named.map((name) => name.trim().replace(/^F/, "").replaceAll(/\B[A-Z]/g, (letter) => `-${letter}`).toLowerCase());
  expect(parts).toContain("button");
  const words = (part: string) => [part, part.replace(/^data-/, "")];
  expect(parts.filter((part) => words(part).some((word) => UNUSED.some((unused) => isOf(unused, word))))).toEqual([]);
});
