import { expect, it } from "vitest";
import { voiceFor } from "./readAloud";

const voice = (lang: string, localService = true) => ({ lang, localService });

it("reads with a voice of the text's language, whatever its region", () => {
  const arabic = voice("ar-SA");
  expect(voiceFor([voice("sv-SE"), arabic, voice("en-GB")], "ar")).toBe(arabic);
  expect(voiceFor([voice("ti_ER")], "ti")).not.toBeNull();
});

it("has no voice rather than one of another language", () => {
  expect(voiceFor([voice("sv-SE"), voice("en-GB")], "so")).toBeNull();
  expect(voiceFor([], "sv")).toBeNull();
});

it("sends no question to a voice on somebody else's machine", () => {
  expect(voiceFor([voice("ar-SA", false)], "ar")).toBeNull();
});
