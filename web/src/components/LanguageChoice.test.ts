import { createPinia, setActivePinia } from "pinia";
import { beforeEach, expect, it, vi } from "vitest";
import { asIfInABrowser } from "../../tools/browser.setup";
import { mount } from "../../tools/mount";
import "../../tools/texts.setup";
import { i18n } from "../i18n";
import { usePage } from "../stores/page";
import type { LinkInfo } from "../wire";
import LanguageChoice from "./LanguageChoice.vue";

beforeEach(() => {
  asIfInABrowser();
  setActivePinia(createPinia());
});

/** What is offered to whom the host has invited in that language, at a device of these: in order, the large ones by a star. */
function offered(invited: string | null, ...languages: string[]): string {
  vi.stubGlobal("navigator", { languages });
  usePage().guest = { role: "newcomer", language: invited } as LinkInfo;
  const { page, unmount } = mount(LanguageChoice, {}, (app) => app.use(i18n));
  const buttons = page.children[0].children.filter((one) => one.tag === "button");
  unmount();
  return buttons.map((one) => `${one.props.lang}${String(one.props.class).includes("first") ? "*" : ""}`).join(" ");
}

it("puts the invitation's and the device's languages first where they differ, the invitation's before", () => {
  expect(offered("ar", "ti-ER", "en")).toBe("ar* ti* sv en fa so");
  expect(usePage().wished).toBe("ar");
});

it.each([
  ["they are the same", "ar", ["ar-SA"]],
  ["the device speaks Swedish", "ar", ["sv-SE", "en"]],
  ["the invitation says nothing", null, ["ti"]],
])("offers all alike where %s", (_, invited, languages) => {
  expect(offered(invited, ...languages)).toBe("sv en ar fa so ti");
});

it("keeps the order when another language is chosen", () => {
  vi.stubGlobal("sessionStorage", { getItem: () => "ti" });
  expect(offered("ar", "ti-ER")).toBe("ar* ti* sv en fa so");
  expect(usePage().wished).toBe("ti");
});
