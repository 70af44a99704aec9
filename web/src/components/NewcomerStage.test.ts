import { createPinia, setActivePinia } from "pinia";
import { createSSRApp } from "vue";
import { renderToString } from "vue/server-renderer";
import { beforeEach, expect, it, vi } from "vitest";
import { asIfInABrowser } from "../../tools/browser.setup";
import "../../tools/texts.setup";
import { scenes } from "../dev/scenes";
import { i18n } from "../i18n";
import { useMeeting } from "../stores/meeting";
import type { Snapshot } from "../wire";
import NewcomerStage from "./NewcomerStage.vue";

vi.mock("./VideoPicture.vue", () => ({ default: { render: () => null } }));

const pinia = createPinia();
beforeEach(() => {
  asIfInABrowser();
  setActivePinia(pinia);
});

async function reads(snapshot: Snapshot): Promise<string> {
  useMeeting().show(snapshot);
  const html = await renderToString(createSSRApp(NewcomerStage).use(pinia).use(i18n));
  return html.replaceAll(/<!--.*?-->|<[^>]*>/g, " ").replaceAll(/\s+/g, " ");
}

it("says who was asked to leave and what comes next, and that nobody is waited for", async () => {
  const said = await reads(scenes["newcomer-sent-away"]());
  expect(said).toContain("Ni bad Karin Lund att lämna");
  expect(said).toContain("Ingen myndighet hör eller ser er nu.");
  expect(said).toContain("Personalen på plats får veta det.");
  expect(said).not.toContain("Vi väntar");
});

it.each([
  ["host", "Personalen på plats har bett Karin Lund att lämna"],
  [null, "Karin Lund är inte med längre"],
] as const)("says who left and who will tell what comes next, when it was not the newcomer's doing (%s)", async (by, title) => {
  const snapshot = scenes["newcomer-sent-away"]();
  snapshot.stations[1].sent_away[0].by = by;
  const said = await reads(snapshot);
  expect(said).toContain(title);
  expect(said).toContain("Personalen på plats berättar hur ni fortsätter.");
  expect(said).not.toContain("Vi väntar");
  expect(said).not.toContain("Ni bad");
});

it("calls whoever had no name of their own by the agency's", async () => {
  const snapshot = scenes["newcomer-sent-away"]();
  snapshot.stations[1].sent_away[0].name = "";
  expect(await reads(snapshot)).toContain("Ni bad Skatteverket att lämna");
});

it("waits again once somebody else is asked to come", async () => {
  const snapshot = scenes["newcomer-sent-away"]();
  snapshot.stations[1].officers = [{ participant: "p_erik", name: "Erik Lind", present: false, ready: false, came: false }];
  const said = await reads(snapshot);
  expect(said).toContain("Vi väntar på handläggaren");
  expect(said).not.toContain("Ni bad");
});
