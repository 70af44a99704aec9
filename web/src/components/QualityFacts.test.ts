import { createPinia, setActivePinia } from "pinia";
import { beforeEach, expect, it } from "vitest";
import { asIfInABrowser } from "../../tools/browser.setup";
import { mount } from "../../tools/mount";
import "../../tools/texts.setup";
import { i18n } from "../i18n";
import { useMeeting } from "../stores/meeting";
import type { Quality } from "../wire";
import QualityFacts from "./QualityFacts.vue";

asIfInABrowser();
beforeEach(() => setActivePinia(createPinia()));

function shown(pictures: Quality["pictures"]): string {
  const known: Quality = {
    participant: "p_amina", level: "good", loss: 0, rtt: null, sends: [], sources: [], jitter: null, bitrate: 0,
    freezes: null, concealed: null, pictures,
  };
  useMeeting().quality = new Map([[known.participant, known]]);
  const { page, unmount } = mount(QualityFacts, { participant: "p_amina" }, (app) => void app.use(i18n));
  const { text } = page;
  unmount();
  return text;
}

it("says in words which layers of pictures somebody gets, and nothing of them where there are none", () => {
  const picture = { source: "camera", spatial: 2, spatial_layers: 3, temporal: 2, temporal_layers: 3 };
  expect(shown([picture, { ...picture, spatial: 1, temporal: 0 }, { ...picture, spatial: 0 }])).toContain(
    "full storlek; mellanstorlek, färre bilder per sekund; liten",
  );
  expect(shown([{ ...picture, spatial: 0, spatial_layers: 1 }])).toContain("full storlek");
  expect(shown([])).not.toContain("Bilder");
});
