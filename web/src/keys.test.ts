import { beforeEach, expect, it, vi } from "vitest";
import { pressable, typing } from "./keys";

/** As much of an element as is asked about. */
class Element extends EventTarget {
  isContentEditable = false;
  constructor(
    private readonly name: string,
    readonly type = "",
    readonly checked = false,
  ) {
    super();
  }
  matches(selector: string): boolean {
    return selector.split(", ").includes(this.name);
  }
}
class Input extends Element {
  constructor(type: string, checked = false) {
    super("input", type, checked);
  }
}
class Area extends Element {}
class Select extends Element {}

beforeEach(() => {
  vi.stubGlobal("HTMLElement", Element);
  vi.stubGlobal("HTMLInputElement", Input);
  vi.stubGlobal("HTMLTextAreaElement", Area);
  vi.stubGlobal("HTMLSelectElement", Select);
});

it("leaves Space to what it presses, opens or ticks", () => {
  for (const name of ["button", "a", "summary"]) expect(pressable(new Element(name)), name).toBe(true);
  expect(pressable(new Input("checkbox"))).toBe(true);
  expect(pressable(new Input("radio"))).toBe(true);
});

it("takes Space where it does nothing by itself", () => {
  for (const name of ["div", "section", "body"]) expect(pressable(new Element(name)), name).toBe(false);
  expect(pressable(new Input("radio", true))).toBe(false);
  expect(pressable(new Input("range"))).toBe(false);
  expect(pressable(null)).toBe(false);
});

it("leaves letters to whoever writes or chooses", () => {
  for (const one of [new Input("text"), new Input("search"), new Area("textarea"), new Select("select")]) expect(typing(one)).toBe(true);
  for (const one of [new Input("range"), new Input("checkbox"), new Input("radio"), new Element("button")]) expect(typing(one)).toBe(false);
  expect(typing(Object.assign(new Element("div"), { isContentEditable: true }))).toBe(true);
});
