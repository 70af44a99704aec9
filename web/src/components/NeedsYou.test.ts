import { createPinia, setActivePinia } from "pinia";
import { createSSRApp } from "vue";
import { renderToString } from "vue/server-renderer";
import { beforeEach, expect, it } from "vitest";
import { asIfInABrowser } from "../../tools/browser.setup";
import "../../tools/texts.setup";
import { i18n } from "../i18n";
import type { MeetingResource, Station } from "../wire";
import NeedsYou from "./NeedsYou.vue";

const pinia = createPinia();
beforeEach(() => {
  asIfInABrowser();
  setActivePinia(pinia);
});

const station = { number: 1, position: 1, agency_name: { sv: "Skatteverket" }, state: "planned", officers: [] } as unknown as Station;

function meeting(alias: string, stations: Station[] = [station]): MeetingResource {
  return { id: alias, alias, languages: ["sv"], participants: [], planned_at: null, state: "planned", stations } as unknown as MeetingResource;
}

async function reads(...meetings: MeetingResource[]): Promise<string> {
  const html = await renderToString(createSSRApp(NeedsYou, { meetings }).use(pinia).use(i18n));
  return html.replaceAll(/<!--.*?-->|<[^>]*>/g, "").replaceAll(/\s+/g, " ").trim();
}

it("says nothing where nothing is missing", async () => {
  expect(await reads(meeting("Omar", []))).toBe("");
});

it("names the agency of the only meeting that lacks an officer", async () => {
  expect(await reads(meeting("Samira"), meeting("Omar", []))).toBe("1 möte behöver dig: Samira saknar handläggare från Skatteverket");
});

it("names one meeting of several, and counts the others", async () => {
  expect(await reads(meeting("Samira"), meeting("Selam"), meeting("Dawit"))).toBe("3 möten behöver dig: Samira saknar handläggare och 2 till");
  const two = [station, { ...station, number: 2, position: 2 }];
  expect(await reads(meeting("Samira", two), meeting("Selam"))).toBe("2 möten behöver dig: Samira saknar 2 handläggare och 1 till");
});
