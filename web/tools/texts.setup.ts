/** Tests of what a page says begin as a page does whose texts are here: in Swedish. */
import { beforeAll } from "vitest";
import { i18n } from "../src/i18n";
import everybody from "../src/locales/sv";
import duty from "../src/locales/sv/duty";

beforeAll(() => {
  for (const texts of [everybody, duty]) i18n.global.mergeLocaleMessage("sv", texts);
});
