import postcss from "postcss";
import { expect, it } from "vitest";
import { logical } from "./logical.ts";

const rewritten = (css: string) => postcss([logical()]).process(`a{${css}}`, { from: undefined }).css.slice(2, -1);

it.each([
  ["margin-left:1px", "margin-inline-start:1px"],
  ["padding-right:var(--a)", "padding-inline-end:var(--a)"],
  ["border-left-width:2px", "border-inline-start-width:2px"],
  ["left:0", "inset-inline-start:0"],
  ["border-top-right-radius:4px", "border-start-end-radius:4px"],
  ["text-align:right", "text-align:end"],
  ["float:left", "float:inline-start"],
  ["margin:1px 2px 3px 4px", "margin-block:1px 3px;margin-inline:4px 2px"],
  ["margin:1px 2px 3px 2px", "margin:1px 2px 3px 2px"],
  ["padding:0 calc(1px + 2px) 0 0", "padding-block:0 0;padding-inline:0 calc(1px + 2px)"],
  ["border-radius:1px 2px 3px 4px", "border-start-start-radius:1px;border-start-end-radius:2px;border-end-end-radius:3px;border-end-start-radius:4px"],
  ["text-align:center", "text-align:center"],
])("%s becomes %s", (physical, expected) => {
  expect(rewritten(physical)).toBe(expected);
});
