import { createPinia, setActivePinia } from "pinia";
import { h, nextTick, reactive, type SetupContext } from "vue";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { asIfInABrowser } from "../../tools/browser.setup";
import { mount } from "../../tools/mount";
import "../../tools/texts.setup";
import { i18n } from "../i18n";
import { useMedia } from "../stores/media";
import ReadAloud from "./ReadAloud.vue";

// The real one asks for a document as soon as it is there.
vi.mock("@fkui/vue", () => ({ FButton: (_: unknown, { attrs, slots }: SetupContext) => h("button", attrs, slots.default?.()) }));

const SWEDISH = { lang: "sv-SE", localService: true };
const ARABIC = { lang: "ar-SA", localService: true };

class Said {
  onend = () => undefined;
  onerror = () => undefined;
  constructor(readonly text: string) {}
}

/** A browser's: what it has been given to say is said when `saysOn` is called. */
class Synthesis extends EventTarget {
  voices = [SWEDISH];
  saying: Said[] = [];
  getVoices = () => this.voices;
  speak = (one: Said) => void this.saying.push(one);
  cancel = vi.fn(() => {
    this.saying = [];
  });

  async saysOn(): Promise<void> {
    this.saying.shift()?.onend();
    await nextTick();
  }

  brings(...voices: (typeof SWEDISH)[]): Promise<void> {
    this.voices = voices;
    this.dispatchEvent(new Event("voiceschanged"));
    return nextTick();
  }
}

let synthesis: Synthesis;
let taken: (() => void)[] = [];
const props = reactive({ texts: ["Får de vara med?", "Ni bestämmer."], discreet: false });

beforeEach(() => {
  asIfInABrowser();
  synthesis = new Synthesis();
  vi.stubGlobal("window", Object.assign(new EventTarget(), { location: { pathname: "/" }, speechSynthesis: synthesis }));
  vi.stubGlobal("SpeechSynthesisUtterance", Said);
  setActivePinia(createPinia());
  Object.assign(props, { texts: ["Får de vara med?", "Ni bestämmer."], discreet: false });
});
afterEach(() => {
  for (const take of taken.splice(0)) take();
});

function shown() {
  const { page, unmount } = mount(() => h(ReadAloud, { ...props }), {}, (app) => app.use(i18n));
  taken.push(unmount);
  const button = () => page.find("data-testid", "listen");
  return { button, press: () => button()!.press(), tells: () => page.find("role", "status")?.text, unmount: () => taken.splice(0).forEach((take) => take()) };
}

it("reads one sentence after the other, and says so", async () => {
  const { button, press, tells } = shown();
  expect(button()!.text).toBe("Lyssna på frågan");
  await press();
  expect(synthesis.saying.map((one) => one.text)).toEqual(props.texts);
  expect(synthesis.saying[0]).toMatchObject({ voice: SWEDISH, lang: "sv-SE" });
  expect([button()!.text, tells()]).toEqual(["Sluta läsa upp", "Frågan läses upp."]);
  await synthesis.saysOn();
  expect(button()!.text).toBe("Sluta läsa upp");
  await synthesis.saysOn();
  expect([button()!.text, tells()]).toEqual(["Lyssna på frågan", ""]);
});

it("is not there without a voice of the page's language, and comes when one does", async () => {
  synthesis.voices = [ARABIC];
  const { button } = shown();
  expect(button()).toBeNull();
  await synthesis.brings(ARABIC, SWEDISH);
  expect(button()).not.toBeNull();
  await synthesis.brings(ARABIC);
  expect(button()).toBeNull();
});

it("is not there where the browser does not read", () => {
  vi.stubGlobal("window", { location: { pathname: "/" }, addEventListener: () => undefined });
  expect(shown().button()).toBeNull();
});

it("stops when it is pressed again, and what was cut off does not stop what is read next", async () => {
  const { button, press } = shown();
  await press();
  const [cut] = synthesis.saying;
  await press();
  expect(synthesis.saying).toEqual([]);
  expect(button()!.text).toBe("Lyssna på frågan");
  await press();
  cut.onerror();
  await nextTick();
  expect(button()!.text).toBe("Sluta läsa upp");
});

it.each<[string, (page: ReturnType<typeof shown>) => unknown]>([
  ["it goes", ({ unmount }) => unmount()],
  ["the page goes", () => window.dispatchEvent(new Event("pagehide"))],
  ["something else is asked", () => (props.texts = ["Avsluta mötet?"])],
  ["the voice breaks off", () => synthesis.saying[0].onerror()],
])("reads no further when %s", async (_, happens) => {
  const page = shown();
  await page.press();
  happens(page);
  await nextTick();
  expect(synthesis.saying).toEqual([]);
});

it("takes nothing away from whatever else is read, where it has read nothing", () => {
  shown().unmount();
  expect(synthesis.cancel).not.toHaveBeenCalled();
});

it("keeps a discreet question from the meeting while it is read, however that ends", async () => {
  props.discreet = true;
  const media = useMedia();
  const { press, unmount } = shown();
  await press();
  expect(media.coughing).toBe(true);
  await press();
  expect(media.coughing).toBe(false);
  await press();
  unmount();
  expect(media.coughing).toBe(false);
});

it("leaves the microphone alone otherwise", async () => {
  const media = useMedia();
  await shown().press();
  expect(media.coughing).toBe(false);
});
