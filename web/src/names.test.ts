import { expect, it } from "vitest";
import { firstName, initials, languageName } from "./names";

it("takes a letter of the first and of the last name", () => {
  expect(initials("Lena Ek")).toBe("LE");
  expect(initials("Anna Maria af Öberg")).toBe("AÖ");
});

it("leaves out what is no name of its own", () => {
  expect(initials("Samira med familj")).toBe("S");
  expect(initials("Yusuf")).toBe("Y");
  expect(initials("Lena Ek (rum 2)")).toBe("LE");
});

it("gives one letter where letters join or have no capitals", () => {
  expect(initials("أمينة حداد")).toBe("أ");
  expect(initials("ሰናይት ተስፋይ")).toBe("ሰ");
});

it("has nothing for nobody", () => {
  expect(initials("  ")).toBe("");
  expect(firstName({ name: "" })).toBe("");
});

it("calls somebody by their first name", () => {
  expect(firstName({ name: " Lena Ek" })).toBe("Lena");
});

it("leaves a role whole that stands for a name", () => {
  expect(firstName({ name: "Personal på plats", unnamed: true })).toBe("Personal på plats");
});

it("names a language, and lets what is none pass as it is", () => {
  expect(languageName("ar", "sv")).toBe("arabiska");
  for (const odd of ["x y", "abcd", "sv-a", "en-1994-1994", "<b>", ""]) expect(languageName(odd, "sv")).toBe(odd);
  expect(languageName("x y", "x y")).toBe("x y");
});
